"""The sandbox's time: the real one plus an offset that tests and people may set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sandbox.store import Store

_KIND, _KEY = "clock", "offset"


class Clock:
    """Time of both stand-ins. It always runs; moving it only shifts it, and the shift survives a restart."""

    def __init__(self, store: Store) -> None:
        self._store = store
        kept = store.get(_KIND, _KEY)
        self._offset = timedelta(microseconds=kept["microseconds"]) if kept else timedelta()

    def now(self) -> datetime:
        """The present moment of the sandbox, aware, in UTC."""
        return datetime.now(UTC) + self._offset

    def advance(self, seconds: float) -> None:
        """Move the clock by `seconds` (negative: back)."""
        self._shift(self._offset + timedelta(seconds=seconds))

    def set_now(self, moment: datetime | None) -> None:
        """Make it `moment` (aware) now, running on from there; None returns to real time."""
        self._shift(timedelta() if moment is None else moment - datetime.now(UTC))

    def _shift(self, offset: timedelta) -> None:
        self._offset = offset
        self._store.put(_KIND, _KEY, {"microseconds": offset // timedelta(microseconds=1)})
