"""Writing letters: our contacts and invoices in, the elements of a batch out."""

from portal.models import Contact, Document, Failure, Invoice, Operation, Push
from portal.services import (
    dating,
    matching,
    preflight,
    rounding,
    writing_changes,
    writing_invoices,
    writing_money,
    writing_recodes,
)
from portal.services.desk import Desk
from portal.services.letters import Letter, Matched, Nothing, NotYet, Withdrawn
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
        return writing_changes.void(desk, push, invoice)
    if push.operation == Operation.RECODE:
        return writing_recodes.recode(desk, push, invoice)
    return _invoice(desk, push, invoice)


def _contact(desk: Desk, push: Push, contact: Contact) -> Letter:
    if push.operation == Operation.UPDATE:
        return writing_changes.contact(desk, push, contact)
    if known := desk.directory.find(contact):
        raise Matched(known)
    name = matching.folded(contact.name_sent)
    if name in desk.names:
        raise NotYet
    desk.names.add(name)
    element = writing_changes.new_contact(contact)
    return Letter(push, matching.number_of(contact), element, contact.content_hash)


def _invoice(desk: Desk, push: Push, invoice: Invoice) -> Letter:
    link = desk.link(Document.INVOICE, invoice.id)
    if link and (push.operation == Operation.CREATE or link.sent_hash == invoice.content_hash):
        raise Nothing
    if invoice.status.final:
        raise Nothing if link else Withdrawn
    if link is not None:
        return writing_changes.invoice(desk, push, invoice, link)
    preflight.check_invoice(invoice, desk.organisation)
    way = writing_invoices.reckon(invoice)
    balance = rounding.balance(desk.book, way.differs_from(invoice.total))
    out = writing_invoices.whole(desk, invoice, None, way, balance)
    if out.status != "DRAFT":
        preflight.check_approvals(desk.organisation)
    said = filter(None, [dating.note(invoice, desk.organisation), rounding.told(invoice, balance)])
    return Letter(
        push, invoice.number_sent, payloads.element(out), invoice.content_hash, invoice.total, way.tax,
        note=" ".join(said) or None,
    )  # fmt: skip
