"""HoopAI's side of a reconciliation: invoices, payments and refunds of some days with all that is known of them."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from portal.models import (
    DirectoryContact,
    Document,
    Invoice,
    InvoiceStatus,
    Line,
    Link,
    Payment,
    Push,
    PushState,
    Refund,
    RunStage,
)
from portal.services import amounts, mappings, outbox, reckoning
from portal.services.beside import Ours

OPEN = (PushState.QUEUED, PushState.SENDING, PushState.WAITING, PushState.BLOCKED)
KINDS = {
    RunStage.INVOICES: (Document.INVOICE,),
    RunStage.PAYMENTS: (Document.PAYMENT,),
    RunStage.REFUNDS: (Document.CREDIT_NOTE, Document.REFUND),
}
Bundle = Sequence[Ours]
PushesOf = dict[int, list[Push]]


def of_invoices(location_id: int, first: date, last: date) -> Select[int]:
    """Ids of the live invoices of these days, and of older ones that still wait."""
    start = datetime.combine(first, time(), UTC)
    end = datetime.combine(last + timedelta(days=1), time(), UTC)
    undated = and_(Invoice.issue_date.is_(None), Invoice.created_at >= start, Invoice.created_at < end)
    dated = or_(
        Invoice.issue_date.between(first, last), undated, Invoice.id.in_(_open(location_id, Document.INVOICE))
    )
    return select(Invoice.id).where(Invoice.location_id == location_id, Invoice.live_mode.is_(True), dated)


def of_payments(location_id: int, first: date, last: date) -> Select[int]:
    """Ids of the payments of live invoices of these days, and of older ones that still wait."""
    dated = or_(Payment.paid_on.between(first, last), Payment.id.in_(_open(location_id, Document.PAYMENT)))
    return (
        select(Payment.id)
        .join(Invoice, Invoice.id == Payment.invoice_id)
        .where(
            Payment.location_id == location_id,
            Invoice.live_mode.is_(True),
            dated,
        )
    )


def of_refunds(location_id: int, first: date, last: date) -> Select[int]:
    """Ids of the refunds of live invoices of these days, and of older ones that still wait."""
    waits = or_(*(Refund.id.in_(_open(location_id, each)) for each in KINDS[RunStage.REFUNDS]))
    return (
        select(Refund.id)
        .join(Invoice, Invoice.id == Refund.invoice_id)
        .where(
            Refund.location_id == location_id,
            Invoice.live_mode.is_(True),
            or_(Refund.refunded_on.between(first, last), waits),
        )
    )


def invoices_due(
    session: Session, location_id: int, first: date, last: date, after: int, most: int
) -> list[int]:
    """The next ids to compare."""
    chosen = of_invoices(location_id, first, last).where(Invoice.id > after)
    return list(session.scalars(chosen.order_by(Invoice.id).limit(most)))


def payments_due(
    session: Session, location_id: int, first: date, last: date, after: int, most: int
) -> list[int]:
    """The next ids to compare."""
    chosen = of_payments(location_id, first, last).where(Payment.id > after)
    return list(session.scalars(chosen.order_by(Payment.id).limit(most)))


def refunds_due(
    session: Session, location_id: int, first: date, last: date, after: int, most: int
) -> list[int]:
    """The next ids to compare."""
    chosen = of_refunds(location_id, first, last).where(Refund.id > after)
    return list(session.scalars(chosen.order_by(Refund.id).limit(most)))


def links(
    session: Session, tenant_id: str, location_id: int, document: Document, ids: Iterable[int]
) -> dict[int, Link]:
    """Where these documents are in the organisation."""
    found = session.scalars(
        select(Link).where(
            Link.tenant_id == tenant_id,
            Link.location_id == location_id,
            Link.document == document,
            Link.document_id.in_(list(ids)),
        )
    )
    return {link.document_id: link for link in found}


def any_overpaid(session: Session, location_id: int) -> bool:
    """Whether any payment of the location goes to Xero as an overpayment."""
    return session.scalar(outbox.overpaid(location_id).limit(1)) is not None


def overpaid(session: Session, location_id: int, document: Document, ids: Iterable[int]) -> set[int]:
    """Those of these payments that go to Xero as overpayments; none of other documents."""
    if document != Document.PAYMENT:
        return set()
    return set(session.scalars(outbox.overpaid(location_id).where(Push.document_id.in_(list(ids)))))


def invoice_ids(
    session: Session, tenant_id: str, location_id: int, document: Document, ids: list[int]
) -> list[str]:
    """Xero's ids of the invoices that these payments belong to; nothing for other documents."""
    if document != Document.PAYMENT:
        return []
    owners = session.scalars(select(Payment.invoice_id).where(Payment.id.in_(ids)).distinct())
    held = links(session, tenant_id, location_id, Document.INVOICE, owners)
    return [link.xero_id for link in held.values()]


