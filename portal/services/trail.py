"""Reading the audit trail: searched, filtered, page after page, and as a file."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Select, func, or_, select

from portal import clock, tables
from portal.extensions import db
from portal.models import AuditEntry, Location, User
from portal.services import audit_words
from portal.services.audit_words import Kind
from portal.services.unit import release

SIZE = 50
CHUNK = 500
HEAD = ("When", "Time zone", "Who", "E-mail", "What", "Where", "Details")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries: of one agency, of one location where that is given, and what the person asked for."""

    agency_id: int
    zone: str
    location_id: int | None = None
    q: str = ""
    person: int | None = None
    kind: Kind | None = None
    since: date | None = None
    until: date | None = None
    before: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One decision: who (None: an operator, or somebody who was not signed in), what, where."""

    number: int
    at: datetime
    who: str | None
    email: str | None
    kind: Kind
    what: str
    where: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A page of entries, the newest first; `older` is the cursor of the next page, None after the last."""

    entries: Sequence[Entry]
    older: int | None


def read(
    agency_id: int, zone: str, location_id: int | None, query: Mapping[str, str], places: Mapping[str, int]
) -> Wanted:
    """What an address asks for; what makes no sense is left out. `places` are the locations that may be named."""
    kind = query.get("kind", "")
    return Wanted(
        agency_id,
        zone,
        location_id or places.get(query.get("location", "")),
        query.get("q", "").strip()[:100],
        _number(query.get("person", "")),
        Kind(kind) if kind in list(Kind) else None,
        _day(query.get("since", "")),
        _day(query.get("until", "")),
        _number(query.get("before", "")),
    )


def page(wanted: Wanted) -> Shown:
    """The newest entries before the cursor."""
    rows = _entries(wanted, SIZE + 1)
    more = len(rows) > SIZE
    return Shown(rows[:SIZE], rows[SIZE - 1].number if more else None)


def people(agency_id: int) -> list[User]:
    """Everybody who may have decided something, by name."""
    found = select(User).where(User.agency_id == agency_id).order_by(User.name, User.id)
    return list(db.session.scalars(found))


def lines(wanted: Wanted) -> Iterator[str]:
    """All that is asked for as CSV, a line at a time; times in the zone of the page."""
    zone = clock.zone(wanted.zone)
    yield tables.line(HEAD)
    before = wanted.before
    while True:
        rows = _entries(wanted, CHUNK, before)
        release()
        for each in rows:
            at = each.at.astimezone(zone)
            who = each.who or "Not signed in"
            cells = (
                f"{at:%Y-%m-%d %H:%M:%S}",
                wanted.zone,
                who,
                each.email,
                each.what,
                each.where,
                each.detail,
            )
            yield tables.line(map(tables.safe, cells))
        if len(rows) < CHUNK:
            return
        before = rows[-1].number


def _entries(wanted: Wanted, most: int, before: int | None = None) -> list[Entry]:
    found = _asked(wanted)
    if cursor := before or wanted.before:
        found = found.where(AuditEntry.id < cursor)
    rows = db.session.execute(found.order_by(AuditEntry.id.desc()).limit(most))
    return [_entry(row, user, location) for row, user, location in rows]


def _asked(wanted: Wanted) -> Select[AuditEntry, User, Location]:
    found: Select[AuditEntry, User, Location] = (
        select(AuditEntry, User, Location)
        .outerjoin(User, User.id == AuditEntry.user_id)
        .outerjoin(Location, Location.id == AuditEntry.location_id)
        .where(AuditEntry.agency_id == wanted.agency_id)
    )
    zone = clock.zone(wanted.zone)
    if wanted.location_id:
        found = found.where(AuditEntry.location_id == wanted.location_id)
    if wanted.person:
        found = found.where(AuditEntry.user_id == wanted.person)
    if wanted.kind:
        known = AuditEntry.action.in_(audit_words.actions(wanted.kind))
        found = found.where(known if wanted.kind != Kind.OTHER else ~AuditEntry.action.in_(audit_words.WORDS))
    if wanted.since:
        found = found.where(AuditEntry.at >= _midnight(wanted.since, zone))
    if wanted.until:
        found = found.where(AuditEntry.at < _midnight(wanted.until + timedelta(days=1), zone))
    if wanted.q:
        told = func.lower(AuditEntry.detail).contains(wanted.q.lower(), autoescape=True)
        found = found.where(or_(told, AuditEntry.action.in_(audit_words.saying(wanted.q))))
    return found


def _entry(row: AuditEntry, user: User | None, location: Location | None) -> Entry:
    kind, what = audit_words.words(row.action)
    return Entry(
        row.id,
        row.at,
        user.name if user else None,
        user.email if user else None,
        kind,
        what,
        location.name if location else None,
        row.detail,
    )


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if 2000 <= found.year < 2200 else None


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
