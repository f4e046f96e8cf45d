"""Batches whose outcome nobody knows: send the same bytes again where that is safe, else look in Xero first."""

import logging
from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Select, and_, bindparam, or_, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from portal import clock, failpoints
from portal.errors import PortalError
from portal.extensions import db
from portal.models import UNSETTLED, Batch, BatchState, Document, Failure, Invoice, Operation, Push
from portal.services import (
    attempts,
    failing,
    following,
    landing,
    leases,
    letters,
    linking,
    looking,
    outbox,
    windows,
)
from portal.services.batching import Prepared
from portal.services.unit import release, transaction
from portal.services.work import Work
from portal.xero import payloads, replies
from portal.xero.errors import XeroError

log = logging.getLogger(__name__)

Item = dict[str, Any]


def resolve(work: Work) -> list[Prepared]:
    """Bring every open batch of the connection a step further; those that are to be sent (again) now.

    Raises NotNow, LeaseLost and Xero's errors.
    """
    failpoints.here("before_resolve")
    again = _resolve_open(work) if _any_open(work) else []
    check_taken(work)
    return again


def _resolve_open(work: Work) -> list[Prepared]:
    _adopt_lost(work)
    _drop_foreign(work)
    again, doubtful = _open_batches(work)
    for batch_id, ripe in doubtful:
        if work.going:
            _look_safely(work, batch_id) if ripe else _look_later(work, batch_id)
    return again


def check_taken(work: Work) -> int:
    """Invoices whose number Xero says is used: ours are linked, foreign ones wait for a decision; how many were."""
    numbers = [invoice.number_sent for _, invoice in _taken(db.session(), work)]
    release()
    if not numbers or not work.going:
        return 0
    seen = looking.invoices_by_number(work, numbers)
    with transaction() as session:
        leases.hold(session, work.connection_id, work.fence)
        claimed = [(push, invoice) for push, invoice in _taken(session, work) if invoice.number_sent in seen]
        for push, invoice in claimed:
            _claim(session, work, push, invoice, seen[invoice.number_sent])
    return len(claimed)


def _any_open(work: Work) -> bool:
    found = db.session.scalar(
        select(Batch.id).where(Batch.connection_id == work.connection_id, Batch.state.in_(UNSETTLED)).limit(1)
    )
    release()
    return found is not None


def _adopt_lost(work: Work) -> None:
    """A sender that died left its batch without an answer: unknown from now on, never queued."""
    with transaction() as session:
        leases.hold(session, work.connection_id, work.fence)
        lost = session.scalars(
            select(Batch).where(
                Batch.connection_id == work.connection_id,
                Batch.state == BatchState.SENT,
                Batch.resolve_at.is_(None),
                Batch.fence < work.fence,
            )
        )
        for batch in lost:
            batch.resolve_at = windows.next_look(batch)
            outbox.unsure_all(session, batch, failing.UNSURE, batch.resolve_at)


def _drop_foreign(work: Work) -> None:
    """What was written for another organisation and never left is written anew; what may have arrived there waits."""
    with transaction() as session:
        leases.hold(session, work.connection_id, work.fence)
        foreign = session.scalars(
            select(Batch).where(
                Batch.connection_id == work.connection_id,
                Batch.tenant_id != work.tenant_id,
                Batch.state == BatchState.PREPARED,
            )
        )
        for batch in foreign:
            outbox.requeue_all(session, [item["push"] for item in batch.items])
            attempts.close(batch, "never sent: the location is connected to another organisation now")


def _open_batches(work: Work) -> tuple[list[Prepared], list[tuple[int, bool]]]:
    """What can be sent (again) at once, and what is doubtful with whether its quiet time is over."""
    moment = clock.now()
    found = db.session.scalars(
        select(Batch)
        .where(
            Batch.connection_id == work.connection_id,
            Batch.tenant_id == work.tenant_id,
            Batch.state.in_(UNSETTLED),
            or_(
                Batch.state == BatchState.PREPARED,
                and_(Batch.state == BatchState.SENT, Batch.resolve_at <= moment),
            ),
        )
        .order_by(Batch.id)
    ).all()
    goes = {batch.id for batch in found if batch.state == BatchState.PREPARED or windows.may_resend(batch)}
    again = [Prepared(batch.id, (batch.document, batch.operation)) for batch in found if batch.id in goes]
    doubtful = [(batch.id, moment >= windows.quiet_end(batch)) for batch in found if batch.id not in goes]
    release()
    return again, doubtful


