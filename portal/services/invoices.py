"""Invoices as people read them: the list with each one's standing."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, Select, and_, exists, func, literal, or_, select, union, union_all
from sqlalchemy.orm import joinedload, selectinload

from portal.errors import NotFoundHere
from portal.extensions import db
from portal.models import (
    Connection,
    Document,
    Invoice,
    Link,
    Location,
    Operation,
    Payment,
    Push,
    PushState,
    Refund,
)
from portal.services import choice as choosing
from portal.services import finding, overview, paging, saying, xero_links
from portal.services.choice import Choice
from portal.services.finding import Found
from portal.services.paging import Slice
from portal.services.saying import Around
from portal.words import Look

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
LEFT_OUT = (PushState.SKIPPED, PushState.CANCELLED)


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
    look: Look
    link: Link | None
    url: str | None

    @property
    def why(self) -> str | None:
        """What the push says beside its state."""
        return saying.detail(self.push, self.look)


def listing(location: Location, view: View, choice: Choice | None = None) -> tuple[Slice[Row], bool]:
    """One page of invoices, newest first, in a fixed number of queries; whether the search fits more than is read."""
    part, cut = page(location, view, choice or Choice())
    return Slice(rows(location, part.items), part.older, part.newer), cut


def page(location: Location, view: View, choice: Choice, size: int = paging.SIZE) -> tuple[Slice[int], bool]:
    """The ids of one page, and whether the search fits more than is looked at.

    What is not sent comes in the order in which it was left out, which an index has; all else by its creation.
    """
    found = finding.find(location, choice.search) if choice.search else None
    cut, days = bool(found and found.cut), list(choosing.within(Invoice.created_at, choice, location))
    if view == View.NOT_SENT:
        arms = [_left_out(location.id, state, days, found) for state in LEFT_OUT]
        return paging.window(arms, Push.document_id, Push.updated_at, choice.at, size), cut
    chosen = [*_chosen(location.id, view), *days]
    if found is not None:
        chosen.append(Invoice.id.in_(found.invoices))
    arm = select(Invoice.id, Invoice.created_at).where(*chosen)
    return paging.window([arm], Invoice.id, Invoice.created_at, choice.at, size), cut


def rows_of_all(location: Location, view: View, choice: Choice) -> Iterator[Row]:
    """Every row that fits, for a file; read in chunks."""
    for ids in paging.chunks(lambda at, size: page(location, view, replace(choice, at=at), size)[0]):
        yield from rows(location, ids)
        db.session.expunge_all()


def counts(location: Location) -> dict[View, int]:
    """How many invoices need a person or are on their way, each up to `overview.MOST`."""
    chosen = {
        view: _open(location.id, view).limit(overview.MOST).subquery()
        for view in (View.NEEDS_YOU, View.WAITING)
    }
    counted = [select(func.count()).select_from(each).scalar_subquery() for each in chosen.values()]
    return dict(zip(chosen, db.session.execute(select(*counted)).one(), strict=True))


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


def rows(location: Location, ids: Sequence[int]) -> list[Row]:
    """These invoices with what decides how each stands, in a fixed number of queries."""
    connection = db.session.scalar(select(Connection).where(Connection.location_id == location.id))
    query = select(Invoice).where(Invoice.id.in_(ids)).options(joinedload(Invoice.contact))
    found = {invoice.id: invoice for invoice in db.session.scalars(query)}
    by_invoice = _by_invoice(location.id, ids)
    decisive = {each: standing(by_invoice.get(each, [])) for each in ids}
    beside = saying.around(location, connection, [push for push in decisive.values() if push], ids)
    return [_row(found[each], decisive[each], beside) for each in ids if each in found]


def _row(invoice: Invoice, push: Push | None, beside: Around) -> Row:
    link = beside.links.get((Document.INVOICE, invoice.id))
    return Row(
        invoice,
        push,
        saying.of_invoice(invoice, push, beside),
        link,
        xero_links.address(beside.connection, link),
    )


def _by_invoice(location_id: int, ids: Sequence[int]) -> dict[int, list[Push]]:
    owners = _owners(ids)
    found: dict[int, list[Push]] = {}
    for push in db.session.scalars(select(Push).where(Push.location_id == location_id, _about(ids, owners))):
        key = owners.get((push.document, push.document_id), push.document_id)
        found.setdefault(key, []).append(push)
    return found


def _owners(ids: Sequence[int]) -> dict[tuple[Document, int], int]:
    """To which of these invoices each payment, credit note and refund belongs."""
    found = union_all(
        *(
            select(literal(document), table.id, table.invoice_id).where(table.invoice_id.in_(ids))
            for document, table in OWNED
        )
    )
    return {(Document(word), its_id): invoice_id for word, its_id, invoice_id in db.session.execute(found)}


def _about(ids: Sequence[int], owners: dict[tuple[Document, int], int]) -> ColumnElement[bool]:
    """Pushes of these invoices and of the money that belongs to them, a probe of the index for each."""
    by_document: dict[Document, list[int]] = {Document.INVOICE: list(ids)}
    for document, its_id in owners:
        by_document.setdefault(document, []).append(its_id)
    return or_(
        *(and_(Push.document == each, Push.document_id.in_(many)) for each, many in by_document.items())
    )


def _chosen(location_id: int, view: View) -> list[ColumnElement[bool]]:
    """The conditions of a view. What is open is few and looked up; what is settled is asked of each invoice's push."""
    mine = Invoice.location_id == location_id
    if view == View.ALL:
        return [mine]
    if view in (View.NEEDS_YOU, View.WAITING):
        return [mine, Invoice.id.in_(_open(location_id, view))]
    still = Invoice.id.in_(_in_states(location_id, (*MOVING, PushState.BLOCKED)))
    return [mine, _created_in(location_id, (PushState.SENT,)), ~still]


