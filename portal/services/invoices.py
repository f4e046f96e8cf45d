"""Invoices as people read them: the list with each one's standing, and one invoice with its whole story."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import joinedload, selectinload

from portal.errors import NotFoundHere
from portal.extensions import db
from portal.models import (
    Attempt,
    Category,
    Connection,
    Contact,
    Document,
    InboundEvent,
    Invoice,
    LedgerAccount,
    Line,
    Link,
    Location,
    Payment,
    Push,
    PushState,
    TaxRate,
)
from portal.services import mappings, paging, xero_links
from portal.services.paging import Page

URGENCY = (
    PushState.BLOCKED,
    PushState.SENDING,
    PushState.WAITING,
    PushState.QUEUED,
    PushState.SENT,
    PushState.SKIPPED,
    PushState.CANCELLED,
)
MOVING = (PushState.QUEUED, PushState.SENDING, PushState.WAITING)
LATEST_EVENTS = 20
TRIED = {
    "sent": ("sent; Xero has it", "check-circle-fill", "green"),
    "refused": ("refused by Xero", "x-circle-fill", "red"),
    "failed": ("could not be sent", "x-circle-fill", "red"),
    "unsure": ("sent, no answer came", "search", "blue"),
}
TOLD = {
    "InvoiceCreate": "the invoice is created",
    "InvoiceUpdate": "the invoice is changed",
    "InvoiceSent": "the invoice is sent",
    "InvoicePartiallyPaid": "a part is paid",
    "InvoicePaid": "the invoice is paid",
    "InvoiceVoid": "the invoice is void",
    "InvoiceDelete": "the invoice is deleted",
}


class View(StrEnum):
    """What the list shows."""

    ALL = "all"
    NEEDS_YOU = "needs-you"
    WAITING = "waiting"
    SENT = "sent"
    NOT_SENT = "not-sent"


@dataclass(frozen=True, slots=True)
class Row:
    """One invoice of the list: the push that decides its standing, its link into Xero."""

    invoice: Invoice
    push: Push | None
    link: Link | None
    url: str | None


@dataclass(frozen=True, slots=True)
class LineRow:
    """One line with where it goes: the amount, its category, account and tax rate in Xero."""

    line: Line
    amount: Decimal
    category: str
    account: LedgerAccount | None
    tax: TaxRate | None


@dataclass(frozen=True, slots=True)
class PaymentRow:
    """One payment with its push and its link into Xero."""

    payment: Payment
    push: Push | None
    link: Link | None


@dataclass(frozen=True, slots=True)
class Moment:
    """One entry of the timeline. `tone` is a colour word that goes with `icon`."""

    at: datetime
    icon: str
    tone: str
    title: str
    text: str = ""
    attempt: Attempt | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """One invoice with everything that is known of it."""

    invoice: Invoice
    pushes: list[Push]
    push: Push | None
    link: Link | None
    url: str | None
    contact_link: Link | None
    contact_url: str | None
    lines: list[LineRow]
    payments: list[PaymentRow]
    timeline: list[Moment]

    @property
    def total_differs(self) -> bool:
        """Whether Xero holds another total than HoopAI."""
        return bool(
            self.link and self.link.xero_total is not None and self.link.xero_total != self.invoice.total
        )

    @property
    def number_differs(self) -> bool:
        """Whether Xero holds another number than HoopAI."""
        return bool(self.link and self.link.xero_number and self.link.xero_number != self.invoice.number)

    @property
    def paid_in_xero(self) -> Decimal:
        """The sum of HoopAI's payments that are in Xero."""
        return sum((row.payment.amount for row in self.payments if row.link), Decimal(0))

    @property
    def moving(self) -> bool:
        """Whether anything may still change by itself."""
        return any(push.state in MOVING for push in self.pushes)


