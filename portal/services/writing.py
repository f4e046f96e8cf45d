"""Writing letters: our contacts and invoices in, the elements of a batch out."""

from typing import Any

from portal.models import Contact, Document, Failure, Invoice, Link, Operation, Push
from portal.services import amounts, matching, preflight, writing_money
from portal.services.desk import Desk
from portal.services.following import xero_status
from portal.services.letters import Letter, Matched, Nothing, NotYet, Withdrawn, reference
from portal.services.preflight import Blocked
from portal.xero import payloads

MONEY = {
    Document.PAYMENT: writing_money.payment,
    Document.CREDIT_NOTE: writing_money.credit_note,
    Document.REFUND: writing_money.refund,
}


def write(desk: Desk, push: Push) -> Letter:
    """The letter for a push. Raises Blocked when it cannot go, Matched, NotYet or Nothing when it need not."""
    try:
        return _write(desk, push)
    except payloads.NotExact as error:
        raise Blocked(
            Failure.REFUSED, "amount:decimals", f"An amount cannot be kept exactly: {error}"
        ) from error


def _write(desk: Desk, push: Push) -> Letter:
    if push.document == Document.CONTACT:
        return _contact(desk, push, desk.contacts[push.document_id])
    if push.document in MONEY:
        return MONEY[push.document](desk, push)
    invoice = desk.invoices[push.document_id]
    if push.operation == Operation.VOID:
        return _void(desk, push, invoice)
    return _invoice(desk, push, invoice)


def _contact(desk: Desk, push: Push, contact: Contact) -> Letter:
    if known := desk.directory.find(contact):
        raise Matched(known)
    name = matching.folded(contact.display_name)
    if name in desk.names:
        raise NotYet
    desk.names.add(name)
    number = matching.number_of(contact)
    first, _, last = contact.name.partition(" ")
    address = payloads.AddressOut(**contact.address) if contact.address else None
    out = payloads.ContactOut(
        number=number, name=contact.display_name, first_name=first or None, last_name=last or None,
        email=contact.email, phone=contact.phone, address=address,
    )  # fmt: skip
    return Letter(push, number, payloads.element(out))


def _invoice(desk: Desk, push: Push, invoice: Invoice) -> Letter:
    link = desk.link(Document.INVOICE, invoice.id)
    if link and (push.operation == Operation.CREATE or link.sent_hash == invoice.content_hash):
        raise Nothing
    if invoice.status.final:
        raise Nothing if link else Withdrawn
    preflight.check_invoice(invoice, desk.organisation)
    out = _invoice_out(desk, invoice, link)
    return Letter(push, invoice.number, payloads.element(out), invoice.content_hash, invoice.total)


def _invoice_out(desk: Desk, invoice: Invoice, link: Link | None) -> payloads.InvoiceOut:
    reckoning = _reckon(invoice)
    contact = desk.link(Document.CONTACT, invoice.contact_id)
    if contact is None:
        raise Blocked(
            Failure.CONFLICT,
            f"contact:{invoice.contact_id}",
            "The invoice's customer is not in Xero yet. Mend the contact first, then retry.",
        )
    day = invoice.issue_date or invoice.created_at.date()
    return payloads.InvoiceOut(
        number=invoice.number, contact_id=contact.xero_id, date=day, due_date=invoice.due_date or day,
        currency=invoice.currency, lines=_lines(desk, invoice, reckoning), amounts=reckoning.amounts,
        status="DRAFT" if xero_status(invoice.status, desk.wishes) == "DRAFT" else "AUTHORISED",
        reference=reference(invoice), invoice_id=link.xero_id if link else None,
    )  # fmt: skip


def _reckon(invoice: Invoice) -> amounts.Reckoning:
    items = [
        amounts.Item(line.quantity, line.unit_amount, preflight.tax_percent(line), line.tax_inclusive)
        for line in invoice.lines
    ]
    discount = (
        amounts.Discount(invoice.discount_type or "fixed", invoice.discount_value)
        if invoice.discount_value
        else None
    )
    reckoning = amounts.reckon(items, discount, invoice.total)
    preflight.check_total(invoice, reckoning.differs_from(invoice.total))
    return reckoning


def _lines(desk: Desk, invoice: Invoice, reckoning: amounts.Reckoning) -> list[payloads.LineOut]:
    parts = reckoning.discount_amounts
    return [
        payloads.LineOut(
            description=line.description or line.name, quantity=line.quantity, unit_amount=line.unit_amount,
            account_code=preflight.account_of(line, desk.book).code,
            tax_type=preflight.tax_of(line, desk.book).tax_type, discount_rate=reckoning.discount_rate,
            discount_amount=(parts[index] or None) if parts else None,
        )
        for index, line in enumerate(invoice.lines)
    ]  # fmt: skip


def _void(desk: Desk, push: Push, invoice: Invoice) -> Letter:
    link = desk.links[(Document.INVOICE, invoice.id)]
    if link.xero_status in ("VOIDED", "DELETED"):
        raise Nothing
    status: Any = "DELETED" if link.xero_status == "DRAFT" else "VOIDED"
    out = payloads.VoidOut(link.xero_id, status)
    return Letter(push, link.xero_id, payloads.element(out), invoice.content_hash)
