"""What is in Xero now: links, states and what follows from it, for all elements of a batch at once."""

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from portal.models import (
    Batch,
    Connection,
    Contact,
    Document,
    Invoice,
    InvoiceStatus,
    Link,
    Operation,
    Payment,
    Push,
)
from portal.models.among import among
from portal.models.base import Written
from portal.services import following, letters, linking, matching, outbox, paid_in_xero, tracking
from portal.services.linking import Known
from portal.xero import replies
from portal.xero.replies import ElementResult

Landed = tuple[dict[str, Any], ElementResult]
KEPT = (Document.CONTACT, Document.INVOICE)


class Here(NamedTuple):
    """The organisation in which something landed, and whose documents they are."""

    tenant_id: str
    location_id: int


def land(session: Session, batch: Batch, landed: Sequence[Landed]) -> None:
    """These are in Xero: keep the links, say where Xero's total differs, and want what has changed meanwhile."""
    if not landed:
        return
    ids = _documents(session, landed)
    here = Here(batch.tenant_id, session.get_one(Connection, batch.connection_id).location_id)
    _link(session, batch, here, landed, ids)
    _settle(session, landed)
    if batch.document == Document.CONTACT:
        facts = replies.contact_facts([result.data for _, result in landed])
        matching.remember(session, batch.connection_id, facts)
        _follow_contacts(session, {ids[item["push"]]: item.get("hash") for item, _ in landed})
    if batch.document == Document.INVOICE and batch.operation != Operation.VOID:
        _follow(session, {ids[item["push"]]: item.get("hash") for item, _ in landed})
    if batch.document == Document.PAYMENT:
        _reckon_paid(session, here, {ids[item["push"]]: result for item, result in landed})


def _documents(session: Session, landed: Sequence[Landed]) -> dict[int, int]:
    """Which document each push is about."""
    pushes = [item["push"] for item, _ in landed]
    return dict(session.execute(_about(), {"pushes": pushes}).all())


def _link(session: Session, batch: Batch, here: Here, landed: Sequence[Landed], ids: dict[int, int]) -> None:
    held = _held(batch)
    known = [
        Known(
            ids[item["push"]], result.xero_id or "", result.number, result.status, result.total, item.get("hash"),
            held.get(item["push"]),
        )
        for item, result in landed
    ]  # fmt: skip
    linking.put_all(session, *here, batch.document, known)


def _held(batch: Batch) -> dict[int, Any]:
    """What Xero holds of each contact or invoice now, to be compared with its next change."""
    if batch.document not in KEPT or batch.operation == Operation.VOID:
        return {}
    said = zip(batch.items, letters.said(batch), strict=True)
    return {item["push"]: item.get("holds") or Written(text) for item, text in said}


def _settle(session: Session, landed: Sequence[Landed]) -> None:
    remarks: dict[str | None, list[int]] = {}
    for item, result in landed:
        remark = " ".join(
            filter(None, [_difference(item, result), _untracked(item, result), item.get("note")])
        )
        remarks.setdefault(remark or None, []).append(item["push"])
    for said, pushes in remarks.items():
        outbox.sent_all(session, pushes, said)


def _difference(item: dict[str, Any], result: ElementResult) -> str | None:
    """What Xero made otherwise than HoopAI's total, or than the tax that was foretold for the invoice."""
    expected, total, foretold = item.get("total"), result.total, item.get("tax")
    if expected is not None and total is not None and expected != total:
        return f"Sent, differs by {abs(total - expected):.2f}: Xero's total is {total:.2f}, HoopAI's {expected:.2f}."
    tax = replies.parse_money(result.data.get("TotalTax"))
    if foretold is not None and tax is not None and foretold != tax:
        return f"Sent, but Xero's tax is {tax:.2f} where HoopAI's lines make {foretold:.2f}."
    return None


def _untracked(item: dict[str, Any], result: ElementResult) -> str | None:
    """Xero has been seen to take lines and drop their tracking without a word (XeroAPI/xero-node, issue 516)."""
    told = item.get("tracked", 0)
    if not told or tracking.count(result.data) >= told:
        return None
    return "Sent, but Xero did not keep all tracking options of its lines."


def _follow_contacts(session: Session, hashes: dict[int, str | None]) -> None:
    """What was told of these contacts while they were in the air is wanted in Xero as well."""
    for contact in session.scalars(select(Contact).where(among(Contact.id, hashes))):
        if contact.content_hash != hashes[contact.id]:
            following.contact_changed(session, contact)


def _follow(session: Session, hashes: dict[int, str | None]) -> None:
    """What HoopAI has said of these invoices since they were written is wanted in Xero as well."""
    rows = session.execute(_standing(), {"invoices": list(hashes)})
    for invoice_id, status, content_hash in rows.all():
        if status.final:
            following.void(session, session.get_one(Invoice, invoice_id))
        elif content_hash != hashes[invoice_id]:
            following.update(session, session.get_one(Invoice, invoice_id))


def _reckon_paid(session: Session, here: Here, results: dict[int, ElementResult]) -> None:
    """Xero marks an invoice as paid once its payments make its total, and no longer once one of them is deleted."""
    rows = session.execute(_paying(), {"payments": list(results)})
    deleted: set[int] = set()
    paid: set[int] = set()
    for payment_id, invoice_id in rows:
        (deleted if results[payment_id].status == "DELETED" else paid).add(invoice_id)
    _mark(session, here, deleted, "PAID", "AUTHORISED")
    _mark(session, here, _fully_paid(session, here, paid), None, "PAID")


def _fully_paid(session: Session, here: Here, invoices: set[int]) -> set[int]:
    """Those of the invoices whose payments in Xero make their total there."""
    if not invoices:
        return set()
    sums = paid_in_xero.paid(session, *here, invoices)
    totals = paid_in_xero.totals(session, *here, Document.INVOICE, sums)
    return {invoice_id for invoice_id, total in totals.items() if sums[invoice_id] >= total}


@cache
def _about() -> Select[*tuple[int, int]]:
    return select(Push.id, Push.document_id).where(among(Push.id, "pushes"))


@cache
def _standing() -> Select[*tuple[int, InvoiceStatus, str]]:
    asked = among(Invoice.id, "invoices")
    return select(Invoice.id, Invoice.status, Invoice.content_hash).where(asked)


@cache
def _paying() -> Select[*tuple[int, int]]:
    return select(Payment.id, Payment.invoice_id).where(among(Payment.id, "payments"))


def _mark(session: Session, here: Here, invoices: set[int], was: str | None, status: str) -> None:
    if not invoices:
        return
    marked = update(Link).where(
        Link.tenant_id == here.tenant_id,
        Link.location_id == here.location_id,
        Link.document == Document.INVOICE,
        among(Link.document_id, invoices),
        Link.xero_total.is_not(None),
    )
    marked = marked.where(Link.xero_status == was) if was else marked
    session.execute(marked.values(xero_status=status), execution_options={"synchronize_session": False})