def _look_later(work: Work, batch_id: int) -> None:
    with transaction() as session:
        leases.hold(session, work.connection_id, work.fence)
        batch = session.get_one(Batch, batch_id)
        batch.resolve_at = windows.next_look(batch)
        outbox.unsure_all(session, batch, failing.UNSURE, batch.resolve_at)


def _look_safely(work: Work, batch_id: int) -> None:
    """Look a batch up; an error that nobody foresaw harms this batch alone, and its documents say so."""
    try:
        _look(work, batch_id)
    except (PortalError, XeroError, SQLAlchemyError, failpoints.Tripped):
        raise
    except Exception:
        log.exception("resolving.broken", extra={"batch": batch_id})
        failing.broken(work, batch_id)


def _look(work: Work, batch_id: int) -> None:
    """The quiet time is over, nothing of the batch can still arrive: read back, then decide each element."""
    batch = db.session.get_one(Batch, batch_id)
    items, find = letters.whole_items(batch), looking.FINDERS[(batch.document, batch.operation)]
    release()
    seen = find(work, items)
    failpoints.here("after_look")
    with transaction() as session:
        leases.hold(session, work.connection_id, work.fence)
        batch = leases.batch(session, batch_id)
        outbox.requeue_all(session, [item["push"] for item in items if item["number"] not in seen])
        _found(
            session, work, batch, [(item, seen[item["number"]]) for item in items if item["number"] in seen]
        )
        attempts.close(batch, "looked up in Xero")


def _found(session: Session, work: Work, batch: Batch, found: list[tuple[Item, Item]]) -> None:
    """They had arrived; of an invoice it is also asked whether the one in Xero is ours."""
    if (batch.document, batch.operation) == (Document.INVOICE, Operation.CREATE):
        for item, told in found:
            push = session.get_one(Push, item["push"])
            _claim(session, work, push, session.get_one(Invoice, push.document_id), told, item)
        return
    results = replies.element_results(
        [told for _, told in found], letters.collection(batch.document, batch.operation)
    )
    landing.land(session, batch, [(item, result) for (item, _), result in zip(found, results, strict=True)])


def _claim(
    session: Session,
    work: Work,
    push: Push,
    invoice: Invoice,
    found: Item,
    item: Item | None = None,
) -> None:
    result = replies.element_results([found], "Invoices")[0]
    if found.get("Reference") != letters.reference(invoice):
        outbox.block(
            push,
            Failure.CONFLICT,
            f"number:{invoice.number_sent}",
            f"Invoice {invoice.number_sent} already exists in Xero and {_maker(found)}.",
        )
        return
    sent_hash = (item or {}).get("hash")
    linking.put(
        session, work.tenant_id, push.location_id, push.document, push.document_id, result.xero_id or "",
        number=result.number, status=result.status, total=result.total, content_hash=sent_hash,
        content=(item or {}).get("element"),
    )  # fmt: skip
    outbox.sent(push)
    if sent_hash != invoice.content_hash and not invoice.status.final:
        following.update(session, invoice)


def _maker(found: Item) -> str:
    if str(found.get("Reference") or "").startswith("HoopAI "):
        return "belongs to another HoopAI invoice"
    return "was not made by HoopAI"


def _taken(session: Session, work: Work) -> Sequence[Any]:
    return session.execute(_clashing(), {"location_id": work.location_id}).all()


@cache
def _clashing() -> Select[*tuple[Push, Invoice]]:
    return (
        select(Push, Invoice)
        .join(Invoice, Invoice.id == Push.document_id)
        .where(
            Push.location_id == bindparam("location_id"),
            Push.document == Document.INVOICE,
            Push.state.in_(outbox.OPEN),
            Push.message == failing.TAKEN,
            Push.batch_id.is_(None),
        )
        .limit(payloads.MAX_ELEMENTS)
    )
