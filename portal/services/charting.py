"""What became of the last thirty days' documents, day by day."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache

from sqlalchemy import Integer, ScalarSelect, Select, bindparam, func, literal_column, select, union_all

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
    given = {"location": location.id, **{f"t{n}": bound for n, bound in enumerate(bounds)}}
    rows = db.session.execute(_counts(), given)
    return [Day(every[n], *counts) for n, *counts in sorted(map(tuple, rows))]


@cache
def _counts() -> Select[int, int, int, int]:
    """Made once; the days begin at t0, t1 … and the last one ends at t30. Short, so that its text is kept as well."""
    spans = union_all(*(_day(n) for n in range(DAYS))).subquery("d")

    def many(*states: PushState) -> ScalarSelect[int]:
        inside = (Push.updated_at >= spans.c.a, Push.updated_at < spans.c.z)
        return (
            select(func.count())
            .where(Push.location_id == bindparam("location"), Push.state.in_(states), *inside)
            .correlate(spans)
            .scalar_subquery()
        )

    return select(spans.c.n, many(PushState.SENT), many(*overview.ON_ITS_WAY), many(PushState.BLOCKED))


def _day(n: int) -> Select[int, datetime, datetime]:
    begins, ends = (bindparam(f"t{each}", type_=Moment) for each in (n, n + 1))
    return select(literal_column(str(n), Integer).label("n"), begins.label("a"), ends.label("z"))
