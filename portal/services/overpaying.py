"""What a person decides about a payment above what is owed in Xero: record the surplus, or only what is due."""

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import bell
from portal.errors import ChooseAgain, NotFoundHere
from portal.extensions import db
from portal.models import (
    Connection,
    Document,
    Invoice,
    LedgerAccount,
    Location,
    Operation,
    Payment,
    Push,
    PushState,
    User,
)
from portal.services import audit, linking, mappings, organisations, outbox, standing, xero_links
from portal.services.unit import release, transaction
from portal.xero import replies
from portal.xero.errors import XeroError

DRAIN = "jobs.pushes.drain"
CAUSES = ("surplus:", "XH017:", "XH018:")
SETTLED = "This was decided meanwhile."
NOT_ASKED = "Xero could not be asked just now. Try again in a minute."
ENOUGH = "Xero says that enough is owed now. Choose Retry."
LEFT_OUT = "Received above what is owed in Xero; {name} decided to leave it out."
ALL_OF_IT = "All of it is above what is owed in Xero; {name} decided to record it as an overpayment."
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Surplus:
    """A payment that is more than what Xero counts as owed. `account` is where an overpayment would be kept."""

    payment: Payment
    due: Decimal
    account: LedgerAccount | None
    allowed: bool
    url: str | None

    @property
    def above(self) -> Decimal:
        """What is above what is owed."""
        return self.payment.amount - self.due

    @property
    def obstacle(self) -> str | None:
        """Why Xero would keep no overpayment, or None."""
        if self.account is None or self.account.type != "BANK":
            return "Xero keeps overpayments on bank accounts only; map this payment method to one first."
        return None


def surplus(location: Location, payment_id: int) -> Surplus:
    """The payment beside what Xero says is owed, asked now. Raises NotFoundHere; ChooseAgain where all is settled."""
    payment = db.session.get(Payment, payment_id)
    if payment is None or payment.location_id != location.id:
        raise NotFoundHere("There is no such payment here.")
    _blocked(db.session(), payment)
    due, url = _owed(location, payment.invoice_id)
    payment = db.session.get_one(Payment, payment_id)
    if payment.amount <= due:
        raise ChooseAgain(ENOUGH)
    account = mappings.book(location.id).payment_account_for(payment.method)
    return Surplus(payment, due, account, standing.overpayments_allowed(db.session(), location.id), url)


def only_what_is_due(location: Location, payment_id: int, user: User) -> str:
    """Record what is owed and leave the rest out of Xero. Raises ChooseAgain."""
    found = surplus(location, payment_id)
    due, above, currency = found.due, found.above, found.payment.invoice.currency
    release()
    with transaction() as session:
        payment, push = _held(session, location.id, payment_id)
        rest = _split(session, payment, due)
        left = (
            push
            if rest is payment
            else _want(session, rest, Operation.CREATE, (Document.INVOICE, rest.invoice_id))
        )
        outbox.leave_out(session, left, LEFT_OUT.format(name=user.name))
        left.settled_by_id = user.id
        _told(session, user, payment, f"{above:.2f} left out")
    _ring(location.id)
    return f"{due:,.2f} {currency} goes to Xero; {above:,.2f} {currency} is left out."


def record(location: Location, payment_id: int, user: User) -> str:
    """Record what is owed as a payment and the rest as an overpayment, each once. Raises ChooseAgain."""
    found = surplus(location, payment_id)
    due, above, currency = found.due, found.above, found.payment.invoice.currency
    if found.obstacle:
        raise ChooseAgain(found.obstacle)
    release()
    with transaction() as session:
        payment, push = _held(session, location.id, payment_id)
        rest = _split(session, payment, due)
        if rest is payment:
            outbox.leave_out(session, push, ALL_OF_IT.format(name=user.name))
            push.settled_by_id = user.id
        parent = (Document.INVOICE, rest.invoice_id) if rest is payment else (Document.PAYMENT, payment.id)
        _want(session, rest, Operation.OVERPAY, parent)
        _told(session, user, payment, f"{above:.2f} as an overpayment")
    _ring(location.id)
    return f"{due:,.2f} {currency} goes to Xero as a payment and {above:,.2f} {currency} as an overpayment."


