"""Which pushes follow from a change of an invoice."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.models import (
    Connection,
    Document,
    Invoice,
    InvoiceStatus,
    Link,
    Operation,
    Payment,
    Push,
    PushState,
)
from portal.services import outbox

BEFORE = "Created before the connection to Xero; only later invoices are sent."
UNCONNECTED = "Created while no Xero organisation was connected."
TEST_MODE = "A test-mode invoice; it never leaves HoopAI."
VOIDED_FIRST = "Voided in HoopAI before it was sent."
NOT_SENT = "Its invoice is not sent to Xero."


def xero_status(status: InvoiceStatus) -> str:
    """The status an invoice should have in Xero, payments aside."""
    if status.final:
        return "VOIDED"
    return "DRAFT" if status == InvoiceStatus.DRAFT else "AUTHORISED"


def push(session: Session, invoice: Invoice, connection: Connection | None, payment: Payment | None) -> None:
    """Want what the change needs: contact, invoice (create, update or void) and the new payment."""
    create = _find(session, invoice, Operation.CREATE)
    if invoice.status.final:
        _undo(session, invoice, create)
    elif create is None:
        _begin(session, invoice, connection)
    elif create.state not in (PushState.SKIPPED, PushState.CANCELLED):
        _go_on(session, invoice, connection, create)
    if payment is not None:
        _pay(session, invoice, payment)


def update(session: Session, invoice: Invoice) -> None:
    """Want the invoice's present content in Xero, where it already is."""
    outbox.want(
        session, invoice.location_id, Document.INVOICE, invoice.id, Operation.UPDATE,
        parent=(Document.INVOICE, invoice.id), amount=invoice.total, currency=invoice.currency,
    )  # fmt: skip


def void(session: Session, invoice: Invoice) -> None:
    """Want the invoice voided in Xero, where it already is."""
    outbox.want(
        session, invoice.location_id, Document.INVOICE, invoice.id, Operation.VOID,
        parent=(Document.INVOICE, invoice.id), amount=invoice.total, currency=invoice.currency,
    )  # fmt: skip


def left_out(invoice: Invoice, connection: Connection | None) -> str | None:
    """The reason why this invoice is not sent at all, or None."""
    if not invoice.live_mode:
        return TEST_MODE
    if connection is None:
        return UNCONNECTED
    return BEFORE if invoice.created_at < connection.cut_off else None


def _begin(session: Session, invoice: Invoice, connection: Connection | None) -> None:
    reason = left_out(invoice, connection)
    if reason is None and connection is not None:
        _want_contact(session, invoice, connection)
    wanted = _want_create(session, invoice)
    if reason is not None:
        outbox.leave_out(session, wanted, reason)


def _go_on(session: Session, invoice: Invoice, connection: Connection | None, create: Push) -> None:
    if connection is not None:
        _want_contact(session, invoice, connection)
    if create.state in (PushState.QUEUED, PushState.BLOCKED):
        _want_create(session, invoice)
    elif create.state == PushState.SENT and _differs(session, invoice, connection):
        update(session, invoice)


def _differs(session: Session, invoice: Invoice, connection: Connection | None) -> bool:
    held = session.scalar(
        select(Link.sent_hash).where(
            Link.tenant_id == (connection.tenant_id if connection else ""),
            Link.location_id == invoice.location_id,
            Link.document == Document.INVOICE,
            Link.document_id == invoice.id,
        )
    )
    return held != invoice.content_hash


def _undo(session: Session, invoice: Invoice, create: Push | None) -> None:
    if create is None or create.state in (PushState.SKIPPED, PushState.CANCELLED):
        return
    if create.batch_id is None and create.state in outbox.OPEN:
        outbox.cancel(create, VOIDED_FIRST)
        _leave_out_payments(session, invoice)
        return
    void(session, invoice)


def _leave_out_payments(session: Session, invoice: Invoice) -> None:
    waiting = session.scalars(
        select(Push).where(
            Push.location_id == invoice.location_id,
            Push.document == Document.PAYMENT,
            Push.parent_id == invoice.id,
            Push.state.in_(outbox.OPEN),
        )
    )
    for held in waiting:
        outbox.leave_out(session, held, NOT_SENT)


def _want_contact(session: Session, invoice: Invoice, connection: Connection) -> None:
    if invoice.contact is None:
        return
    known = session.scalar(
        select(Link.id).where(
            Link.tenant_id == connection.tenant_id,
            Link.location_id == invoice.location_id,
            Link.document == Document.CONTACT,
            Link.document_id == invoice.contact.id,
        )
    )
    wanted = outbox.find(session, invoice.location_id, Document.CONTACT, invoice.contact.id, Operation.CREATE)
    if known is None and (wanted is None or wanted.state.settled):
        outbox.want(session, invoice.location_id, Document.CONTACT, invoice.contact.id, Operation.CREATE)


def _want_create(session: Session, invoice: Invoice) -> Push:
    parent = (Document.CONTACT, invoice.contact.id) if invoice.contact else None
    return outbox.want(
        session, invoice.location_id, Document.INVOICE, invoice.id, Operation.CREATE,
        parent=parent, amount=invoice.total, currency=invoice.currency,
    )  # fmt: skip


def _pay(session: Session, invoice: Invoice, payment: Payment) -> None:
    create = _find(session, invoice, Operation.CREATE)
    wanted = outbox.want(
        session, invoice.location_id, Document.PAYMENT, payment.id, Operation.CREATE,
        parent=(Document.INVOICE, invoice.id), amount=payment.amount, currency=invoice.currency,
    )  # fmt: skip
    if create is None or create.state in (PushState.SKIPPED, PushState.CANCELLED):
        outbox.leave_out(session, wanted, NOT_SENT)


def _find(session: Session, invoice: Invoice, operation: Operation) -> Push | None:
    return outbox.find(session, invoice.location_id, Document.INVOICE, invoice.id, operation)