def invoices(
    session: Session, tenant_id: str, location_id: int, connection_id: int, ids: list[int]
) -> Bundle:
    """These invoices with lines, pushes, links, customers and what of them is paid in Xero."""
    found = session.scalars(
        select(Invoice)
        .where(Invoice.id.in_(ids))
        .options(selectinload(Invoice.lines), selectinload(Invoice.payments))
        .order_by(Invoice.id)
    ).all()
    held = links(session, tenant_id, location_id, Document.INVOICE, ids)
    pushes = _pushes(session, location_id, Document.INVOICE, ids)
    customers = {one.contact_id for one in found if one.contact_id}
    of_customers = _pushes(session, location_id, Document.CONTACT, customers)
    contacts = _contacts(session, tenant_id, location_id, connection_id, customers)
    paid = _paid(session, tenant_id, location_id, found)
    elsewhere = _elsewhere(session, tenant_id, location_id, Document.INVOICE, ids)
    book = mappings.book(location_id)

    def one(invoice: Invoice) -> Ours:
        mine, link = pushes.get(invoice.id, []), held.get(invoice.id)
        if link is None and any(push.state in OPEN for push in mine):
            mine = [*mine, *of_customers.get(invoice.contact_id or 0, [])]
        return Ours(
            Document.INVOICE, invoice.hoop_id, invoice.number_sent, invoice.issue_date or invoice.created_at.date(),
            invoice.total, invoice.currency, mine, link, elsewhere=invoice.id in elsewhere,
            ended=invoice.status.final, early=not mine and (invoice.status == InvoiceStatus.DRAFT or invoice.held),
            contact_ids=contacts.get(invoice.contact_id or 0, frozenset()), paid=paid.get(invoice.id),
            lines=_lines(invoice, link, book),
        )  # fmt: skip

    return [one(invoice) for invoice in found]


def payments(
    session: Session, tenant_id: str, location_id: int, _connection_id: int, ids: list[int]
) -> Bundle:
    """These payments with pushes and links. An overpayment stands on the customer, so on no account here."""
    found = session.scalars(
        select(Payment).where(Payment.id.in_(ids)).options(joinedload(Payment.invoice)).order_by(Payment.id)
    ).all()
    held = links(session, tenant_id, location_id, Document.PAYMENT, ids)
    pushes = _pushes(session, location_id, Document.PAYMENT, ids)
    elsewhere = _elsewhere(session, tenant_id, location_id, Document.PAYMENT, ids)
    above, book = overpaid(session, location_id, Document.PAYMENT, ids), mappings.book(location_id)

    def one(payment: Payment) -> Ours:
        account = book.payment_account_for(payment.method)
        code = account.code or "" if account else ""
        return Ours(
            Document.PAYMENT, payment.invoice.hoop_id, payment.invoice.number_sent, payment.paid_on, payment.amount,
            payment.invoice.currency, pushes.get(payment.id, []), held.get(payment.id),
            elsewhere=payment.id in elsewhere, ended=payment.taken_back_at is not None,
            lines=[] if payment.id in above else [(code, payment.amount)],
        )  # fmt: skip

    return [one(payment) for payment in found]


