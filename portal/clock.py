"""The one clock of the portal: aware UTC, replaceable in tests; and the zones in which people read it."""

from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


@cache
def zone(name: str) -> ZoneInfo:
    """The time zone of this name, UTC where this machine knows none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")
