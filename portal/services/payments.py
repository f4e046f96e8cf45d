"""Payments as people read them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, select
from sqlalchemy.orm import joinedload

from portal.extensions import db
from portal.models import Connection, Document, Invoice, Link, Location, Operation, Payment, Push, PushState
from portal.services import choice as choosing
from portal.services import finding, overview, paging, saying, xero_links
from portal.services.choice import Choice
from portal.services.mapping_history import method_name
from portal.services.paging import Slice
from portal.services.saying import Around
from portal.words import Look


class View(StrEnum):
    """What the list shows."""

    ALL = "all"
    NEEDS_YOU = "needs-you"
    WAITING = "waiting"
    SENT = "sent"
    NOT_SENT = "not-sent"


STATES = {
    View.NEEDS_YOU: (PushState.BLOCKED,),
    View.WAITING: (PushState.QUEUED, PushState.SENDING, PushState.WAITING),
    View.SENT: (PushState.SENT,),
    View.NOT_SENT: (PushState.SKIPPED, PushState.CANCELLED),
}


RECEIVED = (Operation.CREATE, Operation.OVERPAY)


@dataclass(frozen=True, slots=True)
class Row:
    """One payment, its push and how it stands, and its links into Xero."""

    payment: Payment
    method: str
    push: Push | None
    look: Look
    link: Link | None
    invoice_url: str | None

    @property
    def why(self) -> str | None:
        """What the push says beside its state."""
        return saying.detail(self.push, self.look)


def listing(
    location: Location, view: View = View.ALL, choice: Choice | None = None
) -> tuple[Slice[Row], bool]:
    """One page of payments, the latest received first; whether the search fits more than is looked at."""
    part, cut = page(location, view, choice or Choice())
    return Slice(rows(location, part.items), part.older, part.newer), cut


def page(location: Location, view: View, choice: Choice, size: int = paging.SIZE) -> tuple[Slice[int], bool]:
    """The ids of one page, and whether the search fits more than is looked at."""
    chosen = [*_chosen(location.id, view), *choosing.within(Payment.paid_on, choice, location, days=True)]
    found = finding.find(location, choice.search) if choice.search else None
    ways = [[Payment.id.in_(found.payments)], [Payment.invoice_id.in_(found.invoices)]] if found else [[]]
    arms = [_arm(*chosen, *way) for way in ways]
    return paging.window(arms, Payment.id, Payment.paid_on, choice.at, size), bool(found and found.cut)


def rows_of_all(location: Location, view: View, choice: Choice) -> Iterator[Row]:
    """Every row that fits, for a file; read in chunks."""
    for ids in paging.chunks(
        lambda at, size: page(location, view, replace(choice, at=at), size)[0], days=True
    ):
        yield from rows(location, ids)
        db.session.expunge_all()


def counts(location: Location) -> dict[View, int]:
    """How many payments need a person or are on their way, each up to `overview.MOST`."""
    chosen = {
        view: _pushes(location.id, STATES[view]).limit(overview.MOST).subquery()
        for view in (View.NEEDS_YOU, View.WAITING)
    }
    counted = [select(func.count()).select_from(each).scalar_subquery() for each in chosen.values()]
    return dict(zip(chosen, db.session.execute(select(*counted)).one(), strict=True))


def rows(location: Location, ids: Sequence[int]) -> list[Row]:
    """These payments with how each stands, in a fixed number of queries."""
    connection = db.session.scalar(select(Connection).where(Connection.location_id == location.id))
    query = select(Payment).where(Payment.id.in_(ids))
    query = query.options(joinedload(Payment.invoice).joinedload(Invoice.contact))
    found = {payment.id: payment for payment in db.session.scalars(query)}
    pushes = {push.document_id: push for push in db.session.scalars(_create(location.id, ids))}
    owners = {payment.invoice_id for payment in found.values()}
    beside = saying.around(location, connection, pushes.values(), owners)
    return [_row(found[each], pushes.get(each), beside) for each in ids if each in found]


def _row(payment: Payment, push: Push | None, beside: Around) -> Row:
    method = "–" if payment.method == "default" else method_name(payment.method)
    link = beside.links.get((Document.PAYMENT, payment.id))
    url = xero_links.address(beside.connection, beside.links.get((Document.INVOICE, payment.invoice_id)))
    return Row(payment, method, push, saying.state(push, beside), link, url)


def _arm(*wanted: ColumnElement[bool]) -> Select[int, Any]:
    return select(Payment.id, Payment.paid_on).where(*wanted)


def _chosen(location_id: int, view: View) -> list[ColumnElement[bool]]:
    """The conditions of a view: the few open ones and those left out are looked up, the many sent ones asked each."""
    mine = Payment.location_id == location_id
    if view == View.ALL:
        return [mine]
    if view == View.SENT:
        return [mine, exists().where(*_pushed(location_id, STATES[view]), Push.document_id == Payment.id)]
    return [mine, Payment.id.in_(_pushes(location_id, STATES[view]))]


def _pushes(location_id: int, states: Sequence[PushState]) -> Select[int]:
    return select(Push.document_id).where(*_pushed(location_id, states))


def _pushed(location_id: int, states: Sequence[PushState]) -> list[ColumnElement[bool]]:
    return [
        Push.location_id == location_id,
        Push.state.in_(states),
        Push.document == Document.PAYMENT,
        Push.operation.in_(RECEIVED),
    ]


def _create(location_id: int, ids: Sequence[int]) -> Select[Push]:
    return (
        select(Push)
        .where(
            Push.location_id == location_id,
            Push.document == Document.PAYMENT,
            Push.document_id.in_(ids),
            Push.operation.in_(RECEIVED),
        )
        .order_by(Push.id)
    )