def _split(session: Session, payment: Payment, due: Decimal) -> Payment:
    """The part above what is owed as a payment of its own, or the whole payment where nothing is owed."""
    if due <= 0:
        payment.surplus_of_id = payment.id
        return payment
    above = payment.amount - due
    rest = Payment(
        location_id=payment.location_id, invoice_id=payment.invoice_id, amount=above, paid_to=payment.paid_to,
        paid_on=payment.paid_on, method=payment.method, covers=[], surplus_of_id=payment.id,
        hoop_id=f"{payment.hoop_id or payment.id}:surplus"[:64],
    )  # fmt: skip
    payment.amount, payment.paid_to = due, payment.paid_to - above
    rest.invoice = payment.invoice
    session.add(rest)
    session.flush()
    _want(session, payment, Operation.CREATE, (Document.INVOICE, payment.invoice_id))
    return rest


def _want(session: Session, payment: Payment, operation: Operation, parent: tuple[Document, int]) -> Push:
    currency = session.get_one(Invoice, payment.invoice_id).currency
    return outbox.want(
        session, payment.location_id, Document.PAYMENT, payment.id, operation,
        parent=parent, amount=payment.amount, currency=currency,
    )  # fmt: skip


def _held(session: Session, location_id: int, payment_id: int) -> tuple[Payment, Push]:
    """The payment and its push, with nobody else changing them. Raises ChooseAgain when it was settled meanwhile."""
    if outbox.guard(session, location_id) is None:
        raise ChooseAgain("This location is not connected to Xero.")
    payment = session.get_one(Payment, payment_id, populate_existing=True)
    return payment, _blocked(session, payment)


def _blocked(session: Session, payment: Payment) -> Push:
    push = outbox.find(session, payment.location_id, Document.PAYMENT, payment.id, Operation.CREATE)
    waits = push is not None and push.state == PushState.BLOCKED and (push.cause or "").startswith(CAUSES)
    if push is None or not waits or outbox.goes_as_overpayment(session, payment.location_id, payment.id):
        raise ChooseAgain(SETTLED)
    return push


def _owed(location: Location, invoice_id: int) -> tuple[Decimal, str | None]:
    """What Xero counts as owed on the invoice now, and where a person sees it."""
    connection = db.session.scalar(select(Connection).where(Connection.location_id == location.id))
    if connection is None:
        raise ChooseAgain("This location is not connected to Xero.")
    link = linking.find(db.session(), connection.tenant_id, location.id, Document.INVOICE, invoice_id)
    if link is None:
        raise ChooseAgain("The invoice is not in Xero yet.")
    url, xero_id = xero_links.invoice_address(connection, link.xero_id), link.xero_id
    try:
        told = organisations.ask(
            organisations.address_of(connection.id), lambda xero: xero.invoices([xero_id])
        )
    except XeroError as error:
        raise ChooseAgain(NOT_ASKED) from error
    found = next(iter(told.data.get("Invoices") or []), None)
    if found is None:
        raise ChooseAgain("Xero has no such invoice any more.")
    return max(replies.parse_money(found.get("AmountDue")) or ZERO, ZERO), url


def _told(session: Session, user: User, payment: Payment, what: str) -> None:
    audit.note(
        session,
        user,
        payment.location_id,
        "payments.surplus",
        f"{payment.invoice.number}: {payment.amount:.2f}, {what}",
    )


def _ring(location_id: int) -> None:
    connection_id = db.session.scalar(select(Connection.id).where(Connection.location_id == location_id))
    release()
    if connection_id is not None:
        bell.ring(DRAIN, connection_id)
