"""What a person wants to see of a long list: which days, which search, which page of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, bindparam
from sqlalchemy.orm import InstrumentedAttribute

from portal import clock
from portal.models import Location
from portal.services.paging import Cursor, Side


class Shape(NamedTuple):
    """What of a choice changes the question that the database is asked, not only what is handed over with it."""

    since: bool
    until: bool
    side: Side


@dataclass(frozen=True, slots=True)
class Choice:
    """Search text, first and last day (both included), and where the page begins."""

    search: str = ""
    since: date | None = None
    until: date | None = None
    at: Cursor | None = None

    @property
    def narrowed(self) -> bool:
        """Whether anything is left out by it."""
        return bool(self.search or self.since or self.until)

    @property
    def shape(self) -> Shape:
        """Which conditions `within` gives and on which side of the cursor the page lies."""
        until = self.until is not None and self.until < date.max
        return Shape(self.since is not None, until, self.at.side if self.at else Side.TOP)


def zone_of(location: Location) -> ZoneInfo:
    """The location's time zone, UTC where it names none."""
    return clock.zone(location.timezone)


def start_of(day: date, zone: ZoneInfo) -> datetime:
    """When this day begins in the zone (aware UTC)."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def today(location: Location) -> date:
    """Today's date at the location."""
    return clock.now().astimezone(zone_of(location)).date()


def within(key: InstrumentedAttribute[Any], shape: Shape) -> Iterator[ColumnElement[bool]]:
    """The conditions that keep `key` inside the chosen days; asked with `bounds`."""
    if shape.since:
        yield key >= bindparam("since")
    if shape.until:
        yield key < bindparam("after")


def bounds(choice: Choice, location: Location, *, days: bool = False) -> dict[str, Any]:
    """The parameters of `within`; `days` where its key is a calendar day itself."""
    zone, shape, found = zone_of(location), choice.shape, {}
    if choice.since:
        found["since"] = choice.since
    if choice.until and shape.until:
        found["after"] = choice.until + timedelta(days=1)
    return found if days else {name: start_of(each, zone) for name, each in found.items()}
