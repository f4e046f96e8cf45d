"""What a person decides about an invoice that Xero cannot take as it is: a taken number, payments in the way."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from portal import bell
from portal.errors import ChooseAgain
from portal.extensions import db
from portal.models import (
    Connection,
    Document,
    Failure,
    Invoice,
    Link,
    Location,
    Operation,
    Payment,
    Push,
    PushState,
    User,
)
from portal.services import audit, invoices, linking, matching, organisations, outbox, xero_links
from portal.services.unit import release, transaction
from portal.xero import replies
from portal.xero.client import XeroClient
from portal.xero.errors import XeroError

T = TypeVar("T")
ZERO = Decimal(0)
RECEIVED = ("AmountPaid", "AmountCredited")
DRAIN = "jobs.pushes.drain"
SETTLED = "This was decided meanwhile."
NOT_ASKED = "Xero could not be asked just now. Try again in a minute."
LINKED = "Linked by {name} to the invoice that Xero already had."
PAID_THERE = (
    "Its invoice was linked to one that has payments in Xero already. If this one is missing there, retry it."
)


@dataclass(frozen=True, slots=True)
class Theirs:
    """The invoice in Xero that has the number."""

    xero_id: str
    number: str
    contact_id: str
    contact: str
    total: Decimal
    paid: Decimal
    currency: str
    day: date | None
    status: str
    reference: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """Both sides of a taken number. `differs` names what keeps the two from being one and the same."""

    invoice: Invoice
    theirs: Theirs | None
    differs: dict[str, str]
    url: str | None
    suffixed: str

    @property
    def same(self) -> bool:
        """Whether the two may be linked."""
        return self.theirs is not None and not self.differs


def conflict(location: Location, hoop_id: str) -> Conflict:
    """Both sides, Xero's asked now. Raises NotFoundHere, ChooseAgain where there is nothing to decide or to ask."""
    invoice = invoices.one(location.id, hoop_id)
    if _blocked(db.session(), invoice, Operation.CREATE, "number:") is None:
        raise ChooseAgain(SETTLED)
    invoice_id = invoice.id
    theirs = _theirs(_connection(location.id), invoice.number_sent)
    invoice, connection = db.session.get_one(Invoice, invoice_id), _connection(location.id)
    mine = linking.find(
        db.session(), connection.tenant_id, location.id, Document.CONTACT, invoice.contact_id or 0
    )
    return Conflict(
        invoice=invoice,
        theirs=theirs,
        differs=_differences(db.session(), invoice, mine, theirs) if theirs else {},
        url=xero_links.invoice_address(connection, theirs.xero_id) if theirs else None,
        suffixed=_free_number(db.session(), invoice),
    )


def link(location: Location, hoop_id: str, user: User) -> str:
    """The invoice in Xero is this one: link them, change nothing there. Raises ChooseAgain saying why it cannot be."""
    found = conflict(location, hoop_id)
    theirs, invoice_id = found.theirs, found.invoice.id
    if theirs is None:
        raise ChooseAgain("Xero no longer has an invoice of this number. Retry instead.")
    if found.differs:
        raise ChooseAgain(f"They are not the same: {'; '.join(found.differs.values())}.")
    release()
    with transaction() as session:
        connection = _guarded(session, location.id)
        invoice = session.get_one(Invoice, invoice_id)
        push = _still_blocked(session, invoice, Operation.CREATE, "number:")
        linking.put(
            session, connection.tenant_id, location.id, Document.INVOICE, invoice.id, theirs.xero_id,
            number=theirs.number, status=theirs.status, total=theirs.total, content_hash=invoice.content_hash,
            ours=False,
        )  # fmt: skip
        outbox.sent(push, LINKED.format(name=user.name))
        if theirs.paid:
            _leave_out_payments(session, invoice, user)
        audit.note(
            session, user, location.id, "invoices.link", f"{invoice.number} to {theirs.xero_id} in Xero"
        )
    _ring(location.id)
    return f"Invoice {theirs.number} is linked to the one in Xero; nothing was changed there."


