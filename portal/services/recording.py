"""What came back, written down: every element of a batch lands on its own push, in one transaction."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import clock
from portal.models import Batch, BatchState, Connection, Document, Invoice, Link, Operation, Payment, Push
from portal.services import attempts, failing, following, leases, letters, linking, matching, outbox
from portal.services.attempts import Pair
from portal.services.sending import Outcome
from portal.services.unit import transaction
from portal.services.work import Work
from portal.xero import errors, payloads, replies
from portal.xero.client import Reply


def record(work: Work, batch_id: int, outcome: Outcome) -> None:
    """Settle a batch by its answer or its failure. Raises LeaseLost when another worker has taken over."""
    with transaction() as session:
        connection = leases.hold(session, work.connection_id, work.fence)
        batch = session.get_one(Batch, batch_id, populate_existing=True)
        if batch.state == BatchState.CLOSED:
            return
        pairs = [(item, session.get_one(Push, item["push"])) for item in batch.items]
        if isinstance(outcome, Reply):
            _answered(session, work, connection, batch, pairs, outcome)
        else:
            failing.failed(session, work, connection, batch, pairs, outcome)


def _answered(
    session: Session, work: Work, connection: Connection, batch: Batch, pairs: list[Pair], reply: Reply
) -> None:
    found = list(match(pairs, replies.results(reply, letters.COLLECTIONS[batch.document])))
    if any(result is None for _, result in found):
        failing.unknown(session, batch, pairs, errors.NoAnswer("Xero's answer does not fit what was sent."))
        return
    for (item, push), result in zip(pairs, [result for _, result in found], strict=True):
        assert result is not None
        attempts.note(session, push, batch, "sent" if result.ok else "refused", reply, item, result)
        if result.ok:
            landed(session, batch, item, push, result)
        else:
            failing.refused(session, work, push, result.messages)
    attempts.close(batch, f"{reply.status}")
    connection.last_success_at, connection.stumbles = clock.now(), 0


def match(
    pairs: list[Pair], results: list[replies.ElementResult]
) -> Iterator[tuple[Pair, replies.ElementResult | None]]:
    """Each element's own result: by our number first at its place, then anywhere; None when there is none."""
    same_length = len(results) == len(pairs)
    for position, pair in enumerate(pairs):
        number = pair[0]["number"]
        here = results[position] if position < len(results) else None
        if here is not None and (_is(number, here) or (same_length and here.number is None)):
            yield pair, here
        else:
            yield pair, next((result for result in results if _is(number, result)), None)


def landed(
    session: Session, batch: Batch, item: dict[str, Any], push: Push, result: replies.ElementResult
) -> None:
    """It is in Xero: keep the link, say when Xero's total differs, and want what has changed meanwhile."""
    linking.put(
        session, batch.tenant_id, push.location_id, push.document, push.document_id, result.xero_id or "",
        number=result.number, status=result.status, total=result.total, content_hash=item.get("hash"),
        content=_held(push, item),
    )  # fmt: skip
    outbox.sent(push, " ".join(filter(None, [_difference(item, result), item.get("note")])) or None)
    if push.document == Document.CONTACT:
        matching.remember(session, batch.connection_id, replies.contact_facts([result.data]))
    if push.document == Document.INVOICE and push.operation != Operation.VOID:
        invoice = session.get_one(Invoice, push.document_id)
        if invoice.content_hash != item.get("hash") and not invoice.status.final:
            following.update(session, invoice)
        elif invoice.status.final:
            following.void(session, invoice)
    if push.document == Document.PAYMENT:
        _mark_paid(session, batch.tenant_id, push, result)


def _held(push: Push, item: dict[str, Any]) -> dict[str, Any] | None:
    """What Xero holds of a contact or invoice now, to be compared with its next change."""
    kept = push.document in (Document.CONTACT, Document.INVOICE) and push.operation != Operation.VOID
    return (item.get("holds") or item["element"]) if kept else None


def _is(number: str, result: replies.ElementResult) -> bool:
    if number in (result.number, result.xero_id):
        return True
    return payloads.mark_in(result.number or "", number)


def _difference(item: dict[str, Any], result: replies.ElementResult) -> str | None:
    """What Xero made otherwise than HoopAI's total, or than the tax that was foretold for the invoice."""
    expected, total, foretold = item.get("total"), result.total, item.get("tax")
    if expected is not None and total is not None and expected != total:
        return f"Sent, differs by {abs(total - expected):.2f}: Xero's total is {total:.2f}, HoopAI's {expected:.2f}."
    tax = replies.parse_money(result.data.get("TotalTax"))
    if foretold is not None and tax is not None and foretold != tax:
        return f"Sent, but Xero's tax is {tax:.2f} where HoopAI's lines make {foretold:.2f}."
    return None


def _mark_paid(session: Session, tenant_id: str, push: Push, result: replies.ElementResult) -> None:
    """Xero marks an invoice as paid once its payments make its total; so does our link to it."""
    payment = session.get_one(Payment, push.document_id)
    invoice = linking.find(session, tenant_id, push.location_id, Document.INVOICE, payment.invoice_id)
    if invoice is None or invoice.xero_total is None:
        return
    if result.status == "DELETED":
        invoice.xero_status = "AUTHORISED" if invoice.xero_status == "PAID" else invoice.xero_status
        return
    paid = session.scalar(
        select(func.sum(Link.xero_total))
        .join(Payment, Payment.id == Link.document_id)
        .where(
            Link.tenant_id == tenant_id,
            Link.document == Document.PAYMENT,
            Link.xero_status.is_distinct_from("DELETED"),
            Payment.invoice_id == payment.invoice_id,
        )
    )
    if paid is not None and paid >= invoice.xero_total:
        invoice.xero_status = "PAID"
