"""Which pushes follow from a change of an invoice or of its customer."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from portal.models import (
    Connection,
    Contact,
    Document,
    Invoice,
    InvoiceStatus,
    Link,
    Operation,
    Payment,
    Push,
    PushState,
    Refund,
)
from portal.services import outbox, preferences, shelf
from portal.services.preferences import Preferences, SendFrom

BEFORE = "Created before the connection to Xero; only later invoices are sent."
UNCONNECTED = "Created while no Xero organisation was connected."
TEST_MODE = "A test-mode invoice; it never leaves HoopAI."
VOIDED_FIRST = "Voided in HoopAI before it was sent."
LEFT_BEHIND = "Not sent before this location moved to another Xero organisation."
ELSEWHERE = (
    "Its invoice is in the Xero organisation that this location was connected to before. "
    "Enter the change there; nothing is made twice."
)


TOO_EARLY = {
    SendFrom.SENT: "A draft; it goes to Xero once HoopAI has sent it.",
    SendFrom.PAID: "Not paid yet; it goes to Xero once it is paid.",
}
TAKEN_BACK = "Taken back in HoopAI before it was sent."


def xero_status(status: InvoiceStatus, wishes: Preferences) -> str:
    """The status an invoice should have in Xero, payments aside."""
    if status.final:
        return "VOIDED"
    return "DRAFT" if status == InvoiceStatus.DRAFT or wishes.for_approval else "AUTHORISED"


def too_early(status: InvoiceStatus, wishes: Preferences) -> str | None:
    """Why the location does not want an invoice of this status in Xero yet, or None."""
    early = {
        SendFrom.DRAFT: False,
        SendFrom.SENT: status == InvoiceStatus.DRAFT,
        SendFrom.PAID: status != InvoiceStatus.PAID,
    }
    return TOO_EARLY[wishes.send_from] if early[wishes.send_from] else None


def push(session: Session, invoice: Invoice, connection: Connection | None) -> None:
    """Want what the change needs: contact and invoice (create, update or void)."""
    create = _find(session, invoice, Operation.CREATE)
    if _is_elsewhere(session, invoice, connection, create):
        _leave_there(session, invoice)
        return
    if invoice.status.final:
        _undo(session, invoice, create)
    elif create is None or create.message in TOO_EARLY.values():
        _begin(session, invoice, connection)
    elif create.state not in (PushState.SKIPPED, PushState.CANCELLED):
        _go_on(session, invoice, connection, create)


def pay(session: Session, invoice: Invoice, connection: Connection | None, payment: Payment) -> Push:
    """Want a payment in Xero; what follows of its invoice was wanted before."""
    create = _find(session, invoice, Operation.CREATE)
    wanted = _pay(session, invoice, payment, create)
    if _is_elsewhere(session, invoice, connection, create):
        outbox.leave_out(session, wanted, ELSEWHERE)
    return wanted


def update(session: Session, invoice: Invoice) -> None:
    """Want the invoice's present content in Xero, where it already is."""
    outbox.want(
        session, invoice.location_id, Document.INVOICE, invoice.id, Operation.UPDATE,
        parent=(Document.CONTACT, invoice.contact_id or 0), amount=invoice.total, currency=invoice.currency,
    )  # fmt: skip


def void(session: Session, invoice: Invoice) -> None:
    """Want the invoice voided in Xero, where it already is."""
    outbox.want(
        session, invoice.location_id, Document.INVOICE, invoice.id, Operation.VOID,
        parent=(Document.INVOICE, invoice.id), amount=invoice.total, currency=invoice.currency,
    )  # fmt: skip


def refund(session: Session, given: Refund) -> None:
    """Want a refund in Xero: a credit note on the invoice's accounts, and the money that goes back on it."""
    invoice = given.invoice
    create = _find(session, invoice, Operation.CREATE)
    for document, parent in (
        (Document.CREDIT_NOTE, (Document.INVOICE, invoice.id)),
        (Document.REFUND, (Document.CREDIT_NOTE, given.id)),
    ):
        wanted = outbox.want(
            session, given.location_id, document, given.id, Operation.CREATE,
            parent=parent, amount=given.amount, currency=invoice.currency,
        )  # fmt: skip
        if _never_goes(create):
            outbox.leave_out(session, wanted, _why_not(create))
        elif _elsewhere(session, invoice, _connection(session, invoice)):
            outbox.leave_out(session, wanted, ELSEWHERE)


