"""The outbox. This file alone changes a push's state; everything else asks it to.

queued ─▶ sending ─▶ sent
             ├─▶ waiting    we try again by ourselves at next_try_at (busy, limit, unsure)
             ├─▶ blocked    a person acts ─▶ queued
             └─▶ queued     a newer revision is wanted
skipped, cancelled: nothing will be sent.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, Table, func, or_, select, update
from sqlalchemy.orm import Session, object_session

from portal import clock
from portal.extensions import db
from portal.models import Batch, Connection, Document, Failure, Operation, Push, PushState, User
from portal.models.among import among
from portal.services import audit, heralding, shelf
from portal.services.unit import transaction

PUSHES: Table = Push.metadata.tables["pushes"]
BACKOFF = (5, 15, 60, 300, 900)
OPEN = (PushState.QUEUED, PushState.WAITING, PushState.BLOCKED)
RETRIABLE = (PushState.BLOCKED, PushState.WAITING, PushState.SKIPPED)
READ_FROM_XERO = ("account:", "tax:", "tracking:", "currency:", "lock", "approvals:")
NOT_SENT = "Its invoice is not sent to Xero."


def want(
    session: Session,
    location_id: int,
    document: Document,
    document_id: int,
    operation: Operation,
    *,
    parent: tuple[Document, int] | None = None,
    amount: Decimal | None = None,
    currency: str | None = None,
) -> Push:
    """Ask for a document to be carried to Xero. Asking again wants its newest revision; nothing is doubled."""
    parent_document, parent_id = parent or (None, None)
    wanted = {
        "parent_document": parent_document, "parent_id": parent_id, "amount": amount, "currency": currency,
    }  # fmt: skip
    push = find(session, location_id, document, document_id, operation)
    if push is None:
        push = Push(
            location_id=location_id, document=document, document_id=document_id, operation=operation,
            revision=1, tries=0, state=PushState.QUEUED, updated_at=clock.now(), **wanted,
        )  # fmt: skip
        shelf.carry(session, push)
    else:
        push.put(revision=push.revision + 1, **wanted)
        if push.state not in (PushState.SENDING, PushState.WAITING):
            _to(push, PushState.QUEUED)
    shelf.settle(session, location_id)
    return push


def find(
    session: Session, location_id: int, document: Document, document_id: int, operation: Operation
) -> Push | None:
    """The one push of this operation on this document, if it was ever wanted."""
    held = shelf.of(session, location_id)
    if held is not None and (document, document_id) in held.complete:
        return held.pushes.get((document, document_id, operation))
    return session.scalar(
        select(Push).where(
            Push.location_id == location_id,
            Push.document == document,
            Push.document_id == document_id,
            Push.operation == operation,
        )
    )


def overpaid(location_id: int) -> Select[int]:
    """Ids of the payments that go to Xero as overpayments, all of each."""
    return select(Push.document_id).where(
        Push.location_id == location_id,
        Push.document == Document.PAYMENT,
        Push.operation == Operation.OVERPAY,
    )


def goes_as_overpayment(session: Session, location_id: int, payment_id: int) -> bool:
    """Whether a person has decided that this payment is recorded as an overpayment."""
    return find(session, location_id, Document.PAYMENT, payment_id, Operation.OVERPAY) is not None


def leave_out(session: Session, push: Push, sentence: str) -> None:
    """Do not send it, and say why: before the cut-off, test mode, no connection."""
    _to(push, PushState.SKIPPED, message=sentence)
    shelf.settle(session, push.location_id)


def sending_all(session: Session, push_ids: Sequence[int], batch: Batch) -> None:
    """They are part of a batch that is written down and about to leave."""
    _all_to(session, push_ids, PushState.SENDING, batch_id=batch.id, sending_revision=Push.revision)


def carried_by(session: Session, batch: Batch) -> Sequence[Push]:
    """The pushes of a batch, in its order."""
    ids = [item["push"] for item in batch.items]
    found = {push.id: push for push in session.scalars(select(Push).where(Push.id.in_(ids)))}
    return [found[push_id] for push_id in ids]


def sent(push: Push, message: str | None = None) -> None:
    """It is in Xero. A revision wanted meanwhile is queued by whoever wanted it, as an update."""
    _to(push, PushState.SENT, message=message)
    push.batch_id, push.tries = None, 0
    heralding.push(object_session(push), push, heralding.SENT)


def sent_all(session: Session, push_ids: Sequence[int], message: str | None = None) -> None:
    """These are in Xero, with the same thing to be said of each."""
    _all_to(session, push_ids, PushState.SENT, message=message, batch_id=None, tries=0)
    heralding.sent(session, push_ids)


def wait(push: Push, failure: Failure, message: str, until: datetime | None = None) -> None:
    """Not now; it is tried again by itself. Without a moment the delay grows with each try."""
    _to(push, PushState.WAITING, failure=failure, message=message)
    push.batch_id = None
    push.next_try_at = until or clock.now() + timedelta(seconds=BACKOFF[min(push.tries, len(BACKOFF) - 1)])
    push.tries += 1


def unsure_all(
    session: Session, batch: Batch, message: str, look_at: datetime, *, failure: Failure = Failure.UNSURE
) -> None:
    """Nobody knows what became of it. The pushes stay with their batch until Xero has been looked at."""
    _all_to(
        session, [item["push"] for item in batch.items], PushState.WAITING,
        failure=failure, message=message, next_try_at=look_at,
    )  # fmt: skip


def block(push: Push, failure: Failure, cause: str, message: str) -> None:
    """A person must act. `cause` names what one act mends."""
    _to(push, PushState.BLOCKED, failure=failure, message=message[:1000])
    push.cause, push.batch_id = cause[:320], None
    heralding.push(object_session(push), push, heralding.BLOCKED)


def requeue(push: Push) -> None:
    """It certainly did not reach Xero (or an older revision did): send it again under a new key."""
    _to(push, PushState.QUEUED)
    push.batch_id = None


def requeue_all(session: Session, push_ids: Sequence[int]) -> None:
    """The same for many."""
    _all_to(session, push_ids, PushState.QUEUED, batch_id=None)


def cancel(push: Push, message: str, user: User | None = None) -> None:
    """Nothing will be sent any more."""
    _to(push, PushState.CANCELLED, message=message)
    push.batch_id, push.settled_by_id = None, user.id if user else None


def guard(session: Session, location_id: int) -> Connection | None:
    """Let nobody else change this location's pushes until the transaction ends; its connection, if it has one."""
    return session.scalar(select(Connection).where(Connection.location_id == location_id).with_for_update())


