"""The cut-off: invoices created before the connection are left out, can be listed, and let in by an agency admin."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.orm import joinedload, selectinload

from portal import bell
from portal.errors import ChooseAgain, NotAllowed
from portal.extensions import db
from portal.models import (
    Connection,
    ConnectionState,
    Document,
    Invoice,
    InvoiceStatus,
    Location,
    Operation,
    Payment,
    Push,
    PushState,
    Role,
    User,
)
from portal.services import audit, choice, following, standing
from portal.services.paging import SIZE, Page
from portal.services.unit import transaction

Query = TypeVar("Query", bound=Select[*tuple[Any, ...]])
REASONS = (following.BEFORE, following.UNCONNECTED, following.LEFT_BEHIND)
CHUNK = 100
JOB = "jobs.housekeeping.take_up"
ADMIN_ONLY = "Only an agency admin can move the cut-off."
NOT_BACK = "The cut-off can only be moved back. Choose a day before {day:%-d %B %Y}."
NOT_CONNECTED = "Connect to Xero first; the cut-off belongs to the connection."
CHANGED = "The figures have changed: it is {count} now. Look at them again, then confirm."


@dataclass(frozen=True)
class Preview:
    """What moving the cut-off back would queue. `money` is the total of the invoices by currency."""

    to: datetime
    invoices: int
    contacts: int
    payments: int
    money: dict[str, Decimal]
    oldest: datetime | None


def left_out(location_id: int, page: int = 1) -> Page[tuple[Invoice, str]]:
    """The invoices that are not sent because they are from before the connection, newest first, each with why."""
    number = max(1, page)
    rows = _page(location_id, number)
    if not rows and number > 1:
        number = max(1, -(-count(location_id) // SIZE))
        rows = _page(location_id, number)
    wanted = select(Invoice).where(Invoice.id.in_([row.id for row in rows]))
    found = {each.id: each for each in db.session.scalars(wanted.options(joinedload(Invoice.contact)))}
    total = rows[0].total if rows else 0
    return Page([(found[row.id], row.message or "") for row in rows], number, total)


def count(location_id: int) -> int:
    """How many invoices are left out because they are from before the connection."""
    return db.session.scalar(_left_out(select(func.count()), location_id)) or 0


def invoices(location_id: int, after: int, most: int) -> list[Invoice]:
    """Left-out invoices with lines and contact in the order of their ids, those after one id; for a file."""
    found = db.session.scalars(
        _left_out(select(Invoice), location_id)
        .where(Invoice.id > after)
        .options(joinedload(Invoice.contact), selectinload(Invoice.lines))
        .order_by(Invoice.id)
        .limit(most)
    )
    return list(found)


def preview(location: Location, user: User, day: date) -> Preview:
    """What would be queued if everything from this day on were sent. Raises NotAllowed, ChooseAgain."""
    connection = _movable(location.id, user)
    to = choice.start_of(day, choice.zone_of(location))
    if to >= connection.cut_off:
        raise ChooseAgain(NOT_BACK.format(day=connection.cut_off), {"day": "Choose an earlier day."})
    return _preview(location.id, to)


def move_back(location: Location, user: User, day: date, expected: int) -> str:
    """Move the cut-off back to the beginning of this day, which queues what it lets in; a sentence.

    `expected` is the number of invoices that the person was shown. Raises NotAllowed, ChooseAgain.
    """
    seen = preview(location, user, day)
    if seen.invoices != expected:
        raise ChooseAgain(CHANGED.format(count=_plural(seen.invoices, "invoice")))
    with transaction() as session:
        connection = session.scalars(
            select(Connection).where(Connection.location_id == location.id).with_for_update()
        ).one()
        before, connection.cut_off = connection.cut_off, seen.to
        told = f"{_plural(seen.invoices, 'invoice')} queued"
        what = f"Cut-off moved back to {day:%-d %B %Y} by {user.name}: {told}."
        standing.tell(session, location.id, what, user)
        detail = f"{before.isoformat()} → {seen.to.isoformat()}: {told}"
        audit.note(session, user, location.id, "connections.cut_off", detail)
        connection_id = connection.id
    if not bell.ring(JOB, connection_id):
        take_up(connection_id)
    return f"Invoices created from {day:%-d %B %Y} on are sent. {told}."


def take_up(connection_id: int) -> int:
    """Queue what a moved cut-off lets in, a hundred at a time; how many. Goes on where it was stopped."""
    taken = 0
    while some := _take_some(connection_id):
        taken += some
    if taken:
        bell.ring("jobs.pushes.drain", connection_id)
    return taken


def unfinished() -> list[int]:
    """Connections that have left-out invoices which their cut-off lets in."""
    let_in = _left_out(select(Invoice.id), Connection.location_id).where(_lets_in(Connection.cut_off))
    found = db.session.scalars(
        select(Connection.id).where(
            Connection.state != ConnectionState.DISCONNECTED, let_in.correlate(Connection).exists()
        )
    )
    return list(found)


def _take_some(connection_id: int) -> int:
    with transaction() as session:
        connection = session.get_one(Connection, connection_id, with_for_update=True, populate_existing=True)
        if connection.state == ConnectionState.DISCONNECTED:
            return 0
        found = session.scalars(
            _left_out(select(Invoice), connection.location_id)
            .where(_lets_in(connection.cut_off))
            .order_by(Invoice.id)
            .limit(CHUNK)
        ).all()
        for invoice in found:
            following.take_up(session, invoice, connection)
        return len(found)


def _page(location_id: int, number: int) -> Sequence[Any]:
    """Ids and reasons of one page, each with how many there are in all: counted and sorted in one go, and narrow."""
    narrow = select(Invoice.id, Push.message, func.count().over().label("total"))
    newest = _left_out(narrow, location_id).order_by(Invoice.created_at.desc(), Invoice.id.desc())
    return db.session.execute(newest.limit(SIZE).offset((number - 1) * SIZE)).all()


def _movable(location_id: int, user: User) -> Connection:
    if user.role != Role.AGENCY_ADMIN:
        raise NotAllowed(ADMIN_ONLY)
    connection = db.session.scalar(select(Connection).where(Connection.location_id == location_id))
    if connection is None or connection.state == ConnectionState.DISCONNECTED:
        raise ChooseAgain(NOT_CONNECTED)
    return connection


def _preview(location_id: int, to: datetime) -> Preview:
    lets_in = _lets_in(to)
    figures = select(func.count(), func.count(Invoice.contact_id.distinct()), func.min(Invoice.created_at))
    number, contacts, oldest = db.session.execute(_left_out(figures, location_id).where(lets_in)).one()
    concerned = _left_out(select(Invoice.id), location_id).where(lets_in)
    payments = db.session.scalar(select(func.count()).where(Payment.invoice_id.in_(concerned)))
    sums = _left_out(select(Invoice.currency, func.sum(Invoice.total)), location_id).where(lets_in)
    money = {str(code): total for code, total in db.session.execute(sums.group_by(Invoice.currency))}
    return Preview(to, number, contacts, payments or 0, money, oldest)


def _left_out(query: Query, location_id: object) -> Query:
    """The query over invoices, kept to those that are left out by rule and could still be sent."""
    mine = and_(
        Push.location_id == Invoice.location_id,
        Push.document == Document.INVOICE,
        Push.document_id == Invoice.id,
        Push.operation == Operation.CREATE,
    )
    return (
        query.select_from(Invoice)
        .join(Push, mine)
        .where(
            Invoice.location_id == location_id,
            Invoice.live_mode.is_(True),
            Invoice.status.not_in((InvoiceStatus.VOID, InvoiceStatus.DELETE)),
            Push.state == PushState.SKIPPED,
            Push.settled_by_id.is_(None),
            Push.message.in_(REASONS),
        )
    )


def _lets_in(cut_off: object) -> ColumnElement[bool]:
    return Invoice.created_at >= cut_off


def _plural(number: int, one: str) -> str:
    return f"{number:,} {one}{'' if number == 1 else 's'}"
