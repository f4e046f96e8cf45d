"""What a failure means: nothing was done, nobody knows, or Xero will not do it; and what follows from each."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from portal import clock
from portal.models import (
    Batch,
    BatchState,
    Connection,
    Document,
    Failure,
    LedgerAccount,
    Link,
    Operation,
    Push,
)
from portal.services import attempts, batching, leases, outbox, preflight, resting, windows
from portal.services.unit import transaction
from portal.services.work import Work
from portal.xero import errors, messages

UNSURE = "No answer came from Xero. It is looked up in Xero before anything is sent again."
TAKEN = "Xero has this already; checking whose it is."
BROKEN = (
    "Something broke on our side while an answer was read. It is looked up in Xero before it is sent again."
)
UNREACHED = "Xero could not be reached; nothing was sent."
LOCKED = ("XH028", "XH029")
UNTRACKED = "XH048"
AT_LIMIT = "XH031"
NUMBER_TAKEN = "XH001"
NAMES_TAKEN = {NUMBER_TAKEN, "XH032", "XH033"}
MOST_LOOKS = 2
LOOK_FIRST = timedelta(seconds=2)
A_DAY_LIMIT = 3600


def failed(
    session: Session, work: Work, connection: Connection, batch: Batch, error: errors.XeroError
) -> None:
    """Settle a batch that brought no results. What may have reached Xero stays open until it has been looked up."""
    if isinstance(error, errors.NoAnswer) or _doubtful(batch, error):
        unknown(session, batch, error)
        return
    attempts.note(session, batch, error, [(item, "failed", None) for item in batch.items])
    attempts.close(batch, type(error).__name__)
    pushes = outbox.carried_by(session, batch)
    if isinstance(error, errors.Rejected | errors.NotFound):
        _rejected(session, work, batch, pushes, error)
    elif isinstance(error, errors.Busy):
        _busy(session, connection, pushes, error)
    else:
        _not_done(pushes, error)


def unknown(session: Session, batch: Batch, error: errors.XeroError) -> None:
    """Nobody knows whether Xero has done it: the batch stays open, its pushes wait with it."""
    batch.resolve_at = windows.next_look(batch)
    batch.outcome = f"unknown: {type(error).__name__}"
    attempts.note(session, batch, error, [(item, "unsure", None) for item in batch.items])
    outbox.unsure_all(session, batch, UNSURE, batch.resolve_at)
    if batch.operation == Operation.UPDATE:
        _forget_content(session, batch)


def broken(work: Work, batch_id: int) -> None:
    """Something broke on our side while an answer was read: said of each push, and nothing goes before a look.

    Raises LeaseLost.
    """
    with transaction() as session:
        leases.hold(session, work.connection_id, work.fence)
        batch = leases.batch(session, batch_id)
        if batch.state != BatchState.CLOSED:
            batch.resolve_at = windows.after_breaking(batch)
            batch.outcome = "unknown: something broke on our side"
            outbox.unsure_all(session, batch, BROKEN, batch.resolve_at, failure=Failure.BUG)


def refused(session: Session, work: Work, push: Push, said: tuple[str, ...]) -> None:
    """Xero will not do it as it stands; a taken number or name is looked into before anybody is asked."""
    known = messages.explain_all(said)
    words = " ".join(said) or "Xero gave no reason."
    if known is not None and known.code in NAMES_TAKEN and push.operation == Operation.CREATE:
        _taken(push, words)
        return
    if known is not None and known.kind == "done":
        outbox.sent(push, known.sentence)
        return
    if known is not None and known.code == AT_LIMIT:
        _approvals_used(session, work, push)
        return
    failure = Failure(known.kind) if known and known.kind in list(Failure) else Failure.REFUSED
    cause = f"{known.code if known else 'xero'}:{words}"
    if known is not None and (failure == Failure.MAPPING or known.code in LOCKED):
        cause = _by_the_books(session, work, known, words) or cause
        work.books_changed = True
    explained = f"{known.sentence} {known.next_step} Xero said: {words}" if known else f"Xero said: {words}"
    outbox.block(push, failure, cause, explained)


def _approvals_used(session: Session, work: Work, push: Push) -> None:
    """The month's approvals are used up: kept as a fact, so that what follows is stopped or sent as a draft."""
    connection = session.get_one(Connection, work.connection_id)
    used = {preflight.APPROVALS_USED: preflight.this_month()}
    connection.organisation = {**connection.organisation, **used}
    outbox.requeue(push)


