"""An invoice as Xero shall hold it: customer, lines with accounts and taxes, the way of saying its amounts."""

from decimal import Decimal

from portal.config import settings
from portal.models import Document, Failure, Invoice, Line, Link
from portal.services import amounts, dating, preflight, reckoning, rounding
from portal.services.desk import Desk
from portal.services.following import xero_status
from portal.services.letters import reference
from portal.services.preflight import Blocked
from portal.xero import payloads

APPROVED = ("AUTHORISED", "PAID")


def whole(
    desk: Desk, invoice: Invoice, link: Link | None, way: amounts.Reckoning, balance: Decimal
) -> payloads.InvoiceOut:
    """The whole invoice, new or as a change of the linked one. Raises Blocked when it cannot go.

    `way` is how its amounts are said, `balance` the amount of its rounding line, 0 for none.
    """
    contact = desk.link(Document.CONTACT, invoice.contact_id)
    if contact is None:
        raise Blocked(
            Failure.CONFLICT,
            f"contact:{invoice.contact_id}",
            "The invoice's customer is not in Xero yet. Mend the contact first, then retry.",
        )
    day = dating.day_of(invoice, desk.organisation, link)
    return payloads.InvoiceOut(
        number=invoice.number_sent, contact_id=contact.xero_id, date=day,
        due_date=max(invoice.due_date or day, day),
        currency=invoice.currency, amounts=way.amounts,
        lines=[*_lines(desk, invoice, way), *([rounding.line(desk.book, balance)] if balance else [])],
        status=_status(desk, invoice, link), reference=reference(invoice), url=page_of(invoice),
        branding_theme_id=desk.wishes.branding_theme or None, invoice_id=link.xero_id if link else None,
    )  # fmt: skip


def reckon(invoice: Invoice) -> amounts.Reckoning:
    """How the invoice's amounts are said. Raises Blocked when no way of saying them makes HoopAI's total."""
    found = reckoned(invoice)
    preflight.check_total(invoice, found.differs_from(invoice.total))
    return found


def reckoned(invoice: Invoice) -> amounts.Reckoning:
    """The way of saying the amounts that comes nearest to HoopAI's total."""
    return reckoning.of(invoice)


def page_of(invoice: Invoice) -> str | None:
    """The invoice's own page in the portal, for Xero's link back to it; only where the portal is reached by https."""
    base = settings().base_url
    if not base.startswith("https://"):
        return None
    return f"{base.rstrip('/')}/locations/{invoice.location.hoop_id}/invoices/{invoice.hoop_id}"


def tracked(desk: Desk, line: Line) -> tuple[payloads.TrackingOut, ...]:
    """The tracking of a line. Raises Blocked when a chosen option can no longer be used."""
    options = preflight.options_of(line, desk.book) if desk.book.trackings else []
    return tuple(payloads.TrackingOut(each.tracking_id, each.option_id) for each in options)


def _status(desk: Desk, invoice: Invoice, link: Link | None) -> "payloads.InvoiceStatus":
    """What was approved in Xero stays approved, whoever approved it."""
    if link is not None and link.xero_status in APPROVED:
        return "AUTHORISED"
    as_draft = xero_status(invoice.status, desk.wishes) == "DRAFT" or dating.as_draft(
        invoice, desk.organisation
    )
    return "DRAFT" if as_draft else "AUTHORISED"


def _lines(desk: Desk, invoice: Invoice, way: amounts.Reckoning) -> list[payloads.LineOut]:
    parts = way.discount_amounts
    return [
        payloads.LineOut(
            description=line.description or line.name, quantity=line.quantity,
            unit_amount=way.unit_amounts[index] if way.unit_amounts else line.unit_amount,
            account_code=preflight.account_of(line, desk.book).code,
            tax_type=preflight.tax_of(line, desk.book).tax_type, discount_rate=way.discount_rate,
            discount_amount=(parts[index] or None) if parts else None, tracking=tracked(desk, line),
        )
        for index, line in enumerate(invoice.lines)
    ]  # fmt: skip
