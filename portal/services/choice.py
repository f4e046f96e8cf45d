"""What a person wants to see of a long list: which days, which search, which page of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import ColumnElement
from sqlalchemy.orm import InstrumentedAttribute

from portal import clock
from portal.models import Location
from portal.services.paging import Cursor


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


def zone_of(location: Location) -> ZoneInfo:
    """The location's time zone, UTC where it names none."""
    try:
        return ZoneInfo(location.timezone)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def start_of(day: date, zone: ZoneInfo) -> datetime:
    """When this day begins in the zone (aware UTC)."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def today(location: Location) -> date:
    """Today's date at the location."""
    return clock.now().astimezone(zone_of(location)).date()


def within(
    key: InstrumentedAttribute[Any], choice: Choice, location: Location, *, days: bool = False
) -> Iterator[ColumnElement[bool]]:
    """The conditions that keep `key` inside the chosen days; `days` where it is a calendar day itself."""
    zone = zone_of(location)
    if choice.since:
        yield key >= (choice.since if days else start_of(choice.since, zone))
    if choice.until and choice.until < date.max:
        after = choice.until + timedelta(days=1)
        yield key < (after if days else start_of(after, zone))