def free(session: Session, location_id: int, causes: Iterable[str]) -> int:
    """Queue exactly the pushes that these causes blocked; how many."""
    return len(free_these(session, location_id, causes))


def free_these(
    session: Session, location_id: int, causes: Iterable[str], invoices: Select[int] | None = None
) -> list[int]:
    """The same, naming them; with `invoices` only pushes of those invoices."""
    wanted = list(causes)
    if not wanted:
        return []
    guard(session, location_id)
    found = select(Push).where(
        Push.location_id == location_id, Push.state == PushState.BLOCKED, Push.cause.in_(wanted)
    )
    if invoices is not None:
        found = found.where(Push.document == Document.INVOICE, Push.document_id.in_(invoices))
    pushes = session.scalars(found).all()
    for push in pushes:
        requeue(push)
    return [push.id for push in pushes]


def retry(push_ids: Sequence[int], user: User, location_id: int) -> int:
    """A person wants these tried again now; how many were, without the payments that follow their invoice.

    What is being sent or checked is left alone, and what was skipped by rule (before the connection, test mode)
    stays skipped: only a person's own skip can be taken back here. What Xero knows is read afresh first.
    """
    with transaction() as session:
        connection = guard(session, location_id)
        found = [push for push in _chosen(session, push_ids, location_id, RETRIABLE) if _may_retry(push)]
        for push in [*found, *_dependents(session, found, (PushState.SKIPPED,), NOT_SENT)]:
            requeue(push)
            push.settled_by_id, push.tries, push.looks = None, 0, 0
        if found:
            audit.note(session, user, location_id, "pushes.retry", f"{len(found)} to be tried again")
        if found and connection:
            connection.facts_fetched_at, connection.rest_until = None, None
    return len(found)


