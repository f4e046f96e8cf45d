"""How far this portal's clocks are from Xero's: its answers carry the time, noted once a minute in each process."""

import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import simplejson

from portal import bell, clock

KEY = "portal:clocks"
EVERY = 60.0
KEPT = timedelta(days=1)
_noted = {"at": -EVERY}


@dataclass(frozen=True, slots=True)
class Skew:
    """One host's clock against Xero's: `seconds` is how far ours is ahead (below zero: behind), as told at `at`."""

    host: str
    seconds: float
    at: datetime


def note(told: datetime) -> None:
    """Xero's clock says `told` just now. Raises bell.Away; Xero tells whole seconds, so half a second is nothing."""
    if time.monotonic() - _noted["at"] < EVERY:
        return
    _noted["at"] = time.monotonic()
    ours = clock.now()
    row = {"ahead": round((ours - told).total_seconds() - 0.5, 1), "at": ours.timestamp()}
    bell.client().hset(KEY, socket.gethostname(), simplejson.dumps(row))


def worst() -> Skew | None:
    """The host whose clock is furthest off, of those that have called Xero within a day; None while none has."""
    found = [skew for skew in _all() if skew.at > clock.now() - KEPT]
    return max(found, key=lambda skew: abs(skew.seconds), default=None)


def _all() -> list[Skew]:
    skews = []
    with suppress(bell.Away):
        kept: dict[bytes, bytes] = bell.client().hgetall(KEY)  # type: ignore[assignment]
        for host, text in kept.items():
            row = simplejson.loads(text)
            at = datetime.fromtimestamp(row["at"], UTC)
            skews.append(Skew(host.decode(), row["ahead"], at))
    return skews
