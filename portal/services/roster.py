"""All locations of an agency with how each stands, whoever needs help first, for one page or a thousand locations."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import func, select

from portal.extensions import db
from portal.models import Connection, Location, Mapping, Push, PushState, User
from portal.models.among import among
from portal.services import calling, overview, paging, users
from portal.services.overview import ON_ITS_WAY, Stage
from portal.services.paging import Page

SIZE = 25
NEVER = datetime.max.replace(tzinfo=UTC)
URGENCY = (Stage.DISCONNECTED, Stage.ATTENTION, Stage.PAUSED, Stage.LIVE, Stage.UNMAPPED, Stage.NEVER)


@dataclass(frozen=True, slots=True)
class Standing:
    """One location: its connection if any, documents on their way and blocked, since when the oldest is blocked."""

    location: Location
    connection: Connection | None
    on_its_way: int = 0
    needs_you: int = 0
    oldest: datetime | None = None
    mapped: bool = True

    @property
    def stage(self) -> Stage:
        """The stage; of the mapping it only asks whether there is one."""
        return overview.stage_of(self.connection, mapped=self.mapped)

    @property
    def urgency(self) -> tuple[int, int, datetime, str]:
        """The smaller, the sooner it needs help: stopped with work waiting, then blocked the longest, then the rest."""
        stopped = self.stage in (Stage.DISCONNECTED, Stage.ATTENTION, Stage.PAUSED)
        if stopped and (self.on_its_way or self.needs_you):
            rank = 0
        elif self.stage == Stage.ATTENTION:
            rank = 1
        elif self.needs_you:
            rank = 2
        else:
            rank = 3 + URGENCY.index(self.stage)
        of_stopped = URGENCY.index(self.stage) if rank == 0 else 0
        return rank, of_stopped, self.oldest or NEVER, self.location.name.casefold()


@dataclass(frozen=True, slots=True)
class Row:
    """A standing with what only the shown ones are asked for: sent today, and calls to Xero left today."""

    standing: Standing
    sent_today: int
    calls_left: int | None


@dataclass(frozen=True, slots=True)
class Sum:
    """All locations together: how many there are, how many need help, what is on its way and blocked."""

    locations: int
    troubled: int
    on_its_way: int
    needs_you: int


def standings(user: User, search: str = "") -> list[Standing]:
    """Every location that the person may enter and whose name fits, whoever needs help first, in five queries."""
    locations = users.locations_of(user, search)
    ids = [location.id for location in locations]
    links = {row.location_id: row for row in _connections(ids)}
    open_ones, oldest = _open(ids)
    mapped = set(
        db.session.scalars(select(Mapping.location_id).where(among(Mapping.location_id, ids)).distinct())
    )
    found = [
        Standing(
            each,
            links.get(each.id),
            sum(open_ones.get((each.id, state), 0) for state in ON_ITS_WAY),
            open_ones.get((each.id, PushState.BLOCKED), 0),
            oldest.get(each.id),
            each.id in mapped,
        )
        for each in locations
    ]
    return sorted(found, key=lambda each: each.urgency)


def page(found: Sequence[Standing], number: int) -> Page[Row]:
    """One page of them, in one more query and one question to Redis."""
    part = paging.cut(found, number, SIZE)
    return Page(rows(part.items), part.number, part.total, part.size)


def rows(found: Sequence[Standing]) -> list[Row]:
    """These with what was sent today and the calls that are left."""
    sent = overview.sent_today([each.location for each in found])
    left = calling.days_left([each.connection.tenant_id for each in found if each.connection])
    return [
        Row(
            each,
            sent.get(each.location.id, 0),
            left.get(each.connection.tenant_id) if each.connection else None,
        )
        for each in found
    ]


def total(found: Iterable[Standing]) -> Sum:
    """What they come to."""
    every = list(found)
    return Sum(
        len(every),
        sum(each.urgency[0] <= 2 for each in every),
        sum(each.on_its_way for each in every),
        sum(each.needs_you for each in every),
    )


def _connections(ids: Sequence[int]) -> list[Connection]:
    return list(db.session.scalars(select(Connection).where(among(Connection.location_id, ids))))


def _open(ids: Sequence[int]) -> tuple[dict[tuple[int, PushState], int], dict[int, datetime]]:
    """Open pushes by location and state, and since when the oldest blocked one of each location is."""
    rows = db.session.execute(
        select(Push.location_id, Push.state, func.count(), func.min(Push.updated_at))
        .where(among(Push.location_id, ids), Push.state.in_((*ON_ITS_WAY, PushState.BLOCKED)))
        .group_by(Push.location_id, Push.state)
    ).all()
    counts = {(location_id, PushState(state)): count for location_id, state, count, _ in rows}
    return counts, {row[0]: row[3] for row in rows if row[1] == PushState.BLOCKED}
