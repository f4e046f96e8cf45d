"""What a person decides about a total that an invoice's lines do not make: what is above them, booked as a charge.

Nothing is booked unasked. The charge is a line of its own without tax, mapped by its kind; it counts for the total that
was decided about, and can be taken back while Xero certainly does not hold it.
"""

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import bell
from portal.errors import ChooseAgain
from portal.extensions import db
from portal.models import (
    Connection,
    Document,
    Invoice,
    LedgerAccount,
    Line,
    Link,
    Location,
    MappingKind,
    Operation,
    Push,
    PushState,
    User,
)
from portal.services import (
    audit,
    charges_in,
    invoices,
    invoices_in,
    linking,
    mappings,
    outbox,
    preflight,
    reckoning,
)
from portal.services.charges_in import NO_TAX, Charge
from portal.services.unit import release, transaction

DRAIN = "jobs.pushes.drain"
UNTAXED = ("No tax", Decimal(0))
SETTLED = "This was decided meanwhile."
CHANGED = "The invoice has changed since this page was opened. Look at its amounts again."
INEXACT = "Xero would round this charge to another total. Correct the invoice in HoopAI."
GONE = "The charge is in Xero already. Correct the invoice in HoopAI; the change goes to Xero."


@dataclass(frozen=True, slots=True)
class Reading:
    """What the lines make, their prices read one way, and how much of HoopAI's total is above that."""

    inclusive: bool
    lines: Decimal
    above: Decimal


@dataclass(frozen=True, slots=True)
class Kind:
    """What the rest can be booked as, and the account it would go to: its `own`, the default one, None to wait."""

    charge: Charge
    account: LedgerAccount | None
    own: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """HoopAI's total beside what the lines make: one reading, or two where nobody said if prices hold their tax."""

    invoice: Invoice
    readings: list[Reading]
    kinds: list[Kind]

    @property
    def bookable(self) -> list[Reading]:
        """The readings under which the total holds more than the lines."""
        return [each for each in self.readings if each.above > 0]


def difference(location: Location, hoop_id: str) -> Difference:
    """What waits for a decision. Raises NotFoundHere, and ChooseAgain where nothing waits for one."""
    invoice = invoices.one(location.id, hoop_id)
    if not _waits(db.session(), invoice):
        raise ChooseAgain(SETTLED)
    book = mappings.book(location.id)
    accounts = {charge: book.account_for(charge.key) for charge in Charge}
    kinds = [
        Kind(
            charge,
            account if account and account.takes_lines else None,
            (MappingKind.CATEGORY, charge.key) in book.chosen,
        )
        for charge, account in accounts.items()
    ]
    return Difference(invoice, _readings(invoice), kinds)


def book(location: Location, hoop_id: str, user: User, charge: Charge, amount: Decimal) -> str:
    """Book what is above the lines as a charge of this kind; `amount` is what the person saw. Raises ChooseAgain.

    The invoice then goes to Xero, or waits for the account of this kind of charge.
    """
    invoice_id = invoices.one(location.id, hoop_id).id
    with transaction() as session:
        connection_id = _guarded(session, location.id)
        invoice = session.get_one(Invoice, invoice_id, populate_existing=True)
        if not _waits(session, invoice):
            raise ChooseAgain(SETTLED)
        if amount <= 0 or amount not in [each.above for each in _readings(invoice)]:
            raise ChooseAgain(CHANGED)
        line = charges_in.booked(invoice, charge, amount)
        invoice.lines.append(line)
        if reckoning.of(invoice).differs_from(invoice.total):
            raise ChooseAgain(INEXACT)
        mappings.learn(session, location.id, {charge.key: charge.called}, {NO_TAX: UNTAXED})
        invoices_in.recategorised(session, location, invoice)
        audit.note(session, user, location.id, "invoices.charge", _told(invoice, line))
    release()
    bell.ring(DRAIN, connection_id)
    return f"{amount:,.2f} is booked as {charge.called.lower()}, on a line of its own."


def take_back(location: Location, hoop_id: str, user: User) -> str:
    """Take the decided charge off again, as long as Xero does not hold it. Raises ChooseAgain."""
    invoice_id = invoices.one(location.id, hoop_id).id
    with transaction() as session:
        connection_id = _guarded(session, location.id)
        invoice = session.get_one(Invoice, invoice_id, populate_existing=True)
        line = charges_in.decided(invoice)
        if line is None:
            raise ChooseAgain(SETTLED)
        if not _may_take_back(session, invoice, line):
            raise ChooseAgain(GONE)
        audit.note(session, user, location.id, "invoices.charge_undo", _told(invoice, line))
        invoice.lines.remove(line)
        invoices_in.recategorised(session, location, invoice)
    release()
    bell.ring(DRAIN, connection_id)
    return "The charge is taken back; the invoice waits for a decision again."


def open_charge(invoice: Invoice) -> Line | None:
    """The decided charge of an invoice where it can still be taken back, else None."""
    line = charges_in.decided(invoice)
    return line if line is not None and _may_take_back(db.session(), invoice, line) else None


def _waits(session: Session, invoice: Invoice) -> bool:
    found = (_push(session, invoice, each) for each in (Operation.CREATE, Operation.UPDATE))
    return any(
        push is not None and push.state == PushState.BLOCKED and push.cause == preflight.WRONG_TOTAL
        for push in found
    )


def _readings(invoice: Invoice) -> list[Reading]:
    return [
        Reading(way.amounts == "Inclusive", way.total, -way.differs_from(invoice.total))
        for way in reckoning.readings(invoice)
    ]


def _may_take_back(session: Session, invoice: Invoice, line: Line) -> bool:
    """Whether what would bring the charge to Xero is at rest, and nothing before it has brought it."""
    create = _push(session, invoice, Operation.CREATE)
    if create is None or create.state != PushState.SENT:
        return _at_rest(create)
    connection = select(Connection.tenant_id).where(Connection.location_id == invoice.location_id)
    tenant_id = session.scalar(connection) or ""
    link = linking.find(session, tenant_id, invoice.location_id, Document.INVOICE, invoice.id)
    at_rest = _at_rest(_push(session, invoice, Operation.UPDATE))
    return at_rest and link is not None and not _holds(link, line)


def _at_rest(push: Push | None) -> bool:
    return push is not None and push.at_rest and push.state in outbox.OPEN


def _holds(link: Link, line: Line) -> bool:
    """Whether what Xero was last told has this charge; not knowing counts as having it."""
    rows = (link.content or {}).get("LineItems")
    return rows is None or any(
        row.get("Description") == line.name and Decimal(str(row.get("UnitAmount") or 0)) == line.unit_amount
        for row in rows
    )


def _push(session: Session, invoice: Invoice, operation: Operation) -> Push | None:
    return outbox.find(session, invoice.location_id, Document.INVOICE, invoice.id, operation)


def _told(invoice: Invoice, line: Line) -> str:
    what = f"{line.unit_amount:,.2f} of {invoice.total:,.2f} {invoice.currency}"
    return f"{invoice.number}: {what} as {line.name.lower()}"


def _guarded(session: Session, location_id: int) -> int:
    connection = outbox.guard(session, location_id)
    if connection is None:
        raise ChooseAgain("This location is not connected to Xero.")
    return connection.id
