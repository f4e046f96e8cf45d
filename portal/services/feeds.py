"""What programs read over the API: invoices, payments and pushes, in a fixed number of queries a page."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.orm import joinedload, selectinload

from portal.errors import NotFoundHere
from portal.extensions import db
from portal.models import (
    Document,
    Failure,
    Invoice,
    Link,
    Location,
    Payment,
    Push,
    PushState,
)
from portal.models.among import among
from portal.services import activity, cursors, finding, invoices, reckoning, saying, xero_links
from portal.services.cursors import Feed
from portal.services.payments import RECEIVED
from portal.services.saying import Around
from portal.words import Look

SIZE, MOST = 50, 200


@dataclass(frozen=True, slots=True)
class PaymentRow:
    """One payment with its push and its link into Xero."""

    payment: Payment
    push: Push | None
    look: Look
    link: Link | None


@dataclass(frozen=True, slots=True)
class InvoiceRow:
    """One invoice with its push, its links into Xero and its tax; `payments` and `pushes` where one was asked for."""

    invoice: Invoice
    tax: Decimal
    push: Push | None
    look: Look
    link: Link | None
    contact_link: Link | None
    url: str | None
    payments: Sequence[PaymentRow] = ()
    pushes: Sequence[tuple[Push, Look]] = ()


def invoice_feed(
    location: Location, state: PushState | None, search: str, cursor: str | None, size: int = SIZE
) -> Feed[InvoiceRow]:
    """Invoices, the newest first. Raises ChooseAgain on a foreign cursor."""
    location_id = location.id
    chosen = [
        Invoice.location_id == location_id,
        *cursors.before_moment(cursor, Invoice.created_at, Invoice.id),
    ]
    if search:
        chosen.append(among(Invoice.id, finding.find(location, search).invoices))
    if state:
        chosen.append(_stands(location_id, state))
    found = db.session.scalars(
        select(Invoice)
        .where(*chosen)
        .options(joinedload(Invoice.contact), selectinload(Invoice.lines))
        .order_by(Invoice.created_at.desc(), Invoice.id.desc())
        .limit(size + 1)
    ).all()
    page = cursors.cut(found, size, lambda row: cursors.by_moment(row.created_at, row.id))
    return Feed(_invoice_rows(location_id, page.items), page.next)


def invoice(location_id: int, hoop_id: str) -> InvoiceRow:
    """One invoice with its payments, pushes and attempts. Raises NotFoundHere."""
    one = invoices.one(location_id, hoop_id)
    row = _invoice_rows(location_id, [one])[0]
    pushes = invoices.pushes_of(one)
    beside = _around(location_id, pushes)
    return replace(
        row,
        payments=_payment_rows(location_id, one.payments),
        pushes=[(push, saying.state(push, beside)) for push in pushes],
    )


def payment_feed(location_id: int, cursor: str | None, size: int = SIZE) -> Feed[PaymentRow]:
    """Payments, the newest first. Raises ChooseAgain on a foreign cursor."""
    found = db.session.scalars(
        select(Payment)
        .where(Payment.location_id == location_id, *cursors.before_id(cursor, Payment.id))
        .options(joinedload(Payment.invoice))
        .order_by(Payment.id.desc())
        .limit(size + 1)
    ).all()
    page = cursors.cut(found, size, lambda row: cursors.by_id(row.id))
    return Feed(_payment_rows(location_id, page.items), page.next)


def push_feed(
    location_id: int, state: PushState | None, kind: Failure | None, cursor: str | None, size: int = SIZE
) -> Feed[activity.Row]:
    """Pushes, the newest first. Raises ChooseAgain on a foreign cursor."""
    chosen = [Push.location_id == location_id, *cursors.before_id(cursor, Push.id)]
    chosen += [Push.state == state] if state else []
    chosen += [Push.failure == kind] if kind else []
    found = db.session.scalars(select(Push).where(*chosen).order_by(Push.id.desc()).limit(size + 1)).all()
    page = cursors.cut(found, size, lambda row: cursors.by_id(row.id))
    return Feed(activity.rows(location_id, page.items), page.next)


def push(location_id: int, push_id: int) -> activity.Row:
    """One push of this location. Raises NotFoundHere."""
    found = db.session.scalar(select(Push).where(Push.location_id == location_id, Push.id == push_id))
    if found is None:
        raise NotFoundHere("There is no such push here.")
    return activity.rows(location_id, [found])[0]


def tax_of(one: Invoice) -> Decimal:
    """The tax in an invoice's total, a line at a time, as it is said to Xero."""
    return reckoning.of(one).tax if one.lines else Decimal(0)


