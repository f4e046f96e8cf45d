"""Money received and given back, as HoopAI tells of it: by an invoice's cumulative amount, or by transactions.

An invoice's paid amount is the ceiling: nothing is ever recorded beyond it, so that a step known from an event and
the transactions that make it up later are never both counted. Everything here runs inside the caller's transaction,
with the location's pushes guarded.
"""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from portal import clock
from portal.hoopai.transactions import TransactionSaid
from portal.models import (
    Document,
    Invoice,
    InvoiceStatus,
    Location,
    Operation,
    Payment,
    Push,
    PushState,
    Refund,
)
from portal.services import following, matching_payments, outbox, preferences, shelf
from portal.services.matching_payments import Pairing

UNKNOWN = "default"
LEFT_OUT = "Payments by {method} are not sent; that is set for this location."
NOT_GONE = (PushState.QUEUED, PushState.WAITING, PushState.BLOCKED, PushState.SKIPPED, PushState.CANCELLED)
ZERO = Decimal(0)


def from_amount(session: Session, location: Location, invoice: Invoice) -> None:
    """Bring payments in line with the invoice's paid amount: a rise is a payment of unknown method and date.

    A fall is first explained by refunds that are known, then by whole payments taken back, the newest first; what
    is left of it is money given back.
    """
    gap = invoice.amount_paid - _net(session, invoice)
    if gap > 0 and invoice.status != InvoiceStatus.PAYMENT_PROCESSING:
        _add(session, location, invoice, gap, _day(location, invoice.updated_at), UNKNOWN, None)
    elif gap < 0:
        _fall(session, location, invoice, -gap)


def from_transactions(
    session: Session, location: Location, invoice: Invoice, said: Sequence[TransactionSaid]
) -> bool:
    """Bring payments and refunds in line with all transactions of the invoice. Whether anything changed.

    A step that was known from an event becomes its transaction: as long as it has not gone to Xero its date, method
    and amount follow, afterwards only a note tells the difference.
    """
    said = [one for one in said if one.live_mode == invoice.live_mode]
    before = _fingerprint(session, invoice)
    _take_back_failed(session, invoice, said)
    known = {key for payment in _payments(session, invoice) for key in _ids(payment)}
    came = sorted(
        (one for one in said if one.succeeded and one.hoop_id not in known and one.amount > 0),
        key=lambda one: (one.charged_at or clock.now(), one.hoop_id),
    )
    steps = [each for each in _alive(session, invoice) if each.hoop_id is None]
    paired = matching_payments.pair(steps, came)
    for pairing in paired:
        _identify(session, location, invoice, pairing)
    left = [one for one in came if not any(one in pairing.transactions for pairing in paired)]
    _add_new(session, location, invoice, left)
    _refunds(session, location, invoice, said)
    from_amount(session, location, invoice)
    return _fingerprint(session, invoice) != before


def known(session: Session, invoice: Invoice) -> Decimal:
    """The paid amount that our payments and refunds explain."""
    return _net(session, invoice)


def reconsider(session: Session, location_id: int) -> int:
    """After the settings changed: send payments that were left out only because of their method; how many."""
    wish = preferences.of(session, location_id)
    rows = session.execute(
        select(Push, Payment)
        .join(Payment, Payment.id == Push.document_id)
        .where(
            Push.location_id == location_id,
            Push.document == Document.PAYMENT,
            Push.state == PushState.SKIPPED,
            Push.settled_by_id.is_(None),
        )
    ).all()
    freed = 0
    for push, payment in rows:
        if push.message == _left_out(payment.method) and not wish.leaves_out(payment.method):
            _want(session, payment.invoice, payment)
            freed += 1
    return freed


def _add(
    session: Session,
    location: Location,
    invoice: Invoice,
    amount: Decimal,
    on: date,
    method: str,
    hoop_id: str | None,
) -> Payment:
    payment = Payment(
        location_id=location.id, invoice_id=invoice.id, amount=amount, paid_on=on, method=method, hoop_id=hoop_id,
        paid_to=_net(session, invoice) + amount, covers=[],
        invoice=invoice,  # before it is written: afterwards the invoice's own payments would not learn of it
    )  # fmt: skip
    shelf.add(session, payment)
    _want(session, invoice, payment)
    return payment


def _want(session: Session, invoice: Invoice, payment: Payment) -> None:
    connection = shelf.connection(session, invoice.location_id)
    push = following.pay(session, invoice, connection, payment)
    if push.state.settled or push.batch_id is not None:
        return
    if preferences.of(session, invoice.location_id).leaves_out(payment.method):
        outbox.leave_out(session, push, _left_out(payment.method))


def _left_out(method: str) -> str:
    return LEFT_OUT.format(method=method.replace("manual:", "").replace("_", " "))


def _add_new(session: Session, location: Location, invoice: Invoice, came: Sequence[TransactionSaid]) -> None:
    room = invoice.amount_paid - _net(session, invoice)
    for one in came:
        if one.amount <= room and one.currency in ("", invoice.currency):
            on = _day(location, one.charged_at or invoice.updated_at)
            _add(session, location, invoice, one.amount, on, one.method, one.hoop_id)
            room -= one.amount


def _identify(session: Session, location: Location, invoice: Invoice, pairing: Pairing) -> None:
    """The step is these transactions: split it where it has not gone, else keep it and note the difference."""
    payment, (first, *others) = pairing.payment, pairing.transactions
    payment.hoop_id = first.hoop_id
    on = _day(location, first.charged_at or invoice.updated_at)
    push = _push(session, payment)
    if push is not None and (push.state not in NOT_GONE or push.batch_id is not None):
        payment.covers = [one.hoop_id for one in others]
        payment.note = _difference(payment, on, pairing.transactions)
        return
    payment.paid_on, payment.method = on, first.method
    if pairing.whole:
        payment.amount = first.amount
    else:
        payment.note = (
            f"HoopAI's transaction is of {first.amount:.2f}; the invoice counts {payment.amount:.2f}."
        )
    session.flush()
    _want(session, invoice, payment)
    for one in others:
        day = _day(location, one.charged_at or invoice.updated_at)
        _add(session, location, invoice, one.amount, day, one.method, one.hoop_id)