def refunds(
    session: Session, tenant_id: str, location_id: int, _connection_id: int, ids: list[int]
) -> Bundle:
    """These refunds, each as its credit note and as the money that went back."""
    found = session.scalars(
        select(Refund).where(Refund.id.in_(ids)).options(joinedload(Refund.invoice)).order_by(Refund.id)
    ).all()
    answer: list[Ours] = []
    for document in KINDS[RunStage.REFUNDS]:
        held = links(session, tenant_id, location_id, document, ids)
        pushes = _pushes(session, location_id, document, ids)
        elsewhere = _elsewhere(session, tenant_id, location_id, document, ids)
        answer += [
            Ours(
                document, given.invoice.hoop_id, given.invoice.number_sent, given.refunded_on, given.amount,
                given.invoice.currency, pushes.get(given.id, []), held.get(given.id), elsewhere=given.id in elsewhere,
            )
            for given in found
        ]  # fmt: skip
    return answer


def _open(location_id: int, document: Document) -> Select[int]:
    return select(Push.document_id).where(
        Push.location_id == location_id, Push.state.in_(OPEN), Push.document == document
    )


def _pushes(session: Session, location_id: int, document: Document, ids: Iterable[int]) -> PushesOf:
    found: PushesOf = {}
    mine: tuple[ColumnElement[bool], ...] = (
        Push.location_id == location_id,
        Push.document == document,
        Push.document_id.in_(list(ids)),
    )
    for push in session.scalars(select(Push).where(*mine).order_by(Push.id)):
        found.setdefault(push.document_id, []).append(push)
    return found


def _elsewhere(
    session: Session, tenant_id: str, location_id: int, document: Document, ids: list[int]
) -> set[int]:
    found = session.scalars(
        select(Link.document_id).where(
            Link.tenant_id != tenant_id,
            Link.location_id == location_id,
            Link.document == document,
            Link.document_id.in_(ids),
        )
    )
    return set(found)


def _contacts(
    session: Session, tenant_id: str, location_id: int, connection_id: int, ids: Iterable[int]
) -> dict[int, frozenset[str]]:
    """Xero's ids that each customer may stand under: the linked one, and the one it was merged into."""
    held = links(session, tenant_id, location_id, Document.CONTACT, ids)
    rows = session.execute(
        select(DirectoryContact.contact_id, DirectoryContact.merged_into).where(
            DirectoryContact.connection_id == connection_id,
            DirectoryContact.contact_id.in_([link.xero_id for link in held.values()]),
        )
    )
    merged = {contact_id: into for contact_id, into in rows}
    return {
        key: frozenset(filter(None, (link.xero_id, merged.get(link.xero_id)))) for key, link in held.items()
    }


def _paid(session: Session, tenant_id: str, location_id: int, found: Sequence[Invoice]) -> dict[int, Decimal]:
    """How much of each invoice's payments Xero has, by our links; left out where one is under way."""
    ids = [payment.id for invoice in found for payment in invoice.payments]
    held = links(session, tenant_id, location_id, Document.PAYMENT, ids)
    pushes = _pushes(session, location_id, Document.PAYMENT, ids)
    above = overpaid(session, location_id, Document.PAYMENT, ids)
    answer = {}
    for invoice in found:
        mine = [payment for payment in invoice.payments if payment.id in held and payment.id not in above]
        moving = any(
            push.state in OPEN for payment in invoice.payments for push in pushes.get(payment.id, [])
        )
        if not moving:
            there = [payment.amount for payment in mine if held[payment.id].xero_status != "DELETED"]
            answer[invoice.id] = sum(there, Decimal(0))
    return answer


def _lines(invoice: Invoice, link: Link | None, book: Any) -> list[tuple[str, Decimal]]:
    """Account code and amount of each line: the account it was sent with, else that of today's mapping."""
    if not invoice.lines:
        return []
    sent = [
        str(row.get("AccountCode") or "")
        for row in ((link.content if link else None) or {}).get("LineItems") or []
    ]
    way = reckoning.of(invoice)

    def amount(place: int, line: Line) -> Decimal:
        gross = line.quantity * line.unit_amount
        part = way.discount_amounts[place] if way.discount_amounts else gross * (way.discount_rate or 0) / 100
        return amounts.cents(gross - amounts.cents(part))

    def code(place: int, line: Line) -> str:
        if place < len(sent):
            return sent[place]
        account = book.account_of_line(line.product_id, line.category_key)
        return account.code or "" if account else ""

    return [(code(place, line), amount(place, line)) for place, line in enumerate(invoice.lines)]
