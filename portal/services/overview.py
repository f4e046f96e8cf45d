"""How locations stand, in a fixed number of queries however many there are and however much they hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import ScalarSelect, Select, bindparam, func, select, union_all

from portal.extensions import db
from portal.models import Connection, ConnectionState, Location, Mapping, Push, PushState
from portal.services import choice

ON_ITS_WAY = (PushState.QUEUED, PushState.SENDING, PushState.WAITING)
MOST = 10_000


class Stage(StrEnum):
    """Where a location stands on the way to live books."""

    NEVER = "never"
    UNMAPPED = "unmapped"
    LIVE = "live"
    ATTENTION = "attention"
    DISCONNECTED = "disconnected"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class Tally:
    """How many pushes of a location are where; each one is counted up to `MOST`, which stands for that and more.

    `mapped` tells whether anything was mapped for it at all, `queued_since` since when the oldest one is queued.
    """

    queued: int
    waiting_alone: int
    sending: int
    blocked: int
    sent_today: int
    not_sent: int
    mapped: bool
    queued_since: datetime | None

    @property
    def waiting(self) -> int:
        """Queued, or tried again by themselves."""
        return self.queued + self.waiting_alone

    @property
    def on_its_way(self) -> int:
        """Everything that still moves by itself."""
        return self.waiting + self.sending


@dataclass(frozen=True, slots=True)
class Glance:
    """One location at a glance: its connection if any, and how many documents are where."""

    location: Location
    connection: Connection | None
    tally: Tally

    @property
    def on_its_way(self) -> int:
        """Documents that still move by themselves."""
        return self.tally.on_its_way

    @property
    def needs_you(self) -> int:
        """Documents that a person has to act on."""
        return self.tally.blocked

    @property
    def sent_today(self) -> int:
        """Documents that arrived in Xero since midnight at the location."""
        return self.tally.sent_today

    @property
    def stage(self) -> Stage:
        """The stage; of the mapping it only asks whether there is one."""
        return stage_of(self.connection, mapped=self.tally.mapped)


def glance(location: Location) -> Glance:
    """One location, in one query beside that of its connection."""
    return Glance(location, location.connection, tally(location))


def tally(location: Location) -> Tally:
    """What a location's pushes count to, in one query over an index that holds the answer."""
    row = db.session.execute(_counts(), {"location": location.id, "midnight": midnight(location)})
    return Tally(*row.one())


def stage_of(connection: Connection | None, *, mapped: bool) -> Stage:
    """The stage of a connection; a connected one with no mapping is told apart."""
    if connection is None:
        return Stage.NEVER
    if connection.state == ConnectionState.CONNECTED:
        return Stage.LIVE if mapped else Stage.UNMAPPED
    return Stage(ConnectionState(connection.state).value)


def midnight(location: Location) -> datetime:
    """When today began at the location (aware UTC)."""
    return choice.start_of(choice.today(location), choice.zone_of(location))


def sent_today(locations: Sequence[Location]) -> dict[int, int]:
    """How many documents of each location arrived since its own midnight, in one query."""
    by_start: dict[datetime, list[int]] = {}
    for location in locations:
        by_start.setdefault(midnight(location), []).append(location.id)
    if not by_start:
        return {}
    arms = [
        select(Push.location_id, func.count())
        .where(Push.location_id.in_(ids), Push.state == PushState.SENT, Push.updated_at >= start)
        .group_by(Push.location_id)
        for start, ids in by_start.items()
    ]
    rows = db.session.execute(union_all(*arms))
    return {location_id: count for location_id, count in rows}


@cache
def _counts() -> Select[*tuple[Any, ...]]:
    """Every page asks this: made once."""
    mine = Push.location_id == bindparam("location")

    def many(*states: PushState) -> ScalarSelect[int]:
        return _up_to(select(Push.id).where(mine, Push.state.in_(states)))

    today = (Push.state == PushState.SENT, Push.updated_at >= bindparam("midnight"))
    return select(
        many(PushState.QUEUED),
        many(PushState.WAITING),
        many(PushState.SENDING),
        many(PushState.BLOCKED),
        _up_to(select(Push.id).where(mine, *today)),
        many(PushState.SKIPPED, PushState.CANCELLED),
        select(Mapping.id).where(Mapping.location_id == bindparam("location")).exists(),
        select(func.min(Push.updated_at)).where(mine, Push.state == PushState.QUEUED).scalar_subquery(),
    )


def _up_to(query: Select[int]) -> ScalarSelect[int]:
    return select(func.count()).select_from(query.limit(MOST).subquery()).scalar_subquery()
