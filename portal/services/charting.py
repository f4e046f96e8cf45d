"""What became of the last thirty days' documents, day by day."""

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import ScalarSelect, Select, func, literal, select, union_all

from portal.extensions import db
from portal.models import Location, Push, PushState
from portal.models.base import Moment
from portal.services import choice, overview

DAYS = 30


@dataclass(frozen=True, slots=True)
class Day:
    """One day at the location: documents whose last change was on it, by how they stand now."""

    day: date
    sent: int
    waiting: int
    failed: int

    @property
    def total(self) -> int:
        """All three."""
        return self.sent + self.waiting + self.failed


def days(location: Location) -> list[Day]:
    """The last thirty days, the oldest first, in one query that reads only an index."""
    zone, last = choice.zone_of(location), choice.today(location)
    every = [last - timedelta(days=back) for back in reversed(range(DAYS))]
    bounds = [choice.start_of(day, zone) for day in [*every, last + timedelta(days=1)]]
    spans = union_all(
        *(
            select(
                literal(n).label("n"),
                literal(bounds[n], Moment).label("start"),
                literal(bounds[n + 1], Moment).label("end"),
            )
            for n in range(DAYS)
        )
    ).subquery()

    def many(*states: PushState) -> ScalarSelect[int]:
        inside = (Push.updated_at >= spans.c.start, Push.updated_at < spans.c.end)
        return (
            select(func.count())
            .where(Push.location_id == location.id, Push.state.in_(states), *inside)
            .correlate(spans)
            .scalar_subquery()
        )

    query: Select[int, int, int, int] = select(
        spans.c.n, many(PushState.SENT), many(*overview.ON_ITS_WAY), many(PushState.BLOCKED)
    )
    return [Day(every[n], *counts) for n, *counts in sorted(map(tuple, db.session.execute(query)))]