def take_back(session: Session, payment: Payment) -> None:
    """HoopAI took a payment back (a bank refused it): delete it in Xero, or never send it."""
    above = outbox.find(session, payment.location_id, Document.PAYMENT, payment.id, Operation.OVERPAY)
    push = above or outbox.find(session, payment.location_id, Document.PAYMENT, payment.id, Operation.CREATE)
    if push is None or push.state in (PushState.SKIPPED, PushState.CANCELLED):
        return
    if push.state in outbox.OPEN and push.at_rest:
        outbox.cancel(push, TAKEN_BACK)
        return
    wanted = outbox.want(
        session, payment.location_id, Document.PAYMENT, payment.id, Operation.VOID,
        parent=(Document.PAYMENT, payment.id), amount=payment.amount, currency=payment.invoice.currency,
    )  # fmt: skip
    if _elsewhere(session, payment.invoice, _connection(session, payment.invoice)):
        outbox.leave_out(session, wanted, ELSEWHERE)


def contact_changed(session: Session, contact: Contact) -> None:
    """Something of a contact has changed: want it in Xero, where the portal made the contact there itself.

    What kept it from being made there may be mended by that.
    """
    connection = shelf.connection(session, contact.location_id)
    create = outbox.find(session, contact.location_id, Document.CONTACT, contact.id, Operation.CREATE)
    if create is not None and create.state == PushState.BLOCKED and create.at_rest:
        outbox.want(session, contact.location_id, Document.CONTACT, contact.id, Operation.CREATE)
    if connection is None or not preferences.of(session, contact.location_id).update_contacts:
        return
    held = shelf.link(session, connection.tenant_id, contact.location_id, Document.CONTACT, contact.id)
    if held is not None and held.ours and held.sent_hash != contact.content_hash:
        outbox.want(
            session, contact.location_id, Document.CONTACT, contact.id, Operation.UPDATE,
            parent=(Document.CONTACT, contact.id),
        )  # fmt: skip


def left_out(invoice: Invoice, connection: Connection | None) -> str | None:
    """The reason why this invoice is not sent at all, or None."""
    if not invoice.live_mode:
        return TEST_MODE
    if connection is None:
        return UNCONNECTED
    return BEFORE if invoice.created_at < connection.cut_off else None


def take_up(session: Session, invoice: Invoice, connection: Connection) -> None:
    """Send an invoice after all that was left out, with its contact, payments and refunds."""
    create = _begin(session, invoice, connection)
    for payment in invoice.payments:
        held = outbox.find(session, invoice.location_id, Document.PAYMENT, payment.id, Operation.CREATE)
        by_rule = held is not None and held.state == PushState.SKIPPED and held.settled_by_id is None
        if by_rule and payment.taken_back_at is None:
            _pay(session, invoice, payment, create)
    for given in shelf.refunds(session, invoice):
        refund(session, given)


def _is_elsewhere(
    session: Session, invoice: Invoice, connection: Connection | None, create: Push | None
) -> bool:
    sent = create is not None and create.state == PushState.SENT
    return sent and _elsewhere(session, invoice, connection)


def _elsewhere(session: Session, invoice: Invoice, connection: Connection | None) -> bool:
    """Whether the invoice is in an organisation, but not in the one that the location is linked to now."""
    tenants = {link.tenant_id for link in _links(session, invoice)}
    return connection is not None and bool(tenants) and connection.tenant_id not in tenants


def _leave_there(session: Session, invoice: Invoice) -> None:
    """Say that a change belongs to the organisation before; it is not sent to the one of today."""
    if all(link.sent_hash != invoice.content_hash for link in _links(session, invoice)):
        operation = Operation.VOID if invoice.status.final else Operation.UPDATE
        change = outbox.want(
            session, invoice.location_id, Document.INVOICE, invoice.id, operation,
            parent=(Document.INVOICE, invoice.id), amount=invoice.total, currency=invoice.currency,
        )  # fmt: skip
        outbox.leave_out(session, change, ELSEWHERE)


def _connection(session: Session, invoice: Invoice) -> Connection | None:
    return shelf.connection(session, invoice.location_id)


def _links(session: Session, invoice: Invoice) -> Sequence[Link]:
    return shelf.links(session, invoice.location_id, Document.INVOICE, invoice.id)


