"""Payments as people read them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, exists, func, select
from sqlalchemy.orm import joinedload

from portal.extensions import db
from portal.models import Document, Invoice, Link, Location, Operation, Payment, Push, PushState
from portal.models.among import among
from portal.services import choice as choosing
from portal.services import finding, overview, paging, saying, xero_links
from portal.services.choice import Choice, Shape
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


COUNTED = (View.NEEDS_YOU, View.WAITING)
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
    found = finding.find(location, choice.search) if choice.search else None
    given: dict[str, Any] = {"location": location.id, **choosing.bounds(choice, location, days=True)}
    if found is not None:
        given |= {"found": found.payments, "of_found": found.invoices}
    question = _question(view, choice.shape, found is not None)
    return paging.page(question, given, choice.at, size), bool(found and found.cut)


def rows_of_all(location: Location, view: View, choice: Choice) -> Iterator[Row]:
    """Every row that fits, for a file; read in chunks."""
    for ids in paging.chunks(
        lambda at, size: page(location, view, replace(choice, at=at), size)[0], days=True
    ):
        yield from rows(location, ids)
        db.session.expunge_all()


def counts(location: Location) -> dict[View, int]:
    """How many payments need a person or are on their way, each up to `overview.MOST`."""
    row = db.session.execute(_counts(), {"location": location.id}).one()
    return dict(zip(COUNTED, row, strict=True))


def rows(location: Location, ids: Sequence[int]) -> list[Row]:
    """These payments with how each stands, in a fixed number of queries."""
    given = {"location": location.id, "ids": ids}
    found = {payment.id: payment for payment in db.session.scalars(_these(), given)}
    made = sorted(db.session.scalars(_pushes_of(), given), key=lambda push: push.id)
    pushes = {push.document_id: push for push in made}
    owners = {payment.invoice_id for payment in found.values()}
    beside = saying.around(location, location.connection, pushes.values(), owners)
    return [_row(found[each], pushes.get(each), beside) for each in ids if each in found]


def _row(payment: Payment, push: Push | None, beside: Around) -> Row:
    method = "–" if payment.method == "default" else method_name(payment.method)
    link = beside.links.get((Document.PAYMENT, payment.id))
    url = xero_links.address(beside.connection, beside.links.get((Document.INVOICE, payment.invoice_id)))
    return Row(payment, method, push, saying.state(push, beside), link, url)


def _arm(*wanted: ColumnElement[bool]) -> Select[int, Any]:
    return select(Payment.id, Payment.paid_on).where(*wanted)


@cache
def _question(view: View, shape: Shape, searched: bool) -> Select[int, Any]:
    """What asks for a page of a view; with a search the payments that it `found` and those `of_found` invoices."""
    chosen = [*_chosen(view), *choosing.within(Payment.paid_on, shape)]
    arms = [_arm(*chosen)]
    if searched:
        ways = (among(Payment.id, "found"), among(Payment.invoice_id, "of_found"))
        arms = [_arm(*chosen, way) for way in ways]
    return paging.window(arms, Payment.id, Payment.paid_on, shape.side)


@cache
def _counts() -> Select[*tuple[int, ...]]:
    chosen = [_pushes(STATES[view]).limit(overview.MOST).subquery() for view in COUNTED]
    return select(*(select(func.count()).select_from(each).scalar_subquery() for each in chosen))


@cache
def _these() -> Select[Payment]:
    whose = joinedload(Payment.invoice).joinedload(Invoice.contact)
    return select(Payment).where(among(Payment.id, "ids")).options(whose)


@cache
def _pushes_of() -> Select[Push]:
    return select(Push).where(*_received(), among(Push.document_id, "ids"))


def _chosen(view: View) -> list[ColumnElement[bool]]:
    """The conditions of a view: the few open ones and those left out are looked up, the many sent ones asked each."""
    mine = Payment.location_id == bindparam("location")
    if view == View.ALL:
        return [mine]
    if view == View.SENT:
        sent = (*_received(), Push.state.in_(STATES[view]), Push.document_id == Payment.id)
        return [mine, exists().where(*sent)]
    return [mine, Payment.id.in_(_pushes(STATES[view]))]


def _pushes(states: Sequence[PushState]) -> Select[int]:
    return select(Push.document_id).where(*_received(), Push.state.in_(states))


def _received() -> tuple[ColumnElement[bool], ...]:
    """What makes a push the receipt of a payment here."""
    mine = Push.location_id == bindparam("location")
    return mine, Push.document == Document.PAYMENT, Push.operation.in_(RECEIVED)
