"""Things that take a while, as people see them: how far they are, what is being done, and calling them off."""

from dataclasses import dataclass
from datetime import datetime

from portal.errors import NotFoundHere
from portal.extensions import db
from portal.models import Run, RunKind


@dataclass(frozen=True, slots=True)
class Progress:
    """How far something is. `what` says what is counted, `now` what is being done, `sums` how it went so far.

    `going` tells whether it goes on by itself; `until` is when, where it waits for a moment.
    """

    total: int
    done: int
    what: str
    now: str
    sums: tuple[str, ...] = ()
    going: bool = False
    until: datetime | None = None

    @property
    def percent(self) -> int:
        """How much is done, 0 to 100; 100 only when nothing is left."""
        if not self.going:
            return 100
        return min(99, 100 * self.done // self.total) if self.total else 0


def one(location_id: int, run_id: int, kind: RunKind) -> Run:
    """A run of this location. Raises NotFoundHere."""
    found = db.session.get(Run, run_id)
    if found is None or found.location_id != location_id or found.kind != kind:
        raise NotFoundHere("There is no such thing here.")
    return found
