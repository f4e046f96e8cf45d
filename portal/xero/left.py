"""What Xero's headers say is left of its limits, and what time it is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


@dataclass(frozen=True)
class LimitsLeft:
    """Calls left as one answer told them; None where the header was missing.

    `minute` and `day` are per organisation, `app_minute` is for the whole app (developer.xero.com, OAuth
    2.0 limits). `told_at` is Xero's own clock, from the Date header.
    """

    minute: int | None = None
    day: int | None = None
    app_minute: int | None = None
    told_at: datetime | None = None

    @classmethod
    def from_headers(cls, headers: Mapping[str, str]) -> LimitsLeft:
        """Read X-MinLimit-Remaining, X-DayLimit-Remaining and X-AppMinLimit-Remaining; names in any case."""
        lower = {name.lower(): value for name, value in headers.items()}
        return cls(
            minute=_whole(lower.get("x-minlimit-remaining")),
            day=_whole(lower.get("x-daylimit-remaining")),
            app_minute=_whole(lower.get("x-appminlimit-remaining")),
            told_at=_moment(lower.get("date")),
        )


def _whole(text: str | None) -> int | None:
    if text is None or not text.strip().isascii() or not text.strip().isdigit():
        return None
    return int(text.strip()[:12])


def _moment(text: str | None) -> datetime | None:
    try:
        found = parsedate_to_datetime(text or "")
    except (ValueError, TypeError):
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
