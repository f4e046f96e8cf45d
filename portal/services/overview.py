"""How each location stands, in a fixed number of queries however many there are."""

from dataclasses import dataclass
from datetime import UTC, datetime, time
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from portal import clock
from portal.extensions import db
from portal.models import Connection, ConnectionState, Location, Push, PushState, User
from portal.services import users
from portal.services.mappings import Missing

ON_ITS_WAY = (PushState.QUEUED, PushState.SENDING, PushState.WAITING)


class Stage(StrEnum):
    """Where a location stands on the way to live books."""

    NEVER = "never"
    UNMAPPED = "unmapped"
    LIVE = "live"
    ATTENTION = "attention"
    DISCONNECTED = "disconnected"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class Glance:
    """One location at a glance: its connection if any, and how many documents are where."""

    location: Location
    connection: Connection | None
    on_its_way: int
    needs_you: int
    sent_today: int

    @property
    def stage(self) -> Stage:
        """The stage, mapping aside."""
        return stage_of(self.connection)


def glances(user: User) -> list[Glance]:
    """Every location that the person may enter, by name."""
    locations = users.locations_of(user)
    return _glances(locations)


def glance(location: Location) -> Glance:
    """One location."""
    return _glances([location])[0]


def stage_of(connection: Connection | None, missing: Missing | None = None) -> Stage:
    """The stage of a connection; with `missing`, a connected one that is not mapped yet is told apart."""
    if connection is None:
        return Stage.NEVER
    if connection.state == ConnectionState.CONNECTED:
        return Stage.UNMAPPED if missing is not None and not missing.complete else Stage.LIVE
    return Stage(ConnectionState(connection.state).value)


def midnight(location: Location) -> datetime:
    """When today began at the location (aware UTC)."""
    try:
        zone = ZoneInfo(location.timezone)
    except (ZoneInfoNotFoundError, ValueError):
        zone = ZoneInfo("UTC")
    today = clock.now().astimezone(zone).date()
    return datetime.combine(today, time(), zone).astimezone(UTC)


def _glances(locations: list[Location]) -> list[Glance]:
    ids = [location.id for location in locations]
    links = {row.location_id: row for row in _connections(ids)}
    counts = _counts(ids)
    sent = _sent_today(locations)
    return [
        Glance(
            location,
            links.get(location.id),
            sum(counts.get((location.id, state), 0) for state in ON_ITS_WAY),
            counts.get((location.id, PushState.BLOCKED), 0),
            sent.get(location.id, 0),
        )
        for location in locations
    ]


def _connections(ids: list[int]) -> list[Connection]:
    query = (
        select(Connection).where(Connection.location_id.in_(ids)).options(joinedload(Connection.connected_by))
    )
    return list(db.session.scalars(query))


def _counts(ids: list[int]) -> dict[tuple[int, PushState], int]:
    rows = db.session.execute(
        select(Push.location_id, Push.state, func.count())
        .where(Push.location_id.in_(ids), Push.state.in_((*ON_ITS_WAY, PushState.BLOCKED)))
        .group_by(Push.location_id, Push.state)
    )
    return {(location_id, PushState(state)): count for location_id, state, count in rows}


def _sent_today(locations: list[Location]) -> dict[int, int]:
    starts = {location.id: midnight(location) for location in locations}
    rows = db.session.execute(
        select(Push.location_id, Push.settled_at).where(
            Push.location_id.in_(list(starts)),
            Push.state == PushState.SENT,
            Push.updated_at >= min(starts.values(), default=clock.now()),
        )
    )
    found: dict[int, int] = {}
    for location_id, settled_at in rows:
        if settled_at is not None and settled_at >= starts[location_id]:
            found[location_id] = found.get(location_id, 0) + 1
    return found
