"""Sync activity: every push with what it is about and how it stands, and what a person may do to it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

from sqlalchemy import Select, select
from sqlalchemy.orm import joinedload
from sqlalchemy.sql.base import ExecutableOption

from portal import bell, words
from portal.extensions import db
from portal.models import (
    Connection,
    Contact,
    Document,
    Invoice,
    Location,
    Operation,
    Payment,
    Push,
    PushState,
    Refund,
    User,
)
from portal.models.among import among
from portal.services import activity_list, outbox, overview, saying, xero_links
from portal.services.activity_list import Kind, View
from portal.services.choice import Choice
from portal.services.paging import Slice
from portal.services.saying import Around
from portal.words import Look

T = TypeVar("T", Payment, Refund, Invoice, Contact, Push)
ABOUT_REFUNDS = (Document.CREDIT_NOTE, Document.REFUND)


@dataclass(frozen=True, slots=True)
class Row:
    """A push, how it stands in words, what it is about, and the invoice it belongs to."""

    push: Push
    look: Look
    what: str
    who: str
    invoice: Invoice | None
    xero_url: str | None

    @property
    def why(self) -> str | None:
        """What the push says beside its state."""
        return saying.detail(self.push, self.look)

    @property
    def invoice_hoop_id(self) -> str | None:
        """HoopAI's id of the invoice it belongs to."""
        return self.invoice.hoop_id if self.invoice else None

    @property
    def may_retry(self) -> bool:
        """Whether a person may have it tried again now."""
        return self.push.batch_id is None and self.push.state in (
            PushState.BLOCKED,
            PushState.WAITING,
            PushState.SKIPPED,
        )

    @property
    def may_send_again(self) -> bool:
        """Whether a person may have it sent once more."""
        return may_send_again(self.push) or (self.push.state == PushState.SKIPPED and self.may_retry)

    @property
    def may_skip(self) -> bool:
        """Whether a person may decide that it is not sent."""
        return self.push.batch_id is None and self.push.state in outbox.OPEN


def tiles(tally: overview.Tally) -> dict[View, int]:
    """How many pushes each tile counts; the settled ones up to `overview.MOST`, beyond which nobody counts."""
    return {
        View.WAITING: tally.waiting,
        View.SENDING: tally.sending,
        View.NEEDS_YOU: tally.blocked,
        View.SENT_TODAY: tally.sent_today,
        View.NOT_SENT: tally.not_sent,
    }


def listing(
    location: Location, view: View, kind: Kind = Kind.ALL, choice: Choice | None = None
) -> tuple[Slice[Row], bool]:
    """One page of pushes, newest change first, and whether the search fits more than is looked at."""
    part, cut = activity_list.page(location, view, kind, choice or Choice())
    return Slice(rows(location.id, _read_pushes(part.items)), part.older, part.newer), cut


def rows_of_all(location: Location, view: View, kind: Kind, choice: Choice) -> Iterator[Row]:
    """Every row that fits, for a file; read in chunks, so that no list is too long."""
    for ids in activity_list.pages(location, view, kind, choice):
        yield from rows(location.id, _read_pushes(ids))
        db.session.expunge_all()


def rows(location_id: int, pushes: Sequence[Push]) -> list[Row]:
    """Pushes with their documents and states in words, in a fixed number of queries."""
    location = db.session.get_one(Location, location_id)
    about = _About(pushes)
    beside = saying.around(location, location.connection, pushes, about.invoice_ids)
    return [_row(push, about, beside) for push in pushes]


def may_send_again(push: Push) -> bool:
    """Whether it is of what Xero holds once, and there: such a document can be written to Xero again."""
    once = push.document in (Document.INVOICE, Document.CONTACT) and push.operation != Operation.VOID
    return once and push.state == PushState.SENT and push.batch_id is None


def retry(push_ids: Sequence[int], user: User, location_id: int) -> int:
    """Have these tried again now; how many were."""
    count = outbox.retry(push_ids, user, location_id)
    if count:
        _ring(location_id)
    return count


def skip(push_ids: Sequence[int], user: User, location_id: int) -> int:
    """Decide that these are not sent; how many were."""
    return outbox.skip(push_ids, user, location_id)


def unsettled(pushes: Iterable[Push]) -> bool:
    """Whether any of them may still change by itself."""
    return any(push.state in (PushState.QUEUED, PushState.SENDING, PushState.WAITING) for push in pushes)


def _read_pushes(ids: Sequence[int]) -> list[Push]:
    found = _read(Push, ids)
    return [found[each] for each in ids if each in found]


def _ring(location_id: int) -> None:
    connection_id = db.session.scalar(select(Connection.id).where(Connection.location_id == location_id))
    if connection_id is not None:
        bell.ring("jobs.pushes.drain", connection_id)


class _About:
    """The documents of some pushes by their ids, in one query a kind."""

    def __init__(self, pushes: Sequence[Push]) -> None:
        self.payments = _read(Payment, _ids(pushes, Document.PAYMENT))
        self.refunds = _read(Refund, _ids(pushes, *ABOUT_REFUNDS))
        self.invoices = _read(Invoice, _ids(pushes, Document.INVOICE))
        self.contacts = _read(Contact, _ids(pushes, Document.CONTACT))

    @property
    def invoice_ids(self) -> set[int]:
        """The invoices that the pushes belong to."""
        paid = {each.invoice_id for each in self.payments.values()}
        return {*self.invoices, *paid, *(each.invoice_id for each in self.refunds.values())}

    def invoice_of(self, push: Push) -> Invoice | None:
        """The invoice that a push belongs to; None for a contact's."""
        if push.document == Document.INVOICE:
            return self.invoices.get(push.document_id)
        owner = (self.payments if push.document == Document.PAYMENT else self.refunds).get(push.document_id)
        return owner.invoice if owner else None


def _row(push: Push, about: _About, beside: Around) -> Row:
    what, look = words.DOCUMENTS[push.document], saying.state(push, beside)
    if push.document == Document.CONTACT:
        contact = about.contacts.get(push.document_id)
        url = xero_links.address(beside.connection, beside.link(push))
        return Row(push, look, what, contact.display_name if contact else "–", None, url)
    invoice = about.invoice_of(push)
    if invoice is None:
        return Row(push, look, what, "–", None, None)
    url = xero_links.address(beside.connection, beside.links.get((Document.INVOICE, invoice.id)))
    joined = what if push.document == Document.INVOICE else f"{what} for"
    who = invoice.contact.display_name if invoice.contact else "–"
    return Row(push, look, f"{joined} {invoice.number_sent}", who, invoice, url)


def _ids(pushes: Sequence[Push], *documents: Document) -> list[int]:
    return [push.document_id for push in pushes if push.document in documents]


def _read(table: type[T], ids: Sequence[int]) -> dict[int, T]:
    return {row.id: row for row in db.session.scalars(_these(table), {"ids": ids})} if ids else {}


@cache
def _these(table: type[T]) -> Select[T]:
    """The rows of some ids, with whose they are."""
    return select(table).where(among(table.id, "ids")).options(*_beside(table))


def _beside(table: type[object]) -> list[ExecutableOption]:
    if table is Invoice:
        return [joinedload(Invoice.contact)]
    if table is Payment or table is Refund:
        return [joinedload(table.invoice).joinedload(Invoice.contact)]
    return []
