"""One fault run: a case, a fault on the network, a process killed or frozen at a point, and the books at the end."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from portal.services.unit import release
from tests.faults import SCALE, cases
from tests.faults.world import LATE, LEASE, World, state

PATIENCE = 12.0 * SCALE
ZOMBIE = 0.4 * SCALE
KEY_LIFE = 400
SLOW = 1.5 * SCALE


@dataclass(frozen=True)
class Run:
    """What is carried, where the first worker stops being well and how, what the network does, how many workers.

    `freeze` is `short` (past the lease) or `long` (until the others are done). With `forget_keys` Xero's clock
    jumps over the life of its idempotency keys, after the crash or else at the end. A late call arrives after
    `late` times the usual. `then` is what happens to the call after the faulty one; who is frozen wakes when it has
    left.
    """

    kind: str
    point: str | None = None
    action: str = "kill"
    fault: str | None = None
    workers: int = 1
    freeze: str = "short"
    mutant: str | None = None
    forget_keys: bool = False
    late: float = 1.0
    then: str | None = None

    def __str__(self) -> str:
        point = f"{self.action} {self.point}" if self.point else "no crash"
        words = [self.kind, point, self.fault or "network well", f"{self.workers} workers"]
        if self.action == "stop" and self.freeze == "long":
            words.append("frozen long")
        return ", ".join([*words, f"MUTANT {self.mutant}"] if self.mutant else words)


@dataclass
class Verdict:
    """What was wrong at the end (empty: nothing), whether the fail point was reached, and how long it took."""

    wrong: list[str] = field(default_factory=list)
    tripped: bool = False
    seconds: float = 0.0


def play(world: World, run: Run) -> Verdict:
    """Do one run. The world is usable again afterwards if nothing was wrong."""
    with world.stage.app.app_context():
        return _play(world, run)


def _play(world: World, run: Run) -> Verdict:
    world.calm()
    case = cases.begin(world.stage, run.kind, applied=run.point != "after_apply")
    if run.fault:
        world.stage.xero.fault(run.fault, case.path, method=case.method, seconds=run.late * LATE)
    if run.then:
        world.stage.xero.fault(run.then, case.path, method=case.method, seconds=SLOW)
    began = time.monotonic()
    verdict = Verdict()
    try:
        _act(world, run, verdict, case.nth)
        rested = _wait(world.at_rest, PATIENCE)
        _aftermath(world, run)
        if not rested or not _wait(world.at_rest, PATIENCE / 2):
            verdict.wrong.append(f"stuck: {world.standing()}")
    finally:
        world.hands.end()
    release()
    verdict.wrong += cases.complaints(world.stage, case)
    verdict.seconds = time.monotonic() - began
    return verdict


def _act(world: World, run: Run, verdict: Verdict, nth: int) -> None:
    once = run.point in ("after_lease", "before_resolve", "after_look")
    point = f"{run.point}:{run.action}:{1 if once else nth}" if run.point else ""
    first = world.hands.start(point, run.mutant)
    if run.workers == 1 and not run.point:
        return
    _wait(lambda: state(first) in ("gone", "Z", "T") or world.at_rest(), 4 * SCALE)
    verdict.tripped = state(first) in ("gone", "Z", "T")
    if run.forget_keys and run.point:
        world.stage.xero.advance(KEY_LIFE)
    left = world.last_left()
    others = run.workers if run.action == "kill" and run.point else run.workers - 1
    for _ in range(others):
        world.hands.start("", run.mutant)
    if run.action == "stop" and run.point and run.freeze == "short":
        time.sleep(LEASE * 1.5)
        if run.then:
            _wait(lambda: world.last_left() != left, PATIENCE)
        _thaw(first)


def _aftermath(world: World, run: Run) -> None:
    if run.action == "stop" and run.freeze == "long":
        for pid in world.hands.alive:
            _thaw(pid)
    if run.action == "stop" and run.point:
        time.sleep(ZOMBIE * 2 if run.mutant else ZOMBIE)
    if run.forget_keys and not run.point:
        world.stage.xero.advance(KEY_LIFE)
    if run.fault == "late":
        time.sleep(run.late * LATE + 0.1)


def _thaw(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


def _wait(is_so: Callable[[], object], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while not (answer := is_so()) and time.monotonic() < until:
        time.sleep(0.02 * SCALE)
    return bool(answer)
