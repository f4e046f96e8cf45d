"""Which pushes a list of sync activity shows: by tile, kind, days and search, over indexes that give just a page."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, select, text

from portal.extensions import db
from portal.models import Document, Location, Operation, Payment, Push, PushState, Refund
from portal.models.among import among
from portal.models.pushes import REVERSALS
from portal.services import choice as choosing
from portal.services import finding, overview, paging
from portal.services.choice import Choice, Shape
from portal.services.finding import Found
from portal.services.paging import Slice


class View(StrEnum):
    """The tiles: each one counts and filters."""

    ALL = "all"
    WAITING = "waiting"
    SENDING = "sending"
    NEEDS_YOU = "needs-you"
    SENT_TODAY = "sent-today"
    SENT = "sent"
    NOT_SENT = "not-sent"


class Kind(StrEnum):
    """What the pushes are about."""

    ALL = "all"
    INVOICES = "invoices"
    PAYMENTS = "payments"
    CONTACTS = "contacts"
    REVERSALS = "reversals"


STATES: dict[View, tuple[PushState, ...]] = {
    View.ALL: tuple(PushState),
    View.WAITING: (PushState.QUEUED, PushState.WAITING),
    View.SENDING: (PushState.SENDING,),
    View.NEEDS_YOU: (PushState.BLOCKED,),
    View.SENT_TODAY: (PushState.SENT,),
    View.SENT: (PushState.SENT,),
    View.NOT_SENT: (PushState.SKIPPED, PushState.CANCELLED),
}
DOCUMENTS = {
    Kind.INVOICES: Document.INVOICE,
    Kind.PAYMENTS: Document.PAYMENT,
    Kind.CONTACTS: Document.CONTACT,
}
SIZE = 30
GIVEN_BACK = (Document.CREDIT_NOTE, Document.REFUND)


def page(
    location: Location, view: View, kind: Kind, choice: Choice, size: int = SIZE
) -> tuple[Slice[int], bool]:
    """The ids of one page, newest change first, and whether the search fits more than is looked at."""
    found = finding.find(location, choice.search) if choice.search else None
    about = _about(found) if found else {}
    if found and not about:
        return Slice([]), False
    given: dict[str, Any] = {"location": location.id, **choosing.bounds(choice, location), **about}
    if view == View.SENT_TODAY:
        given["midnight"] = overview.midnight(location)
    question = _question(view, kind, choice.shape, tuple(about))
    return paging.page(question, given, choice.at, size), bool(found and found.cut)


def pages(location: Location, view: View, kind: Kind, choice: Choice) -> Iterator[Sequence[int]]:
    """The ids of everything that fits, in chunks, for a file."""
    return paging.chunks(lambda at, size: page(location, view, kind, replace(choice, at=at), size)[0])


@cache
def _question(view: View, kind: Kind, shape: Shape, about: tuple[str, ...]) -> Select[int, Any]:
    """What asks for a page; `about` are the documents that a search has found, whose ids have their names."""
    return paging.window(list(_arms(view, kind, shape, about)), Push.id, Push.updated_at, shape.side)


def _arms(view: View, kind: Kind, shape: Shape, about: tuple[str, ...]) -> Iterator[Select[int, Any]]:
    wanted = [Push.location_id == bindparam("location"), *choosing.within(Push.updated_at, shape)]
    if view == View.SENT_TODAY:
        wanted.append(Push.updated_at >= bindparam("midnight"))
    of_kind, states = _of_kind(kind), STATES[view]
    if about:
        for each in about:
            found = (Push.document == each, among(Push.document_id, each))
            yield _arm(*wanted, *found, *of_kind, *([] if view == View.ALL else [Push.state.in_(states)]))
    elif kind == Kind.REVERSALS:
        yield _arm(*wanted, *of_kind, Push.state.in_(states))
    else:
        for state in states:
            yield _arm(*wanted, Push.state == state, *of_kind)


def _arm(*wanted: ColumnElement[bool]) -> Select[int, Any]:
    return select(Push.id, Push.updated_at).where(*wanted)


def _of_kind(kind: Kind) -> list[ColumnElement[bool]]:
    if kind == Kind.ALL:
        return []
    if kind == Kind.REVERSALS:
        return [text(f"({REVERSALS})")]  # type: ignore[list-item]
    return [Push.document == DOCUMENTS[kind], Push.operation != Operation.VOID]


def _about(found: Found) -> dict[str, set[int]]:
    """The documents that were found, and the money that belongs to a found invoice; no kind without any."""
    payments, refunds = set(found.payments), set(found.refunds)
    if found.invoices:
        payments.update(_owned(Payment.id, Payment.invoice_id, found.invoices))
        refunds.update(_owned(Refund.id, Refund.invoice_id, found.invoices))
    every: dict[str, set[int]] = {
        Document.INVOICE: set(found.invoices),
        Document.PAYMENT: payments,
        **dict.fromkeys(GIVEN_BACK, refunds),
        Document.CONTACT: set(found.contacts),
    }
    return {document: ids for document, ids in every.items() if ids}


def _owned(ident: Any, owner: Any, invoices: Iterable[int]) -> list[int]:
    return list(db.session.scalars(select(ident).where(among(owner, invoices))))
