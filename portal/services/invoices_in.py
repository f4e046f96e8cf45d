"""Apply what HoopAI says about an invoice, and want the pushes that follow from it, in one transaction.

Events may come twice, late and out of order: the invoice's own `updatedAt` and status decide, never the order of
arrival. Void and delete are final.
"""

import hashlib
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import simplejson
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import clock
from portal.hoopai.invoices import InvoiceMention, InvoiceSaid, LineSaid
from portal.models import Connection, Invoice, InvoiceStatus, Line, Location, Payment
from portal.services import contacts_in, following, mappings

NO_TAX = "none"


def take(session: Session, location: Location, said: InvoiceSaid) -> str | None:
    """Bring our copy up to date. None when something was applied, else the reason why it changes nothing."""
    invoice = session.scalar(
        select(Invoice).where(Invoice.location_id == location.id, Invoice.hoop_id == said.hoop_id)
    )
    if invoice is not None and (reason := _stale(invoice, said)):
        return reason
    if invoice is None:
        invoice = _new(session, location, said)
    _update(session, location, invoice, said)
    session.flush()
    connection = _connection(session, location)
    following.push(session, invoice, connection, _new_payment(session, location, invoice, said))
    return None


def end(session: Session, location: Location, told: InvoiceMention) -> str | None:
    """Void or delete: final, and known by the id alone, since those events may carry nothing else."""
    invoice = session.scalar(
        select(Invoice).where(Invoice.location_id == location.id, Invoice.hoop_id == told.hoop_id)
    )
    if invoice is None:
        return "An invoice that was never seen here was voided or deleted; there is nothing to undo."
    if invoice.status.final:
        return f"The invoice is already {invoice.status}; that is final."
    invoice.status = InvoiceStatus(told.status or InvoiceStatus.VOID)
    invoice.updated_at = max(told.updated_at or clock.now(), invoice.updated_at)
    _fingerprint(invoice)
    following.push(session, invoice, _connection(session, location), None)
    return None


def _connection(session: Session, location: Location) -> Connection | None:
    return session.scalar(select(Connection).where(Connection.location_id == location.id))


def _stale(invoice: Invoice, said: InvoiceSaid) -> str | None:
    if invoice.status.final:
        return f"The invoice is already {invoice.status}; that is final."
    when = said.updated_at or clock.now()
    if (when, InvoiceStatus(said.status).rank) < (invoice.updated_at, invoice.status.rank):
        return "A newer state of this invoice is already known."
    return None


def _new(session: Session, location: Location, said: InvoiceSaid) -> Invoice:
    moment = clock.now()
    invoice = Invoice(
        location_id=location.id, hoop_id=said.hoop_id, created_at=said.created_at or moment,
        updated_at=said.updated_at or moment, revision=0, content_hash="",
        total=Decimal(0), amount_paid=Decimal(0), amount_due=Decimal(0), number="", currency="",
        status=InvoiceStatus(said.status),
    )  # fmt: skip
    session.add(invoice)
    return invoice


def _update(session: Session, location: Location, invoice: Invoice, said: InvoiceSaid) -> None:
    invoice.status = InvoiceStatus(said.status)
    invoice.updated_at = max(said.updated_at or clock.now(), invoice.updated_at)
    _fill(session, location, invoice, said)
    _fingerprint(invoice)


def _fingerprint(invoice: Invoice) -> None:
    fingerprint = content_hash(invoice)
    if fingerprint != invoice.content_hash:
        invoice.content_hash = fingerprint
        invoice.revision += 1


def _fill(session: Session, location: Location, invoice: Invoice, said: InvoiceSaid) -> None:
    invoice.number, invoice.title = said.number or "", said.name or said.title
    invoice.live_mode, invoice.currency = said.live_mode, said.currency
    invoice.total, invoice.amount_paid, invoice.amount_due = said.total, said.amount_paid, said.amount_due
    invoice.issue_date, invoice.due_date = said.issue_date, said.due_date
    invoice.discount_type = said.discount.type if said.discount else None
    invoice.discount_value = said.discount.value if said.discount else None
    if said.contact is not None:
        invoice.contact = contacts_in.take(session, location.id, said.contact)
    if not said.reduced:
        _fill_lines(session, location, invoice, said)


