"""Which pushes a list of sync activity shows: by tile, kind, days and search, over indexes that give just a page."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select, text

from portal.extensions import db
from portal.models import Document, Location, Operation, Payment, Push, PushState, Refund
from portal.models.pushes import REVERSALS
from portal.services import choice as choosing
from portal.services import finding, overview, paging
from portal.services.choice import Choice
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
    arms = list(_arms(location, view, kind, choice, found))
    if not arms:
        return Slice([]), False
    return paging.window(arms, Push.id, Push.updated_at, choice.at, size), bool(found and found.cut)


def pages(location: Location, view: View, kind: Kind, choice: Choice) -> Iterator[Sequence[int]]:
    """The ids of everything that fits, in chunks, for a file."""
    return paging.chunks(lambda at, size: page(location, view, kind, replace(choice, at=at), size)[0])


def _arms(
    location: Location, view: View, kind: Kind, choice: Choice, found: Found | None
) -> Iterator[Select[int, Any]]:
    wanted = [Push.location_id == location.id, *choosing.within(Push.updated_at, choice, location)]
    if view == View.SENT_TODAY:
        wanted.append(Push.updated_at >= overview.midnight(location))
    of_kind, states = _of_kind(kind), STATES[view]
    if found is not None:
        for documents in _of_documents(location.id, found):
            yield _arm(*wanted, documents, *of_kind, Push.state.in_(states))
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


def _of_documents(location_id: int, found: Found) -> Iterator[ColumnElement[bool]]:
    """The pushes of what was found: of the documents themselves, and of money that belongs to a found invoice."""
    payments, refunds = set(found.payments), set(found.refunds)
    if found.invoices:
        yield _about((Document.INVOICE,), found.invoices)
        payments.update(_owned(Payment.id, Payment.invoice_id, found.invoices))
        refunds.update(_owned(Refund.id, Refund.invoice_id, found.invoices))
    if payments:
        yield _about((Document.PAYMENT,), payments)
    if refunds:
        yield _about(GIVEN_BACK, refunds)
    if found.contacts:
        yield _about((Document.CONTACT,), found.contacts)


def _about(documents: Iterable[Document], ids: Iterable[int]) -> ColumnElement[bool]:
    chosen = sorted(ids)
    return or_(*(and_(Push.document == document, Push.document_id.in_(chosen)) for document in documents))


def _owned(ident: Any, owner: Any, invoices: Iterable[int]) -> list[int]:
    return list(db.session.scalars(select(ident).where(owner.in_(list(invoices)))))
