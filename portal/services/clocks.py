"""How far our clocks are from Xero's: its answers carry the time, each worker tells it with its heartbeat."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from portal import clock
from portal.models import Heartbeat

WORD = "clock "
KEPT = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Skew:
    """One process's clock against Xero's: `seconds` is how far ours is ahead (below zero: behind)."""

    process: str
    seconds: float


_heard: list[tuple[float, datetime]] = []


def note(told: datetime) -> None:
    """Xero's clock says `told` just now, in whole seconds. Only remembered in this process; never raises."""
    ours = clock.now()
    _heard[:] = [((ours - told).total_seconds() - 0.5, ours)]


def said() -> str | None:
    """What a heartbeat tells of this process's clock; None while Xero has not told the time within an hour."""
    if not _heard or _heard[0][1] < clock.now() - KEPT:
        return None
    return f"{WORD}{_heard[0][0]:+.1f}"


def worst(signs: Iterable[Heartbeat]) -> Skew | None:
    """The process whose clock is furthest off by these signs of life, this one included; None while none knows."""
    told = ((sign.name, sign.detail or "") for sign in signs)
    found = [_read(name, detail) for name, detail in told if detail.startswith(WORD)]
    if mine := said():
        found.append(_read("this web process", mine))
    return max(found, key=lambda skew: abs(skew.seconds), default=None)


def _read(process: str, detail: str) -> Skew:
    return Skew(process, float(detail.removeprefix(WORD)))
