"""Sync activity: every push with what it is about, and the two things a person may do to it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import joinedload

from portal import bell, words
from portal.extensions import db
from portal.models import (
    Connection,
    Contact,
    Document,
    Invoice,
    Location,
    Payment,
    Push,
    PushState,
    Refund,
    User,
)
from portal.services import outbox, overview, paging, stories, xero_links
from portal.services.paging import Page

ABOUT_REFUNDS = (Document.CREDIT_NOTE, Document.REFUND)


class View(StrEnum):
    """The tiles: each one counts and filters."""

    ALL = "all"
    WAITING = "waiting"
    SENDING = "sending"
    NEEDS_YOU = "needs-you"
    SENT_TODAY = "sent-today"
    NOT_SENT = "not-sent"


STATES: dict[View, tuple[PushState, ...]] = {
    View.ALL: tuple(PushState),
    View.WAITING: (PushState.QUEUED, PushState.WAITING),
    View.SENDING: (PushState.SENDING,),
    View.NEEDS_YOU: (PushState.BLOCKED,),
    View.SENT_TODAY: (PushState.SENT,),
    View.NOT_SENT: (PushState.SKIPPED, PushState.CANCELLED),
}


@dataclass(frozen=True, slots=True)
class Row:
    """A push, what it is about in words, and the invoice it belongs to."""

    push: Push
    what: str
    who: str
    invoice_hoop_id: str | None
    xero_url: str | None
    waits: str | None = None

    @property
    def may_retry(self) -> bool:
        """Whether a person may have it tried again now."""
        return self.push.batch_id is None and self.push.state in (
            PushState.BLOCKED,
            PushState.WAITING,
            PushState.SKIPPED,
        )

    @property
    def may_skip(self) -> bool:
        """Whether a person may decide that it is not sent."""
        return self.push.batch_id is None and self.push.state in outbox.OPEN


def tiles(location: Location) -> dict[View, int]:
    """How many pushes each tile counts."""
    counts = outbox.counts(location.id)
    found = {view: sum(counts[state] for state in states) for view, states in STATES.items()}
    found[View.SENT_TODAY] = overview.glance(location).sent_today
    return found


def listing(location: Location, view: View, number: int = 1) -> Page[Row]:
    """One page of pushes, newest change first."""
    chosen = _chosen(location, view)
    total = db.session.scalar(select(func.count()).select_from(Push).where(*chosen)) or 0
    number = min(max(1, number), max(1, -(-total // paging.SIZE)))
    pushes = db.session.scalars(
        select(Push)
        .where(*chosen)
        .order_by(Push.updated_at.desc(), Push.id.desc())
        .offset((number - 1) * paging.SIZE)
        .limit(paging.SIZE)
    ).all()
    return Page(rows(location.id, pushes), number, total)


def rows(location_id: int, pushes: Sequence[Push]) -> list[Row]:
    """Pushes with their documents in words, in a fixed number of queries."""
    payments = _payments(_ids(pushes, Document.PAYMENT))
    refunds = _refunds([push.document_id for push in pushes if push.document in ABOUT_REFUNDS])
    invoices = _invoices(_ids(pushes, Document.INVOICE))
    contacts = _contacts(_ids(pushes, Document.CONTACT))
    connection = db.session.scalar(select(Connection).where(Connection.location_id == location_id))
    paid = {payment.invoice_id for payment in payments.values()}
    about = {*invoices, *paid, *(refund.invoice_id for refund in refunds.values())}
    links = xero_links.of_documents(connection, location_id, Document.INVOICE, about)

    def row(push: Push) -> Row:
        if push.document == Document.CONTACT:
            contact = contacts.get(push.document_id)
            return Row(push, "Contact", contact.display_name if contact else "–", None, None)
        invoice = _invoice_of(push, invoices, payments, refunds)
        what = words.DOCUMENTS[push.document]
        if invoice is None:
            return Row(push, what, "–", None, None)
        link = links.get(invoice.id)
        joined = what if push.document == Document.INVOICE else f"{what} for"
        who = invoice.contact.display_name if invoice.contact else "–"
        url = xero_links.address(connection, link)
        waits = stories.waits(push, link) if push.document == Document.PAYMENT else None
        return Row(push, f"{joined} {invoice.number_sent}", who, invoice.hoop_id, url, waits)

    return [row(push) for push in pushes]


def retry(push_ids: Sequence[int], user: User, location_id: int) -> int:
    """Have these tried again now; how many were."""
    count = outbox.retry(push_ids, user, location_id)
    connection_id = db.session.scalar(select(Connection.id).where(Connection.location_id == location_id))
    if count and connection_id is not None:
        bell.ring("jobs.pushes.drain", connection_id)
    return count


def skip(push_ids: Sequence[int], user: User, location_id: int) -> int:
    """Decide that these are not sent; how many were."""
    return outbox.skip(push_ids, user, location_id)


def unsettled(pushes: Iterable[Push]) -> bool:
    """Whether any of them may still change by itself."""
    return any(push.state in (PushState.QUEUED, PushState.SENDING, PushState.WAITING) for push in pushes)


def oldest(location_id: int, states: Sequence[PushState]) -> datetime | None:
    """Since when the oldest push has stood in one of these states."""
    return db.session.scalar(
        select(func.min(Push.updated_at)).where(Push.location_id == location_id, Push.state.in_(states))
    )


def _chosen(location: Location, view: View) -> list[ColumnElement[bool]]:
    chosen: list[ColumnElement[bool]] = [Push.location_id == location.id]
    if view != View.ALL:
        chosen.append(Push.state.in_(STATES[view]))
    if view == View.SENT_TODAY:
        chosen.append(Push.settled_at >= overview.midnight(location))
    return chosen


def _ids(pushes: Sequence[Push], document: Document) -> list[int]:
    return [push.document_id for push in pushes if push.document == document]


def _invoice_of(
    push: Push, invoices: dict[int, Invoice], payments: dict[int, Payment], refunds: dict[int, Refund]
) -> Invoice | None:
    if push.document == Document.INVOICE:
        return invoices.get(push.document_id)
    owner = (payments if push.document == Document.PAYMENT else refunds).get(push.document_id)
    return owner.invoice if owner else None


def _refunds(ids: list[int]) -> dict[int, Refund]:
    if not ids:
        return {}
    query = select(Refund).where(Refund.id.in_(ids))
    query = query.options(joinedload(Refund.invoice).joinedload(Invoice.contact))
    return {row.id: row for row in db.session.scalars(query)}


def _payments(ids: list[int]) -> dict[int, Payment]:
    if not ids:
        return {}
    query = select(Payment).where(Payment.id.in_(ids))
    query = query.options(joinedload(Payment.invoice).joinedload(Invoice.contact))
    return {row.id: row for row in db.session.scalars(query)}


def _invoices(ids: list[int]) -> dict[int, Invoice]:
    if not ids:
        return {}
    query = select(Invoice).where(Invoice.id.in_(ids)).options(joinedload(Invoice.contact))
    return {row.id: row for row in db.session.scalars(query)}


def _contacts(ids: list[int]) -> dict[int, Contact]:
    return (
        {row.id: row for row in db.session.scalars(select(Contact).where(Contact.id.in_(ids)))} if ids else {}
    )