def _left_out(
    location_id: int, state: PushState, days: Sequence[ColumnElement[bool]], found: Found | None
) -> Select[int, datetime]:
    """Pushes of invoices that stand so and of which nothing else is open, to be read along their index."""
    arm = select(Push.document_id, Push.updated_at).where(
        Push.location_id == location_id,
        Push.state == state,
        Push.document == Document.INVOICE,
        Push.operation == Operation.CREATE,
        Push.document_id.not_in(_in_states(location_id, (*MOVING, PushState.BLOCKED))),
    )
    if days:
        arm = arm.where(exists().where(Invoice.id == Push.document_id, *days))
    return arm.where(Push.document_id.in_(found.invoices)) if found is not None else arm


def _open(location_id: int, view: View) -> Select[int]:
    """The invoices of which something is blocked, or only moves."""
    blocked = _in_states(location_id, (PushState.BLOCKED,))
    if view == View.NEEDS_YOU:
        return blocked
    moving = _in_states(location_id, MOVING).subquery()
    return select(moving.c.id).where(moving.c.id.not_in(blocked))


def _created_in(location_id: int, states: Sequence[PushState]) -> ColumnElement[bool]:
    return exists().where(
        Push.location_id == location_id,
        Push.document == Document.INVOICE,
        Push.document_id == Invoice.id,
        Push.operation == Operation.CREATE,
        Push.state.in_(states),
    )


def _in_states(location_id: int, states: Sequence[PushState]) -> Select[int]:
    """The ids of the invoices of which a push, or one of their money, stands so: led by the pushes, which are few."""
    mine = (Push.location_id == location_id, Push.state.in_(states))
    own = select(Push.document_id.label("id")).where(*mine, Push.document == Document.INVOICE)
    of_invoice = Push.document.in_((Document.PAYMENT, Document.CREDIT_NOTE))
    paid = select(Push.parent_id).where(*mine, of_invoice, Push.parent_document == Document.INVOICE)
    undone = select(Payment.invoice_id).join(Push, Push.document_id == Payment.id)
    given = select(Refund.invoice_id).join(Push, Push.document_id == Refund.id)
    every = union(
        own,
        paid,
        undone.where(*mine, Push.document == Document.PAYMENT, Push.parent_document == Document.PAYMENT),
        given.where(*mine, Push.document == Document.REFUND),
    ).subquery()
    return select(every.c.id)


def pushes_of(invoice: Invoice) -> list[Push]:
    """The pushes of an invoice, its contact, its payments and its refunds, with their attempts, oldest first."""
    wanted = _about([invoice.id], _owners([invoice.id]))
    if invoice.contact_id is not None:
        contact = and_(Push.document == Document.CONTACT, Push.document_id == invoice.contact_id)
        wanted = or_(wanted, contact)
    query = select(Push).where(Push.location_id == invoice.location_id, wanted)
    return list(db.session.scalars(query.options(selectinload(Push.attempts)).order_by(Push.id)))