def _begin(session: Session, invoice: Invoice, connection: Connection | None) -> Push:
    wishes = preferences.of(session, invoice.location_id)
    reason = left_out(invoice, connection) or too_early(invoice.status, wishes)
    if reason is None and connection is not None:
        _want_contact(session, invoice, connection)
    wanted = _want_create(session, invoice)
    if reason is not None:
        outbox.leave_out(session, wanted, reason)
    elif invoice.payments:
        _bring_payments(session, invoice, wanted)
    return wanted


def _bring_payments(session: Session, invoice: Invoice, create: Push) -> None:
    """Payments that came while the invoice was too early go with it."""
    for payment in invoice.payments:
        held = outbox.find(session, invoice.location_id, Document.PAYMENT, payment.id, Operation.CREATE)
        if held is not None and held.state == PushState.SKIPPED and held.message in TOO_EARLY.values():
            _pay(session, invoice, payment, create)


def _go_on(session: Session, invoice: Invoice, connection: Connection | None, create: Push) -> None:
    if connection is not None:
        _want_contact(session, invoice, connection)
    if create.batch_id is None and create.state in outbox.OPEN:
        _want_create(session, invoice)
    elif create.state == PushState.SENT and _differs(session, invoice, connection):
        update(session, invoice)


def _differs(session: Session, invoice: Invoice, connection: Connection | None) -> bool:
    tenant_id = connection.tenant_id if connection else ""
    held = shelf.link(session, tenant_id, invoice.location_id, Document.INVOICE, invoice.id)
    return (held.sent_hash if held else None) != invoice.content_hash


def _undo(session: Session, invoice: Invoice, create: Push | None) -> None:
    if create is None or create.state in (PushState.SKIPPED, PushState.CANCELLED):
        return
    if create.state in outbox.OPEN and create.at_rest:
        never_sent(session, invoice)
    else:
        void(session, invoice)


def never_sent(session: Session, invoice: Invoice) -> None:
    """HoopAI took the invoice back before Xero had it: nothing of it will be sent."""
    for operation in Operation:
        push = _find(session, invoice, operation)
        if push is not None and not push.state.settled:
            outbox.cancel(push, VOIDED_FIRST)
    _leave_out_payments(session, invoice)


def _leave_out_payments(session: Session, invoice: Invoice) -> None:
    place = (Document.INVOICE, invoice.id)
    for held in shelf.pushes_after(session, invoice.location_id, place, Document.PAYMENT):
        if held.state in outbox.OPEN:
            outbox.leave_out(session, held, outbox.NOT_SENT)


def _want_contact(session: Session, invoice: Invoice, connection: Connection) -> None:
    contact = invoice.contact
    if contact is None:
        return
    location_id, contact_id = contact.location_id, contact.id
    known = shelf.link(session, connection.tenant_id, location_id, Document.CONTACT, contact_id)
    wanted = outbox.find(session, location_id, Document.CONTACT, contact_id, Operation.CREATE)
    if known is None and (wanted is None or wanted.state.settled):
        outbox.want(session, location_id, Document.CONTACT, contact_id, Operation.CREATE)


def _want_create(session: Session, invoice: Invoice) -> Push:
    contact = invoice.contact
    parent = (Document.CONTACT, contact.id) if contact else None
    return outbox.want(
        session, invoice.location_id, Document.INVOICE, invoice.id, Operation.CREATE,
        parent=parent, amount=invoice.total, currency=invoice.currency,
    )  # fmt: skip


def _pay(session: Session, invoice: Invoice, payment: Payment, create: Push | None) -> Push:
    wanted = outbox.want(
        session, invoice.location_id, Document.PAYMENT, payment.id, Operation.CREATE,
        parent=(Document.INVOICE, invoice.id), amount=payment.amount, currency=invoice.currency,
    )  # fmt: skip
    if _never_goes(create):
        outbox.leave_out(session, wanted, _why_not(create))
    return wanted


def _never_goes(create: Push | None) -> bool:
    return create is None or create.state in (PushState.SKIPPED, PushState.CANCELLED)


def _why_not(create: Push | None) -> str:
    """A rule that keeps the invoice out keeps its payments out; a person's own skip is said of the invoice only."""
    if create is None or create.settled_by_id or not create.message:
        return outbox.NOT_SENT
    return create.message


def _find(session: Session, invoice: Invoice, operation: Operation) -> Push | None:
    return outbox.find(session, invoice.location_id, Document.INVOICE, invoice.id, operation)
