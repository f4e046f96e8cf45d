"""What Xero's headers say is left of its limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class LimitsLeft:
    """Calls left as one answer told them; None where the header was missing.

    `minute` and `day` are per organisation, `app_minute` is for the whole app (developer.xero.com, OAuth
    2.0 limits).
    """

    minute: int | None = None
    day: int | None = None
    app_minute: int | None = None

    @classmethod
    def from_headers(cls, headers: Mapping[str, str]) -> LimitsLeft:
        """Read X-MinLimit-Remaining, X-DayLimit-Remaining and X-AppMinLimit-Remaining; names in any case."""
        lower = {name.lower(): value for name, value in headers.items()}
        return cls(
            minute=_whole(lower.get("x-minlimit-remaining")),
            day=_whole(lower.get("x-daylimit-remaining")),
            app_minute=_whole(lower.get("x-appminlimit-remaining")),
        )


def _whole(text: str | None) -> int | None:
    if text is None or not text.strip().isascii() or not text.strip().isdigit():
        return None
    return int(text.strip()[:12])
