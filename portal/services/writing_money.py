"""Letters about money: payments, their deletion, credit notes for refunds, and the money that goes back."""

from decimal import Decimal

from portal.models import Authorisation, Document, Failure, Operation, Payment, Push, Refund
from portal.services import amounts, outbox, preflight, standing, writing_invoices
from portal.services.desk import Desk
from portal.services.letters import LeftOut, Letter, Nothing
from portal.services.preferences import LockPolicy
from portal.services.preflight import Blocked
from portal.words import ENDED
from portal.xero import payloads

ZERO = Decimal(0)


def payment(desk: Desk, push: Push) -> Letter:
    """Money received for an invoice; or, to void it, its deletion. The mark makes it known again."""
    found = desk.payments[push.document_id]
    if push.operation == Operation.VOID:
        return _deletion(desk, push, found)
    if desk.link(Document.PAYMENT, found.id):
        raise Nothing
    if push.operation == Operation.OVERPAY:
        return _overpayment(desk, push, found)
    if found.surplus_of_id and outbox.goes_as_overpayment(desk.session, found.location_id, found.id):
        raise LeftOut("All of it is recorded as an overpayment.")
    _check_ended(desk, found)
    _check_surplus(desk, found)
    account = preflight.payment_account(desk.book, found.method)
    day = preflight.money_day(found.paid_on, desk.organisation, "The payment")
    mark = payloads.payment_mark(push.id)
    out = payloads.PaymentOut(
        invoice_id=desk.links[(Document.INVOICE, found.invoice_id)].xero_id, account_id=account.account_id,
        date=day, amount=found.amount,
        reference=f"HoopAI {found.hoop_id or found.invoice.number} {mark}",
    )  # fmt: skip
    desk.paid[found.invoice_id] = desk.paid.get(found.invoice_id, ZERO) + found.amount
    said = preflight.moved(found.paid_on, day, desk.organisation)
    return Letter(push, mark, payloads.element(out), expected_total=found.amount, note=said)


def _check_ended(desk: Desk, found: Payment) -> None:
    """Xero records nothing on an invoice that has ended there: the end may have overtaken a payment that was unsure."""
    if desk.links[(Document.INVOICE, found.invoice_id)].xero_status not in ENDED:
        return
    if found.invoice.status.final:
        raise LeftOut("Its invoice was voided before this was recorded.")
    raise Blocked(
        Failure.CONFLICT,
        f"ended:{found.invoice_id}",
        f"Invoice {found.invoice.number} was voided in Xero, so nothing can be recorded on it. "
        "Settle it in both by hand, then do not send this.",
    )


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


def _check_surplus(desk: Desk, found: Payment) -> None:
    """Raise Blocked when our own payments in Xero leave less to pay than this one is."""
    invoice = desk.link(Document.INVOICE, found.invoice_id)
    if invoice is None or invoice.xero_total is None:
        return
    room = max(invoice.xero_total - desk.paid.get(found.invoice_id, ZERO), ZERO)
    if found.amount > room:
        raise Blocked(
            Failure.CONFLICT,
            f"surplus:{found.id}",
            f"The payment is {found.amount:.2f}, but only {room:.2f} of invoice {found.invoice.number_sent} is still "
            "owed in Xero. Xero takes no payment above that.",
        )


def _overpayment(desk: Desk, push: Push, found: Payment) -> Letter:
    """What was received above what was owed: an overpayment of the customer's, known again by its mark."""
    account = preflight.payment_account(desk.book, found.method)
    preflight.check_overpayment(found.invoice, account, desk.organisation)
    if standing.OVERPAYMENTS not in _granted(desk):
        raise Blocked(Failure.DISCONNECTED, standing.NEEDS_MORE, standing.NO_OVERPAYMENTS)
    contact = desk.link(Document.CONTACT, found.invoice.contact_id)
    if contact is None:
        raise Blocked(Failure.CONFLICT, f"surplus:{found.id}", "Its customer is not known in Xero.")
    day = preflight.money_day(found.paid_on, desk.organisation, "The overpayment")
    mark = payloads.payment_mark(push.id)
    out = payloads.OverpaymentOut(
        contact_id=contact.xero_id, account_id=account.account_id, date=day, amount=found.amount,
        reference=f"HoopAI {found.invoice.number} {mark}",
        description=f"Paid above what was owed on invoice {found.invoice.number_sent}",
    )  # fmt: skip
    said = preflight.moved(found.paid_on, day, desk.organisation)
    return Letter(push, mark, payloads.element(out), expected_total=found.amount, note=said)


def _granted(desk: Desk) -> list[str]:
    signed_in = desk.session.get(Authorisation, desk.connection.authorisation_id)
    return list(signed_in.scopes) if signed_in else []


def _deletion(desk: Desk, push: Push, found: Payment) -> Letter:
    if found.surplus_of_id and outbox.goes_as_overpayment(desk.session, found.location_id, found.id):
        raise Blocked(
            Failure.CONFLICT,
            f"overpayment:{found.id}",
            f"HoopAI took back {found.amount:.2f} that is an overpayment in Xero. Remove it there by hand, then choose "
            "Do not send.",
        )
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