def listing(location: Location, view: View, search: str = "", number: int = 1) -> Page[Row]:
    """One page of invoices, newest first, in five queries however many there are."""
    chosen = _chosen(location.id, view, search)
    total = db.session.scalar(select(func.count()).select_from(Invoice).where(*chosen)) or 0
    number = min(max(1, number), max(1, -(-total // paging.SIZE)))
    found = db.session.scalars(
        select(Invoice)
        .where(*chosen)
        .options(joinedload(Invoice.contact))
        .order_by(Invoice.created_at.desc(), Invoice.id.desc())
        .offset((number - 1) * paging.SIZE)
        .limit(paging.SIZE)
    ).all()
    return Page(_rows(location.id, found), number, total)


def counts(location: Location, search: str = "") -> dict[View, int]:
    """How many invoices each view shows."""
    return {
        view: db.session.scalar(
            select(func.count()).select_from(Invoice).where(*_chosen(location.id, view, search))
        )
        or 0
        for view in View
    }


def story(location: Location, hoop_id: str) -> Story:
    """One invoice with everything that is known of it, in a fixed number of queries. Raises NotFoundHere."""
    invoice = _one(location.id, hoop_id)
    pushes = _pushes_of(invoice)
    connection = db.session.scalar(select(Connection).where(Connection.location_id == location.id))
    ids = [payment.id for payment in invoice.payments]
    payment_links = xero_links.of_documents(connection, location.id, Document.PAYMENT, ids)
    link = xero_links.of_documents(connection, location.id, Document.INVOICE, [invoice.id]).get(invoice.id)
    about = [invoice.contact_id] if invoice.contact_id else []
    contact_link = next(
        iter(xero_links.of_documents(connection, location.id, Document.CONTACT, about).values()), None
    )
    by_payment = {push.document_id: push for push in pushes if push.document == Document.PAYMENT}
    return Story(
        invoice=invoice,
        pushes=pushes,
        push=standing(pushes),
        link=link,
        url=xero_links.address(connection, link),
        contact_link=contact_link,
        contact_url=xero_links.address(connection, contact_link),
        lines=_lines(location.id, invoice),
        payments=[
            PaymentRow(each, by_payment.get(each.id), payment_links.get(each.id)) for each in invoice.payments
        ],
        timeline=_timeline(location.id, invoice, pushes),
    )


def open_pushes(location: Location, hoop_id: str) -> list[int]:
    """The pushes of an invoice, its contact and its payments that are not in Xero yet. Raises NotFoundHere."""
    pushes = _pushes_of(_one(location.id, hoop_id))
    return [push.id for push in pushes if push.state not in (PushState.SENT, PushState.CANCELLED)]


def open_documents(location: Location, hoop_id: str) -> list[int]:
    """As `open_pushes`, the contact left out: other invoices may need it. Raises NotFoundHere."""
    pushes = _pushes_of(_one(location.id, hoop_id))
    return [
        push.id
        for push in pushes
        if push.document != Document.CONTACT and push.state not in (PushState.SENT, PushState.CANCELLED)
    ]


def connection_id_of(location_id: int) -> int | None:
    """The id of the location's connection row."""
    return db.session.scalar(select(Connection.id).where(Connection.location_id == location_id))


def standing(pushes: Iterable[Push]) -> Push | None:
    """The push that says how the whole stands: the one nearest to needing a person."""
    return min(pushes, key=lambda push: (URGENCY.index(PushState(push.state)), -push.id), default=None)


def _one(location_id: int, hoop_id: str) -> Invoice:
    invoice = db.session.scalar(
        select(Invoice)
        .where(Invoice.location_id == location_id, Invoice.hoop_id == hoop_id)
        .options(joinedload(Invoice.contact), selectinload(Invoice.lines), selectinload(Invoice.payments))
    )
    if invoice is None:
        raise NotFoundHere("There is no such invoice here.")
    return invoice


def _rows(location_id: int, found: Sequence[Invoice]) -> list[Row]:
    ids = [invoice.id for invoice in found]
    connection = db.session.scalar(select(Connection).where(Connection.location_id == location_id))
    links = xero_links.of_documents(connection, location_id, Document.INVOICE, ids)
    by_invoice: dict[int, list[Push]] = {}
    for push in db.session.scalars(select(Push).where(Push.location_id == location_id, _about(ids))):
        key = push.document_id if push.document == Document.INVOICE else push.parent_id or 0
        by_invoice.setdefault(key, []).append(push)
    return [
        Row(
            invoice,
            standing(by_invoice.get(invoice.id, [])),
            links.get(invoice.id),
            xero_links.address(connection, links.get(invoice.id)),
        )
        for invoice in found
    ]


def _about(ids: list[int]) -> ColumnElement[bool]:
    own = and_(Push.document == Document.INVOICE, Push.document_id.in_(ids))
    paid = and_(Push.document == Document.PAYMENT, Push.parent_id.in_(ids))
    return or_(own, paid)


def _chosen(location_id: int, view: View, search: str) -> list[ColumnElement[bool]]:
    chosen: list[ColumnElement[bool]] = [Invoice.location_id == location_id]
    if search:
        like = f"%{search.replace('%', '').replace('_', '')}%"
        named = select(Contact.id).where(
            Contact.location_id == location_id, or_(Contact.name.ilike(like), Contact.company.ilike(like))
        )
        chosen.append(
            or_(Invoice.number.ilike(like), Invoice.hoop_id == search, Invoice.contact_id.in_(named))
        )
    blocked, moving = _in_states(location_id, (PushState.BLOCKED,)), _in_states(location_id, MOVING)
    if view == View.NEEDS_YOU:
        chosen.append(blocked)
    elif view == View.WAITING:
        chosen.extend((moving, ~blocked))
    elif view == View.SENT:
        chosen.extend((_in_states(location_id, (PushState.SENT,)), ~moving, ~blocked))
    elif view == View.NOT_SENT:
        left_out = (PushState.SKIPPED, PushState.CANCELLED)
        chosen.extend((_in_states(location_id, left_out), ~_in_states(location_id, (*MOVING, *URGENCY[:5]))))
    return chosen


def _in_states(location_id: int, states: Sequence[PushState]) -> ColumnElement[bool]:
    mine = (Push.location_id == location_id, Push.state.in_(states))
    own = select(Push.document_id).where(*mine, Push.document == Document.INVOICE)
    paid = select(Push.parent_id).where(*mine, Push.document == Document.PAYMENT, Push.parent_id.is_not(None))
    return or_(Invoice.id.in_(own), Invoice.id.in_(paid))


def _pushes_of(invoice: Invoice) -> list[Push]:
    wanted = _about([invoice.id])
    if invoice.contact_id is not None:
        contact = and_(Push.document == Document.CONTACT, Push.document_id == invoice.contact_id)
        wanted = or_(wanted, contact)
    query = select(Push).where(Push.location_id == invoice.location_id, wanted)
    return list(db.session.scalars(query.options(selectinload(Push.attempts)).order_by(Push.id)))


def _lines(location_id: int, invoice: Invoice) -> list[LineRow]:
    book = mappings.book(location_id)
    keys = [line.category_key for line in invoice.lines]
    names = {
        row.key: row.name
        for row in db.session.scalars(
            select(Category).where(Category.location_id == location_id, Category.key.in_(keys))
        )
    }
    return [
        LineRow(
            line,
            line.quantity * line.unit_amount,
            names.get(line.category_key, line.name),
            book.account_of_line(line.product_id, line.category_key),
            book.tax_for(line.tax_key),
        )
        for line in invoice.lines
    ]


def _timeline(location_id: int, invoice: Invoice, pushes: list[Push]) -> list[Moment]:
    events = db.session.scalars(
        select(InboundEvent)
        .where(InboundEvent.location_id == location_id, InboundEvent.hoop_id == invoice.hoop_id)
        .order_by(InboundEvent.id.desc())
        .limit(LATEST_EVENTS)
    )
    told = [
        Moment(
            event.received_at,
            "inbox",
            "grey",
            f"HoopAI told us: {TOLD.get(event.event or '', event.event or 'something')}",
            event.reason or "",
        )
        for event in events
    ]
    moments = [moment for push in pushes for moment in _moments(push)]
    return sorted([*told, *moments], key=lambda moment: moment.at, reverse=True)


def _moments(push: Push) -> list[Moment]:
    what = push.document.replace("_", " ").capitalize()
    deed = {"create": "to be created", "update": "to be changed", "void": "to be voided"}[push.operation]
    found = [Moment(push.created_at, "hourglass-split", "blue", f"{what} {deed} in Xero")]
    found += [_tried(what, attempt) for attempt in push.attempts]
    if push.state in (PushState.BLOCKED, PushState.SKIPPED, PushState.CANCELLED) and push.message:
        tone = "amber" if push.state == PushState.BLOCKED else "grey"
        name = "exclamation-circle-fill" if tone == "amber" else "dash-circle"
        found.append(Moment(push.updated_at, name, tone, f"{what}: {push.message}"))
    return found


def _tried(what: str, attempt: Attempt) -> Moment:
    words, icon, tone = TRIED.get(attempt.outcome, (attempt.outcome, "arrow-up-circle-fill", "blue"))
    took = _took(attempt.duration_ms) if attempt.duration_ms is not None else ""
    text = " · ".join(part for part in (attempt.message or "", took) if part)
    return Moment(attempt.at, icon, tone, f"{what} {words}", text, attempt)


def _took(milliseconds: int) -> str:
    return f"{milliseconds} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"