def _fill_lines(session: Session, location: Location, invoice: Invoice, said: InvoiceSaid) -> None:
    categories: dict[str, str] = {}
    taxes: dict[str, tuple[str, Decimal]] = {}
    lines = []
    for position, line in enumerate(said.lines):
        key = category_key(line)
        categories[key] = line.name
        tax_key, tax_name, tax_rate = tax_set(line)
        taxes[tax_key] = (tax_name, tax_rate)
        lines.append(_line(position, line, key, tax_key))
    invoice.lines[:] = lines
    mappings.learn(session, location.id, categories, taxes)


def _line(position: int, line: LineSaid, category: str, tax_key: str) -> Line:
    return Line(
        position=position, name=line.name[:500], description=line.description[:4000] or None, quantity=line.quantity,
        unit_amount=line.amount, product_id=line.product_id, category_key=category, tax_key=tax_key,
        taxes=[{"key": tax.key, "name": tax.name, "rate": tax.rate} for tax in line.taxes],
        tax_inclusive=line.tax_inclusive,
    )  # fmt: skip


def category_key(line: LineSaid) -> str:
    """What the line is mapped by: its product, else its name."""
    return f"product:{line.product_id}" if line.product_id else f"name:{line.name.strip().casefold()}"[:300]


def tax_set(line: LineSaid) -> tuple[str, str, Decimal]:
    """Key, name and summed percentage of all taxes on the line; `none` where there is no tax."""
    if not line.taxes:
        return NO_TAX, "No tax", Decimal(0)
    taxes = sorted(line.taxes, key=lambda tax: tax.key)
    rate = sum((tax.rate for tax in taxes), Decimal(0))
    return "+".join(tax.key for tax in taxes)[:300], " + ".join(tax.name for tax in taxes)[:200], rate


def content_hash(invoice: Invoice) -> str:
    """Fingerprint of everything about the invoice that Xero should hold."""
    content = [
        invoice.number, following.xero_status(invoice.status), invoice.currency, invoice.title,
        str(invoice.issue_date), str(invoice.due_date), invoice.contact.hoop_id if invoice.contact else None,
        invoice.discount_type, _plain(invoice.discount_value), _plain(invoice.total),
        [
            [line.name, line.description, _plain(line.quantity), _plain(line.unit_amount),
             line.category_key, line.tax_key, line.tax_inclusive]
            for line in invoice.lines
        ],
    ]  # fmt: skip
    return hashlib.sha256(simplejson.dumps(content).encode()).hexdigest()


def _plain(value: Decimal | None) -> str | None:
    return None if value is None else str(Decimal(value).quantize(Decimal("0.0001")))


def _new_payment(session: Session, location: Location, invoice: Invoice, said: InvoiceSaid) -> Payment | None:
    if said.status == InvoiceStatus.PAYMENT_PROCESSING:
        return None
    known = session.scalar(select(func.sum(Payment.amount)).where(Payment.invoice_id == invoice.id))
    step = said.amount_paid - (known or Decimal(0))
    if step <= 0:
        return None
    payment = Payment(
        location_id=location.id, invoice_id=invoice.id, amount=step, paid_to=said.amount_paid,
        paid_on=_day(location, said.updated_at or clock.now()), method="default",
    )  # fmt: skip
    session.add(payment)
    session.flush()
    return payment


def _day(location: Location, moment: datetime) -> date:
    try:
        zone = ZoneInfo(location.timezone)
    except (ZoneInfoNotFoundError, ValueError):
        return moment.astimezone(UTC).date()
    return moment.astimezone(zone).date()