def _invoice_rows(location_id: int, found: Sequence[Invoice]) -> list[InvoiceRow]:
    standing = _standing(location_id, found)
    papers = [(Document.INVOICE, one.id) for one in found]
    papers += [(Document.CONTACT, one.contact_id) for one in found if one.contact_id]
    beside = _around(location_id, standing.values(), papers)
    return [_invoice_row(one, standing.get(one.id), beside) for one in found]


def _invoice_row(one: Invoice, push: Push | None, beside: Around) -> InvoiceRow:
    link = beside.links.get((Document.INVOICE, one.id))
    contact_link = beside.links.get((Document.CONTACT, one.contact_id or 0))
    url = xero_links.address(beside.connection, link)
    return InvoiceRow(one, tax_of(one), push, saying.state(push, beside), link, contact_link, url)


def _around(location_id: int, pushes: Iterable[Push], papers: Iterable[tuple[str, int]] = ()) -> Around:
    location = db.session.get_one(Location, location_id)
    return saying.around(location, location.connection, pushes, others=papers)


def _standing(location_id: int, found: Sequence[Invoice]) -> dict[int, Push]:
    """The push that says how each invoice stands: its own, or its customer's while that one holds it up."""
    ids, contacts = [one.id for one in found], [one.contact_id for one in found if one.contact_id]
    own, of_contact = (
        _by_document(location_id, Document.INVOICE, ids),
        _by_document(location_id, Document.CONTACT, contacts),
    )
    answer = {}
    for one in found:
        mine = invoices.standing(own.get(one.id, []))
        held_by = invoices.standing(of_contact.get(one.contact_id or 0, []))
        holds = mine and held_by and mine.state == PushState.QUEUED and held_by.state == PushState.BLOCKED
        if chosen := held_by if holds else mine:
            answer[one.id] = chosen
    return answer


def _by_document(location_id: int, document: Document, ids: list[int]) -> dict[int, list[Push]]:
    found: dict[int, list[Push]] = {}
    mine = (Push.location_id == location_id, Push.document == document, among(Push.document_id, ids))
    for each in db.session.scalars(select(Push).where(*mine).order_by(Push.id)) if ids else ():
        found.setdefault(each.document_id, []).append(each)
    return found


def _payment_rows(location_id: int, found: Sequence[Payment]) -> list[PaymentRow]:
    pushes = _by_document(location_id, Document.PAYMENT, [payment.id for payment in found])
    made = {
        key: next((each for each in reversed(many) if each.operation in RECEIVED), None)
        for key, many in pushes.items()
    }
    papers = [(Document.PAYMENT, payment.id) for payment in found]
    beside = _around(location_id, filter(None, made.values()), papers)
    return [_payment_row(payment, made.get(payment.id), beside) for payment in found]


def _payment_row(payment: Payment, push: Push | None, beside: Around) -> PaymentRow:
    link = beside.links.get((Document.PAYMENT, payment.id))
    return PaymentRow(payment, push, saying.state(push, beside), link)


def _stands(location_id: int, state: PushState) -> ColumnElement[bool]:
    """That the push which says how an invoice stands is in this state, as `_standing` chooses it."""

    def own(*states: PushState) -> ColumnElement[bool]:
        settled = [each for each in states if each.settled]
        found = Invoice.id.in_(
            _documents(location_id, Document.INVOICE, [each for each in states if not each.settled])
        )
        return or_(found, _has_push(location_id, settled)) if settled else found

    before = invoices.URGENCY[: invoices.URGENCY.index(state)]
    plain = and_(own(state), ~own(*before)) if before else own(state)
    blocked = Invoice.contact_id.in_(_documents(location_id, Document.CONTACT, (PushState.BLOCKED,)))
    held = and_(Invoice.contact_id.is_not(None), blocked)
    first = invoices.URGENCY[: invoices.URGENCY.index(PushState.QUEUED)]
    held_up = and_(held, own(PushState.QUEUED), ~own(*first))
    if state == PushState.BLOCKED:
        return or_(plain, held_up)
    return and_(plain, ~held_up) if state == PushState.QUEUED else plain


def _has_push(location_id: int, states: Sequence[PushState]) -> ColumnElement[bool]:
    """The same for states that most invoices are in: asked of each invoice, not of all pushes."""
    mine = (Push.location_id == location_id, Push.document == Document.INVOICE, Push.state.in_(states))
    return select(Push.id).where(*mine, Push.document_id == Invoice.id).exists()


def _documents(location_id: int, document: Document, states: Sequence[PushState]) -> Select[int]:
    return select(Push.document_id).where(
        Push.location_id == location_id, Push.state.in_(states), Push.document == document
    )
