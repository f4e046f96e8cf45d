"""Invoices as people read them: the list with each one's standing."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    bindparam,
    exists,
    func,
    literal,
    select,
    union_all,
)
from sqlalchemy.orm import FromStatement, joinedload, selectinload

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
from portal.models.among import among
from portal.services import choice as choosing
from portal.services import finding, overview, paging, saying, xero_links
from portal.services.choice import Choice, Shape
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


COUNTED = (View.NEEDS_YOU, View.WAITING)


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
    given: dict[str, Any] = {"location": location.id, **choosing.bounds(choice, location)}
    if found is not None:
        given["found"] = found.invoices
    question = _question(view, choice.shape, found is not None)
    return paging.page(question, given, choice.at, size), bool(found and found.cut)


def rows_of_all(location: Location, view: View, choice: Choice) -> Iterator[Row]:
    """Every row that fits, for a file; read in chunks."""
    for ids in paging.chunks(lambda at, size: page(location, view, replace(choice, at=at), size)[0]):
        yield from rows(location, ids)
        db.session.expunge_all()


def counts(location: Location) -> dict[View, int]:
    """How many invoices need a person or are on their way, each up to `overview.MOST`."""
    row = db.session.execute(_counts(), {"location": location.id}).one()
    return dict(zip(COUNTED, row, strict=True))


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
    found = {invoice.id: invoice for invoice in db.session.scalars(_these(), {"ids": ids})}
    by_invoice = _by_invoice(location.id, ids)
    decisive = {each: standing(by_invoice.get(each, [])) for each in ids}
    beside = saying.around(location, location.connection, [push for push in decisive.values() if push], ids)
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
    about = _about(ids, owners)
    found: dict[int, list[Push]] = {}
    for push in db.session.scalars(_pushes(tuple(about)), {"location": location_id, **about}):
        key = owners.get((push.document, push.document_id), push.document_id)
        found.setdefault(key, []).append(push)
    return found


def _owners(ids: Sequence[int]) -> dict[tuple[Document, int], int]:
    """To which of these invoices each payment, credit note and refund belongs."""
    found = db.session.execute(_money(), {"ids": ids})
    return {(Document(word), its_id): invoice_id for word, its_id, invoice_id in found}


def _about(ids: Sequence[int], owners: dict[tuple[Document, int], int]) -> dict[str, list[int]]:
    """The invoices and the money that belongs to them, by document and in the order of OWNED."""
    about: dict[str, list[int]] = {Document.INVOICE: list(ids)}
    for document, its_id in sorted(owners):
        about.setdefault(document, []).append(its_id)
    return about


@cache
def _question(view: View, shape: Shape, searched: bool) -> Select[int, Any]:
    """What asks for a page of a view; with a search the invoices that it `found`."""
    if view == View.NOT_SENT:
        arms = [_left_out(state, shape, searched) for state in LEFT_OUT]
        return paging.window(arms, Push.document_id, Push.updated_at, shape.side)
    chosen = [*_chosen(view), *choosing.within(Invoice.created_at, shape)]
    if searched:
        chosen.append(among(Invoice.id, "found"))
    arm = select(Invoice.id, Invoice.created_at).where(*chosen)
    return paging.window([arm], Invoice.id, Invoice.created_at, shape.side)


@cache
def _counts() -> Select[*tuple[int, ...]]:
    chosen = [_open(view).limit(overview.MOST).subquery() for view in COUNTED]
    return select(*(select(func.count()).select_from(each).scalar_subquery() for each in chosen))


@cache
def _these() -> Select[Invoice]:
    return select(Invoice).where(among(Invoice.id, "ids")).options(joinedload(Invoice.contact))


@cache
def _money() -> CompoundSelect[Any]:
    """The payments, credit notes and refunds of invoices."""
    return union_all(
        *(
            select(literal(document), table.id, table.invoice_id).where(among(table.invoice_id, "ids"))
            for document, table in OWNED
        )
    )


@cache
def _pushes(documents: tuple[str, ...]) -> FromStatement[Push]:
    """The pushes of documents whose ids have the documents' names, a probe of the index for each."""
    mine = Push.location_id == bindparam("location")
    arms = [
        select(Push).where(mine, Push.document == each, among(Push.document_id, each)) for each in documents
    ]
    return cast(FromStatement[Push], select(Push).from_statement(union_all(*arms)))