def skip(push_ids: Sequence[int], user: User, location_id: int) -> int:
    """A person decides that these are not sent; how many were. An invoice's waiting payments are skipped with it."""
    with transaction() as session:
        guard(session, location_id)
        found = _chosen(session, push_ids, location_id, OPEN)
        for push in found:
            _to(push, PushState.SKIPPED, message=f"Skipped by {user.name}.")
            push.settled_by_id = user.id
        for push in _dependents(session, found, OPEN):
            leave_out(session, push, NOT_SENT)
        if found:
            audit.note(session, user, location_id, "pushes.skip", f"{len(found)} not to be sent")
    return len(found)


def put_back(push: Push, state: PushState, failure: Failure | None, cause: str | None, message: str) -> None:
    """A retry is called off before it was sent: the push stands as it stood (blocked, or skipped by a person)."""
    _to(push, state, failure=failure, message=message[:1000])
    push.cause = cause


def recheck(session: Session, location_id: int) -> int:
    """Queue what was blocked by something read from Xero: it is checked again, without a call; how many."""
    guard(session, location_id)
    read_from_xero = or_(*[Push.cause.like(f"{kind}%") for kind in READ_FROM_XERO])
    found = session.scalars(
        select(Push).where(Push.location_id == location_id, Push.state == PushState.BLOCKED, read_from_xero)
    ).all()
    for push in found:
        requeue(push)
    return len(found)


def counts(location_id: int) -> dict[PushState, int]:
    """How many pushes stand in each state."""
    rows = db.session.execute(
        select(Push.state, func.count()).where(Push.location_id == location_id).group_by(Push.state)
    )
    found = {PushState(state): number for state, number in rows}
    return {state: found.get(state, 0) for state in PushState}


def _chosen(
    session: Session, push_ids: Sequence[int], location_id: int, states: Sequence[PushState]
) -> Sequence[Push]:
    """Those of the pushes that stand in these states and of which it is certain that nothing is under way."""
    return session.scalars(
        select(Push).where(
            Push.id.in_(push_ids),
            Push.location_id == location_id,
            Push.state.in_(states),
            Push.batch_id.is_(None),
            or_(Push.failure.is_(None), Push.failure != Failure.UNSURE),
        )
    ).all()


def _may_retry(push: Push) -> bool:
    return push.state != PushState.SKIPPED or bool(push.settled_by_id)


def _dependents(
    session: Session, parents: Sequence[Push], states: Sequence[PushState], message: str | None = None
) -> Sequence[Push]:
    """Payments that stand and fall with these invoices; a change of an invoice that Xero has holds none back."""
    ids = [
        push.document_id
        for push in parents
        if (push.document, push.operation) == (Document.INVOICE, Operation.CREATE)
    ]
    found = select(Push).where(
        Push.document == Document.PAYMENT,
        Push.parent_document == Document.INVOICE,
        Push.parent_id.in_(ids),
        Push.location_id.in_({push.location_id for push in parents}),
        Push.state.in_(states),
        Push.batch_id.is_(None),
    )
    return session.scalars(found.where(Push.message == message) if message else found).all()


def _to(push: Push, state: PushState, *, failure: Failure | None = None, message: str | None = None) -> None:
    now = clock.now()
    push.put(
        state=state, failure=failure, message=message, cause=None, next_try_at=None,
        updated_at=now, settled_at=now if state.settled else None,
    )  # fmt: skip


def _all_to(session: Session, push_ids: Sequence[int], state: PushState, **more: Any) -> None:
    """Many at once in one statement; rows of them that the session holds are out of date until it ends."""
    moment = clock.now()
    values = {
        "state": state, "failure": None, "message": None, "cause": None, "next_try_at": None,
        "updated_at": moment, "settled_at": moment if state.settled else None,
    }  # fmt: skip
    session.flush()
    session.execute(update(PUSHES).where(among(PUSHES.c.id, push_ids)).values(values | more))