def add_suffix(location: Location, hoop_id: str, user: User) -> str:
    """Send it under its number with a suffix that is free; the sentence names it. Raises ChooseAgain."""
    invoice_id = invoices.one(location.id, hoop_id).id
    with transaction() as session:
        _guarded(session, location.id)
        invoice = session.get_one(Invoice, invoice_id)
        push = _still_blocked(session, invoice, Operation.CREATE, "number:")
        chosen = _free_number(session, invoice)
        if len(chosen) > 255:
            raise ChooseAgain("The number is too long for a suffix. Change it in HoopAI.")
        invoice.sent_number = chosen
        _again(push)
        audit.note(session, user, location.id, "invoices.suffix", f"{invoice.number} is sent as {chosen}")
    _ring(location.id)
    return f"Invoice {invoice.number} goes to Xero as {chosen}."


def delete_payments(location: Location, hoop_id: str, user: User) -> str:
    """Delete in Xero the payments that the portal made, then void. Raises ChooseAgain when others are in the way."""
    invoice_id = invoices.one(location.id, hoop_id).id
    told = _told(_connection(location.id), invoice_id)
    with transaction() as session:
        connection = _guarded(session, location.id)
        invoice = session.get_one(Invoice, invoice_id)
        push = _still_blocked(session, invoice, Operation.VOID, "payments:")
        mine = _made_here(session, connection, told)
        for payment in mine:
            outbox.want(
                session, location.id, Document.PAYMENT, payment.id, Operation.VOID,
                parent=(Document.PAYMENT, payment.id), amount=payment.amount, currency=invoice.currency,
            )  # fmt: skip
        _again(push)
        audit.note(
            session,
            user,
            location.id,
            "invoices.delete_payments",
            f"{len(mine)} of {invoice.number}, to void it",
        )
    _ring(location.id)
    return f"{len(mine)} of its payments will be deleted in Xero, then invoice {invoice.number_sent} is voided there."


def _made_here(session: Session, connection: Connection, told: dict[str, Any]) -> list[Payment]:
    alive = [each for each in replies.payments_in(told) if each.status != "DELETED"]
    rows = session.execute(
        select(Link.xero_id, Payment)
        .join(Payment, Payment.id == Link.document_id)
        .where(
            *linking.by_xero_ids(
                connection.tenant_id, connection.location_id, [each.payment_id for each in alive]
            ),
            Link.document == Document.PAYMENT,
            Link.ours,
        )
    )
    mine = {xero_id: payment for xero_id, payment in rows}
    foreign = [each for each in alive if each.payment_id not in mine]
    if foreign:
        sums = " and ".join(f"{each.amount:,.2f} ({each.reference or 'no reference'})" for each in foreign)
        raise ChooseAgain(f"{sums} was entered in Xero by hand. Delete it there, then choose Retry.")
    if told.get("AmountCredited"):
        raise ChooseAgain("A credit note is set against it in Xero. Remove that there, then choose Retry.")
    return list(mine.values())


def _theirs(connection: Connection, number: str) -> Theirs | None:
    reply = _ask(connection, lambda xero: xero.invoices_numbered([number]))
    for each in reply.data.get("Invoices") or []:
        if (
            each.get("Type") == "ACCREC"
            and each.get("InvoiceNumber") == number
            and each.get("Status") != "DELETED"
        ):
            contact = each.get("Contact") or {}
            return Theirs(
                xero_id=str(each["InvoiceID"]), number=number, contact_id=str(contact.get("ContactID") or ""),
                contact=str(contact.get("Name") or "–"), total=replies.parse_money(each.get("Total")) or ZERO,
                paid=sum((replies.parse_money(each.get(name)) or ZERO for name in RECEIVED), ZERO),
                currency=str(each.get("CurrencyCode") or ""), day=replies.parse_date(each.get("Date")),
                status=str(each.get("Status") or ""), reference=str(each.get("Reference") or ""),
            )  # fmt: skip
    return None