def _chosen(view: View) -> list[ColumnElement[bool]]:
    """The conditions of a view. What is open is few and looked up; what is settled is asked of each invoice's push."""
    mine = Invoice.location_id == bindparam("location")
    if view == View.ALL:
        return [mine]
    if view in COUNTED:
        return [mine, Invoice.id.in_(_open(view))]
    still = Invoice.id.in_(_in_states((*MOVING, PushState.BLOCKED)))
    return [mine, _created_in((PushState.SENT,)), ~still]


def _left_out(state: PushState, shape: Shape, searched: bool) -> Select[int, datetime]:
    """Pushes of invoices that stand so and of which nothing else is open, to be read along their index."""
    arm = select(Push.document_id, Push.updated_at).where(
        Push.location_id == bindparam("location"),
        Push.state == state,
        Push.document == Document.INVOICE,
        Push.operation == Operation.CREATE,
        Push.document_id.not_in(_in_states((*MOVING, PushState.BLOCKED))),
    )
    if days := list(choosing.within(Invoice.created_at, shape)):
        arm = arm.where(exists().where(Invoice.id == Push.document_id, *days))
    return arm.where(among(Push.document_id, "found")) if searched else arm


def _open(view: View) -> Select[int]:
    """The invoices of which something is blocked, or only moves."""
    blocked = _in_states((PushState.BLOCKED,))
    if view == View.NEEDS_YOU:
        return blocked
    moving = _in_states(MOVING).subquery()
    return select(moving.c.id).where(moving.c.id.not_in(blocked))


def _created_in(states: Sequence[PushState]) -> ColumnElement[bool]:
    return exists().where(
        Push.location_id == bindparam("location"),
        Push.document == Document.INVOICE,
        Push.document_id == Invoice.id,
        Push.operation == Operation.CREATE,
        Push.state.in_(states),
    )


def _in_states(states: Sequence[PushState]) -> Select[int]:
    """The ids of the invoices of which a push, or one of their money, stands so: led by the pushes, which are few.

    Made one only at the end: a UNION would have SQLite read all pushes in the order of their documents.
    """
    mine = (Push.location_id == bindparam("location"), Push.state.in_(states))
    own = select(Push.document_id.label("id")).where(*mine, Push.document == Document.INVOICE)
    of_invoice = Push.document.in_((Document.PAYMENT, Document.CREDIT_NOTE))
    paid = select(Push.parent_id).where(*mine, of_invoice, Push.parent_document == Document.INVOICE)
    undone = select(Payment.invoice_id).join(Push, Push.document_id == Payment.id)
    given = select(Refund.invoice_id).join(Push, Push.document_id == Refund.id)
    every = union_all(
        own,
        paid,
        undone.where(*mine, Push.document == Document.PAYMENT, Push.parent_document == Document.PAYMENT),
        given.where(*mine, Push.document == Document.REFUND),
    ).subquery()
    return select(every.c.id).distinct()


def pushes_of(invoice: Invoice) -> list[Push]:
    """The pushes of an invoice, its contact, its payments and its refunds, with their attempts, oldest first."""
    about = _about([invoice.id], _owners([invoice.id]))
    if invoice.contact_id is not None:
        about[Document.CONTACT] = [invoice.contact_id]
    query = _pushes(tuple(about)).options(selectinload(Push.attempts))
    found = db.session.scalars(query, {"location": invoice.location_id, **about})
    return sorted(found, key=lambda push: push.id)
