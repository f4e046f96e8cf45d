"""Letters about money: payments, their deletion, credit notes for refunds, and the money that goes back."""

from decimal import Decimal

from portal.models import Document, Failure, Operation, Payment, Push, Refund
from portal.services import amounts, preflight, writing_invoices
from portal.services.desk import Desk
from portal.services.letters import Letter, Nothing
from portal.services.preferences import LockPolicy
from portal.services.preflight import Blocked
from portal.xero import payloads


def payment(desk: Desk, push: Push) -> Letter:
    """Money received for an invoice; or, to void it, its deletion. The mark makes it known again."""
    found = desk.payments[push.document_id]
    if push.operation == Operation.VOID:
        return _deletion(desk, push, found)
    if desk.link(Document.PAYMENT, found.id):
        raise Nothing
    account = preflight.payment_account(desk.book, found.method)
    day = preflight.money_day(found.paid_on, desk.organisation, "The payment")
    mark = payloads.payment_mark(push.id)
    out = payloads.PaymentOut(
        invoice_id=desk.links[(Document.INVOICE, found.invoice_id)].xero_id, account_id=account.account_id,
        date=day, amount=found.amount,
        reference=f"HoopAI {found.hoop_id or found.invoice.number} {mark}",
    )  # fmt: skip
    said = preflight.moved(found.paid_on, day, desk.organisation)
    return Letter(push, mark, payloads.element(out), expected_total=found.amount, note=said)


def credit_note(desk: Desk, push: Push) -> Letter:
    """A credit note over exactly the refunded amount, spread over the accounts and taxes of the invoice's lines."""
    found = desk.refunds[push.document_id]
    if found.reduced:
        raise Blocked(
            Failure.CONFLICT,
            f"refund:{found.id}",
            f"HoopAI gave {found.amount:.2f} back and counts invoice {found.invoice.number} as owed again. "
            "Change the payment in Xero by hand, then skip this one.",
        )
    day = preflight.money_day(found.refunded_on, desk.organisation, "The refund")
    number = f"CN-{found.invoice.number_sent}-{found.id}"
    out = payloads.CreditNoteOut(
        number=number, contact_id=desk.links[(Document.CONTACT, found.invoice.contact_id or 0)].xero_id,
        date=day, currency=found.invoice.currency, lines=_credited(desk, found),
        amounts="Inclusive", reference=f"HoopAI refund {found.hoop_id}",
    )  # fmt: skip
    said = preflight.moved(found.refunded_on, day, desk.organisation)
    return Letter(push, number, payloads.element(out), expected_total=found.amount, note=said)


def refund(desk: Desk, push: Push) -> Letter:
    """The money that goes back on a credit note, out of the account that the payment method maps to."""
    found = desk.refunds[push.document_id]
    account = preflight.payment_account(desk.book, found.method)
    day = preflight.money_day(found.refunded_on, desk.organisation, "The refund")
    mark = payloads.payment_mark(push.id)
    out = payloads.RefundOut(
        credit_note_id=desk.links[(Document.CREDIT_NOTE, found.id)].xero_id, account_id=account.account_id,
        date=day, amount=found.amount, reference=f"HoopAI refund {found.hoop_id} {mark}",
    )  # fmt: skip
    said = preflight.moved(found.refunded_on, day, desk.organisation)
    return Letter(push, mark, payloads.element(out), expected_total=found.amount, note=said)


def _deletion(desk: Desk, push: Push, found: Payment) -> Letter:
    link = desk.link(Document.PAYMENT, found.id)
    if link is None or link.xero_status == "DELETED":
        raise Nothing
    if desk.organisation.lock_policy == LockPolicy.STOP:
        preflight.check_day(found.paid_on, desk.organisation, "The payment that HoopAI took back")
    out = payloads.PaymentDeletionOut(link.xero_id)
    return Letter(push, link.xero_id, payloads.element(out))


def _credited(desk: Desk, found: Refund) -> list[payloads.LineOut]:
    lines = found.invoice.lines
    weights = [amounts.cents(line.quantity * line.unit_amount) for line in lines]
    parts = amounts.spread(found.amount, weights)
    return [
        payloads.LineOut(
            description=f"Refund of invoice {found.invoice.number}: {line.name}", quantity=Decimal(1),
            unit_amount=part, account_code=preflight.account_of(line, desk.book).code,
            tax_type=preflight.tax_of(line, desk.book).tax_type, tracking=writing_invoices.tracked(desk, line),
        )
        for line, part in zip(lines, parts, strict=True)
        if part
    ]  # fmt: skip