def _by_the_books(session: Session, work: Work, known: messages.Known, words: str) -> str | None:
    """The cause that a change in Xero's books or another choice mends: a lock, an option, an account by its code."""
    if known.code in LOCKED:
        return "lock"
    if known.code == UNTRACKED:
        return f"tracking:{words}"[:300]
    account_id = session.scalar(
        select(LedgerAccount.account_id).where(
            LedgerAccount.connection_id == work.connection_id, LedgerAccount.code == (known.subject or "")
        )
    )
    return f"account:{account_id}" if account_id else None


def _doubtful(batch: Batch, error: errors.XeroError) -> bool:
    """A failure that says "not done" of this sending says nothing of an earlier one without an answer.

    And a 503 is not believed for what Xero would take twice: payments, credit notes, refunds.
    """
    if isinstance(error, errors.Rejected | errors.NotFound):
        return False
    creates = batch.operation in (Operation.CREATE, Operation.OVERPAY)
    twice = creates and not windows.resendable(batch)
    return batch.tries > 1 or (twice and isinstance(error, errors.Busy) and not error.limit)


def _forget_content(session: Session, batch: Batch) -> None:
    """What Xero holds of these is not known any more."""
    documents = [push.document_id for push in outbox.carried_by(session, batch)]
    session.execute(
        update(Link)
        .where(
            Link.tenant_id == batch.tenant_id,
            Link.document == batch.document,
            Link.document_id.in_(documents),
        )
        .values(sent_hash=None)
    )


def _not_done(pushes: Sequence[Push], error: errors.XeroError) -> None:
    for push in pushes:
        if isinstance(error, errors.NotSent):
            outbox.wait(push, Failure.BUSY, UNREACHED)
        else:
            outbox.requeue(push)


def _busy(session: Session, connection: Connection, pushes: Sequence[Push], error: errors.Busy) -> None:
    day = isinstance(error, errors.DayLimitUsed)
    usual = A_DAY_LIMIT if day else 60 if error.limit is None else 5
    until = clock.now() + timedelta(seconds=error.retry_after or usual)
    words = "Today's calls to Xero are used up." if day else "Xero is busy."
    for push in pushes:
        outbox.wait(push, Failure.LIMIT if day else Failure.BUSY, words, until)
    if day:
        resting.stop_the_backlog(session, connection, until)
    else:
        connection.rest_until, connection.rest_reason = until, error.limit or "busy"


def _rejected(
    session: Session,
    work: Work,
    batch: Batch,
    pushes: Sequence[Push],
    error: errors.Rejected | errors.NotFound,
) -> None:
    if isinstance(error, errors.Rejected) and error.key_clash:
        for push in pushes:
            outbox.requeue(push)
    elif len(pushes) > 1:
        batching.split(session, batch, work.fence)
    else:
        said = tuple(error.messages) if isinstance(error, errors.Rejected) else ()
        refused(session, work, pushes[0], said or (error.message,))


def _taken(push: Push, words: str) -> None:
    push.looks += 1
    if push.looks > MOST_LOOKS:
        own = (
            f"contact:{push.document_id}" if push.document == Document.CONTACT else f"{NUMBER_TAKEN}:{words}"
        )
        outbox.block(push, Failure.CONFLICT, own, f"Xero said: {words}")
    else:
        outbox.wait(push, Failure.UNSURE, TAKEN, clock.now() + LOOK_FIRST)