def _told(connection: Connection, invoice_id: int) -> dict[str, Any]:
    held = linking.find(
        db.session(), connection.tenant_id, connection.location_id, Document.INVOICE, invoice_id
    )
    if held is None:
        raise ChooseAgain(SETTLED)
    xero_id = held.xero_id
    found = _ask(connection, lambda xero: xero.invoices([xero_id])).data.get("Invoices") or []
    if not found:
        raise ChooseAgain("Xero has no such invoice any more.")
    told: dict[str, Any] = found[0]
    return told


def _differences(session: Session, invoice: Invoice, mine: Link | None, theirs: Theirs) -> dict[str, str]:
    """What is not the same, in words; nothing where one is the other."""
    same_contact = (
        mine.xero_id == theirs.contact_id
        if mine
        else matching.folded(invoice.contact.display_name if invoice.contact else "")
        == matching.folded(theirs.contact)
    )
    taken = session.scalar(
        select(Link.id).where(Link.document == Document.INVOICE, Link.xero_id == theirs.xero_id)
    )
    found = {
        "contact": "" if same_contact else f"the customer in Xero is {theirs.contact}",
        "total": "" if theirs.total == invoice.total else f"the total in Xero is {theirs.total:,.2f}",
        "currency": ""
        if theirs.currency == invoice.currency
        else f"the currency in Xero is {theirs.currency}",
        "status": "it is voided in Xero" if theirs.status == "VOIDED" else "",
        "link": "" if taken is None else "it belongs to another invoice of HoopAI",
    }
    return {name: sentence for name, sentence in found.items() if sentence}


def _free_number(session: Session, invoice: Invoice) -> str:
    """The number with the first suffix that no invoice of this location has and Xero has not refused yet."""
    count = 1
    while True:
        chosen = f"{invoice.number}-H{count if count > 1 else ''}"
        used = session.scalar(
            select(Invoice.id)
            .where(
                Invoice.location_id == invoice.location_id,
                or_(Invoice.number == chosen, Invoice.sent_number == chosen),
            )
            .limit(1)
        )
        if used is None:
            return chosen
        count += 1


def _leave_out_payments(session: Session, invoice: Invoice, user: User) -> None:
    for payment in invoice.payments:
        push = outbox.find(session, invoice.location_id, Document.PAYMENT, payment.id, Operation.CREATE)
        if push is not None and push.state in outbox.OPEN and push.batch_id is None:
            outbox.leave_out(session, push, PAID_THERE)
            push.settled_by_id = user.id


def _blocked(session: Session, invoice: Invoice, operation: Operation, cause: str) -> Push | None:
    push = outbox.find(session, invoice.location_id, Document.INVOICE, invoice.id, operation)
    fits = push is not None and push.state == PushState.BLOCKED and push.failure == Failure.CONFLICT
    return push if fits and push and (push.cause or "").startswith(cause) else None


def _still_blocked(session: Session, invoice: Invoice, operation: Operation, cause: str) -> Push:
    push = _blocked(session, invoice, operation, cause)
    if push is None:
        raise ChooseAgain(SETTLED)
    return push


def _again(push: Push) -> None:
    outbox.requeue(push)
    push.tries, push.looks = 0, 0


def _guarded(session: Session, location_id: int) -> Connection:
    connection = outbox.guard(session, location_id)
    if connection is None:
        raise ChooseAgain("This location is not connected to Xero.")
    return connection


def _connection(location_id: int) -> Connection:
    connection = db.session.scalar(select(Connection).where(Connection.location_id == location_id))
    if connection is None:
        raise ChooseAgain("This location is not connected to Xero.")
    return connection


def _ask(connection: Connection, letter: Callable[[XeroClient], T]) -> T:
    address = organisations.address_of(connection.id)
    try:
        return organisations.ask(address, letter)
    except XeroError as error:
        raise ChooseAgain(NOT_ASKED) from error


def _ring(location_id: int) -> None:
    bell.ring(DRAIN, _connection(location_id).id)
