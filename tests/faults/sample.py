"""Which fault runs there are: the whole matrix, the sample of the test suite, and one run that kills each mutant."""

from collections.abc import Iterator

from tests.faults.cases import CASES
from tests.faults.runs import Run

POINTS = (
    "after_lease", "after_prepare", "after_stamp", "before_send", "after_answer", "after_record",
    "before_resolve", "after_look",
)  # fmt: skip
FAULTS = (None, "refuse", "lost_reply", "late")
LOOKED_AT_ONCE = ("contact", "invoice")
"""What may be sent again at once is not looked up while a fault lasts for one call only."""

KILLERS = {
    "no write-ahead": Run("payment", "after_answer", workers=2),
    "time-out taken as failure": Run("payment", fault="lost_reply"),
    "no quiet time": Run("payment", fault="late", late=1.8),
    "no fence": Run("payment", "after_look", "stop", "refuse", 2, then="slow"),
    "no stamp": Run("payment", "after_answer", forget_keys=True),
    "no send deadline": Run("payment", "before_send", "stop", None, 2, "long"),
    "payment re-sent under the same key": Run("payment", fault="late", forget_keys=True, late=1.8),
    "acknowledged before sending": Run("invoice", fault="refuse"),
}


def matrix() -> list[Run]:
    """Every point × kill and freeze × fault × kind × 1, 2 and 4 workers that can be reached."""
    return [*_well(), *KILLERS.values(), *(run for run in _crashes() if _reachable(run))]


def _well() -> Iterator[Run]:
    for kind in CASES:
        for fault in (*FAULTS, "500", "garbled", "truncated", "500-after", "token-expired"):
            for workers in (1, 2):
                yield Run(kind, fault=fault, workers=workers)


def _crashes() -> Iterator[Run]:
    for kind in CASES:
        for point in POINTS:
            for fault in FAULTS:
                for workers in (1, 2, 4):
                    yield Run(kind, point, "kill", fault, workers)
                    yield Run(kind, point, "stop", fault, workers)
                    if workers > 1:
                        yield Run(kind, point, "stop", fault, workers, "long")


def _reachable(run: Run) -> bool:
    return run.point != "after_look" or (run.fault is not None and run.kind not in LOOKED_AT_ONCE)


def sample(turn: int) -> list[Run]:
    """A run at each point, every other one killed or frozen; between `turn` 0 and 1 each point sees both.

    Kinds, faults and numbers of workers change from run to run.
    """
    return [_picked(place, point, turn) for place, point in enumerate(POINTS)]


def _picked(place: int, point: str, turn: int) -> Run:
    kind, fault = list(CASES)[(place + 3 * turn) % len(CASES)], FAULTS[(place + turn) % 4]
    if point == "after_look":
        kind, fault = ("payment", "refuse") if turn else ("void", "late")
    if (place + turn) % 2:
        return Run(kind, point, "stop", fault, 2, "long" if place % 4 == 1 else "short")
    return Run(kind, point, "kill", fault, 1 + place // 2 % 2)
