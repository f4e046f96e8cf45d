"""The one clock of the portal: aware UTC, replaceable in tests."""

from datetime import UTC, datetime


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)