def _difference(payment: Payment, on: date, said: Sequence[TransactionSaid]) -> str | None:
    parts = []
    whole = sum((one.amount for one in said), ZERO)
    if len(said) > 1:
        parts.append("it is " + " and ".join(f"{one.amount:.2f} by {one.method}" for one in said))
    elif payment.method != said[0].method:
        parts.append(f"it was paid by {said[0].method}")
    if whole != payment.amount:
        parts.append(f"the amount is {whole:.2f}")
    if on != payment.paid_on:
        parts.append(f"the day is {on:%-d %b %Y}")
    return f"Sent before HoopAI's transaction was known: {', '.join(parts)}."[:300] if parts else None


def _take_back_failed(session: Session, invoice: Invoice, said: Sequence[TransactionSaid]) -> None:
    failed = {one.hoop_id for one in said if one.failed}
    alive = _alive(session, invoice)
    gone = {payment.id for payment in alive if payment.hoop_id in failed}
    for payment in alive:
        if payment.id in gone or payment.surplus_of_id in gone:
            _take_back(session, payment)


def _take_back(session: Session, payment: Payment) -> None:
    payment.taken_back_at = clock.now()
    following.take_back(session, payment)


def _refunds(session: Session, location: Location, invoice: Invoice, said: Sequence[TransactionSaid]) -> None:
    payments = {key: payment for payment in _payments(session, invoice) for key in _ids(payment)}
    for one in said:
        payment = payments.get(one.hoop_id)
        if payment is not None and payment.taken_back_at is not None:
            continue
        step = one.amount_refunded - _refunded(session, invoice, one.hoop_id, payment)
        if step > 0:
            on = _day(location, one.updated_at or clock.now())
            key = f"{one.hoop_id}:{one.amount_refunded.normalize():f}"
            _give_back(session, invoice, payment, step, on, one.method, key)


def _refunded(session: Session, invoice: Invoice, hoop_id: str, payment: Payment | None) -> Decimal:
    """What is known to have gone back of a transaction, refunds known from an event alone included."""
    return sum(
        (
            each.amount
            for each in _all_refunds(session, invoice)
            if each.hoop_id.startswith(f"{hoop_id}:")
            or (each.hoop_id.startswith("event:") and payment is not None and each.payment_id == payment.id)
        ),
        ZERO,
    )


def _give_back(
    session: Session,
    invoice: Invoice,
    payment: Payment | None,
    amount: Decimal,
    on: date,
    method: str,
    key: str,
) -> Refund:
    refund = Refund(
        location_id=invoice.location_id, invoice_id=invoice.id, payment_id=payment.id if payment else None,
        hoop_id=key, amount=amount, refunded_on=on, method=method, reduced=False,
    )  # fmt: skip
    shelf.add(session, refund)
    refund.invoice, refund.payment = invoice, payment
    following.refund(session, refund)
    return refund


def _fall(session: Session, location: Location, invoice: Invoice, fall: Decimal) -> None:
    for refund in reversed(_all_refunds(session, invoice)):
        if not refund.reduced and refund.amount <= fall:
            refund.reduced = True
            fall -= refund.amount
    for payment in reversed(_alive(session, invoice)):
        if 0 < payment.amount <= fall:
            fall -= payment.amount
            _take_back(session, payment)
    newest = next(reversed(_alive(session, invoice)), None)
    if fall > 0 and newest is not None:
        key = f"event:{newest.id}:{invoice.amount_paid.normalize():f}"
        on = _day(location, invoice.updated_at)
        _give_back(session, invoice, newest, fall, on, newest.method, key).reduced = True


def _net(session: Session, invoice: Invoice) -> Decimal:
    """What our payments come to, less the refunds by which HoopAI's paid amount fell as well."""
    paid = sum((payment.amount for payment in _alive(session, invoice)), ZERO)
    return paid - sum((each.amount for each in _all_refunds(session, invoice) if each.reduced), ZERO)


def of_invoice(invoice: Invoice) -> Select[Payment]:
    """All payments of an invoice, oldest first, those taken back included."""
    return select(Payment).where(Payment.invoice_id == invoice.id).order_by(Payment.id)


def _payments(session: Session, invoice: Invoice) -> Sequence[Payment]:
    return sorted(invoice.payments, key=lambda payment: payment.id)


def _alive(session: Session, invoice: Invoice) -> list[Payment]:
    return [payment for payment in _payments(session, invoice) if payment.taken_back_at is None]


def _all_refunds(session: Session, invoice: Invoice) -> Sequence[Refund]:
    return shelf.refunds(session, invoice)


def _ids(payment: Payment) -> list[str]:
    return [*([payment.hoop_id] if payment.hoop_id else []), *payment.covers]


def _push(session: Session, payment: Payment) -> Push | None:
    return outbox.find(session, payment.location_id, Document.PAYMENT, payment.id, Operation.CREATE)


def _fingerprint(session: Session, invoice: Invoice) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = [
        (each.id, each.hoop_id, each.amount, each.paid_on, each.method, each.taken_back_at, each.note)
        for each in _payments(session, invoice)
    ]
    return rows + [(each.id, each.amount, each.reduced) for each in _all_refunds(session, invoice)]


def _day(location: Location, moment: datetime) -> date:
    return moment.astimezone(clock.zone(location.timezone)).date()
