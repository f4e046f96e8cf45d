"""How far our clocks are from Xero's: its answers carry the time, each worker tells it with its heartbeat."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from portal import clock
from portal.extensions import db
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


def worst() -> Skew | None:
    """The living process whose clock is furthest off, this one included; None while none knows."""
    rows = db.session.execute(
        select(Heartbeat.name, Heartbeat.detail).where(
            Heartbeat.detail.startswith(WORD), Heartbeat.at > clock.now() - KEPT
        )
    )
    found = [_read(name, str(detail)) for name, detail in rows]
    if mine := said():
        found.append(_read("this web process", mine))
    return max(found, key=lambda skew: abs(skew.seconds), default=None)


def _read(process: str, detail: str) -> Skew:
    return Skew(process, float(detail.removeprefix(WORD)))
