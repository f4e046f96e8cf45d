"""Invoices as people read them: the list with each one's standing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, func, literal, or_, select, union_all
from sqlalchemy.orm import joinedload, selectinload

from portal.errors import NotFoundHere
from portal.extensions import db
from portal.models import (
    Connection,
    Contact,
    Document,
    Invoice,
    Link,
    Location,
    Payment,
    Push,
    PushState,
    Refund,
)
from portal.services import paging, xero_links
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
OWNED: tuple[tuple[str, type[Payment] | type[Refund]], ...] = (
    ("payment", Payment),
    ("credit_note", Refund),
    ("refund", Refund),
)
GIVEN_BACK = (Document.CREDIT_NOTE, Document.REFUND)


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


def listing(location: Location, view: View, search: str = "", number: int = 1) -> Page[Row]:
    """One page of invoices, newest first, in a fixed number of queries."""
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


def open_pushes(location: Location, hoop_id: str) -> list[int]:
    """The pushes of an invoice, its contact and its payments that are not in Xero yet. Raises NotFoundHere."""
    pushes = pushes_of(one(location.id, hoop_id))
    return [push.id for push in pushes if push.state not in (PushState.SENT, PushState.CANCELLED)]


def open_documents(location: Location, hoop_id: str) -> list[int]:
    """As `open_pushes`, the contact left out: other invoices may need it. Raises NotFoundHere."""
    pushes = pushes_of(one(location.id, hoop_id))
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


def one(location_id: int, hoop_id: str) -> Invoice:
    """An invoice of this location with contact, lines and payments. Raises NotFoundHere."""
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
    owners = _owners(ids)
    for push in db.session.scalars(select(Push).where(Push.location_id == location_id, _about(ids))):
        key = owners.get((push.document, push.document_id), push.document_id)
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


def _owners(ids: list[int]) -> dict[tuple[Document, int], int]:
    """To which of these invoices each payment, credit note and refund belongs."""
    found = union_all(
        *(
            select(literal(document), table.id, table.invoice_id).where(table.invoice_id.in_(ids))
            for document, table in OWNED
        )
    )
    return {(Document(word), its_id): invoice_id for word, its_id, invoice_id in db.session.execute(found)}


def _about(ids: list[int]) -> ColumnElement[bool]:
    own = and_(Push.document == Document.INVOICE, Push.document_id.in_(ids))
    payments = select(Payment.id).where(Payment.invoice_id.in_(ids))
    refunds = select(Refund.id).where(Refund.invoice_id.in_(ids))
    return or_(
        own,
        and_(Push.document == Document.PAYMENT, Push.document_id.in_(payments)),
        and_(Push.document.in_(GIVEN_BACK), Push.document_id.in_(refunds)),
    )


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
    paid = select(Payment.invoice_id).where(
        Payment.id.in_(select(Push.document_id).where(*mine, Push.document == Document.PAYMENT))
    )
    given = select(Refund.invoice_id).where(
        Refund.id.in_(select(Push.document_id).where(*mine, Push.document.in_(GIVEN_BACK)))
    )
    return or_(Invoice.id.in_(own), Invoice.id.in_(paid), Invoice.id.in_(given))


def pushes_of(invoice: Invoice) -> list[Push]:
    """The pushes of an invoice, its contact, its payments and its refunds, with their attempts, oldest first."""
    wanted = _about([invoice.id])
    if invoice.contact_id is not None:
        contact = and_(Push.document == Document.CONTACT, Push.document_id == invoice.contact_id)
        wanted = or_(wanted, contact)
    query = select(Push).where(Push.location_id == invoice.location_id, wanted)
    return list(db.session.scalars(query.options(selectinload(Push.attempts)).order_by(Push.id)))
