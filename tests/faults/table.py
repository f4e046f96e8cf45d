"""Every operation × every fault that needs no process killed: what there is, and how one of them is played."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from unittest.mock import patch

from portal import failpoints
from tests.faults import cases
from tests.faults.cases import Case
from tests.faults.day import READ, Day
from tests.faults.runs import Verdict
from tests.support.proxy import TOXICS

LATE = 0.35
HOUR = 3600.0
AT_XERO = (
    "refuse", "hang", "hang-after", "lost_reply", "late", "slow", "500", "500-after", "503", "garbled", "truncated",
    "429-minute", "429-day", "429-concurrent", "token-expired", "403",
)  # fmt: skip
THEN_BLIND = ("500", "lost_reply", "garbled", "429-minute")
"""The answer is lost, and the first looks into Xero go wrong as well."""


def _kill(day: Day) -> None:
    day.shop.kill()


def _restart(day: Day) -> None:
    day.shop.kill()
    day.shop.up()


def _empty(day: Day) -> None:
    day.redis.flushall()


def _back(day: Day) -> None:
    day.set_back(HOUR)


def _forward(day: Day) -> None:
    day.set_back(-HOUR)


def _restart_database(day: Day) -> None:
    assert day.cluster
    day.cluster.restart()


EVENTS: dict[str, Callable[[Day], None]] = {
    "Valkey killed": _kill, "Valkey restarted": _restart, "Valkey emptied": _empty,
    "clock an hour back": _back, "clock an hour on": _forward, "database restarted": _restart_database,
}  # fmt: skip
WHEN = {"before sending": "after_stamp", "before the answer is recorded": "after_answer"}


@dataclass(frozen=True)
class Trial:
    """One operation under one fault. `event` happens at the point `when` names, `then` to the looks that follow."""

    kind: str
    fault: str = ""
    toxic: str = ""
    event: str = ""
    when: str = ""
    then: str = ""

    def __str__(self) -> str:
        words = [self.fault, self.toxic, self.event and f"{self.event} {self.when}"]
        return ", ".join([self.kind, *filter(None, words), *([f"then {self.then}"] if self.then else [])])


def trials(kinds: tuple[str, ...] = tuple(cases.ALL), *, postgres: bool = False) -> list[Trial]:
    """The whole table; the database's own restart only where there is a server to restart."""
    return [
        trial for kind in kinds for trial in _of(kind) if postgres or not trial.event.startswith("database")
    ]


def sample(turn: int, *, postgres: bool = False) -> list[Trial]:
    """Every other fault, each with one operation; turn 0 and 1 together try every fault, and every operation often."""
    kinds = list(cases.CASES)
    faults = [replace(trial, kind="") for trial in trials((kinds[0],), postgres=postgres)][turn::2]
    return [replace(trial, kind=kinds[(place * 3 + turn) % len(kinds)]) for place, trial in enumerate(faults)]


def _of(kind: str) -> Iterator[Trial]:
    yield from (Trial(kind, fault) for fault in AT_XERO)
    yield from (Trial(kind, "lost_reply", then=then) for then in THEN_BLIND)
    yield from (Trial(kind, toxic=toxic) for toxic in TOXICS)
    for event in EVENTS:
        for when in WHEN:
            yield from (Trial(kind, fault, event=event, when=when) for fault in ("", "lost_reply"))


def play(day: Day, trial: Trial) -> Verdict:
    """Carry the documents of a case under a fault; what the books say then. The day is usable again afterwards."""
    day.calm()
    case, verdict = cases.begin(day.stage, trial.kind), Verdict()
    with _armed(day, trial, case) as met:
        if not day.settle():
            verdict.wrong.append(f"stuck: {day.standing()}")
        day.arrived()
    day.wire.heal()
    day.shop.up()
    if trial.event.startswith("clock"):
        day.set_back(-HOUR if trial.event.endswith("back") else HOUR)
    verdict.tripped = bool(met)
    verdict.wrong += cases.complaints(day.stage, case)
    if verdict.wrong:
        day.give_up()
    return verdict


@contextmanager
def _armed(day: Day, trial: Trial, case: Case) -> Iterator[list[str]]:
    """The fault is set while this lasts; what it gives fills once the event has happened or the call was hit."""
    met: list[str] = []
    passed: list[str] = []

    def here(name: str) -> None:
        passed.append(name)
        if passed.count(name) != case.nth:
            return
        if trial.event and name == WHEN[trial.when]:
            met.append(name)
            EVENTS[trial.event](day)
        if trial.toxic == "down" and name in ("before_send", "after_answer"):
            met.append(name)
            (day.wire.down if name == "before_send" else day.wire.up)()

    _set(day, trial, case)
    before = day.stage.xero.last_call()
    with patch.object(failpoints, "here", here):
        yield met
    if trial.fault and any(call["fault"] == trial.fault for call in day.stage.xero.calls(since=before)):
        met.append(trial.fault)
    if trial.toxic and not day.wire.waiting():
        met.append(trial.toxic)


def _set(day: Day, trial: Trial, case: Case) -> None:
    if trial.fault == "late":
        day.late(case.path, case.method, LATE)
    elif trial.fault:
        seconds = READ * 1.5 if trial.fault.startswith("hang") else 0.1
        day.stage.xero.fault(trial.fault, case.path, method=case.method, seconds=seconds)
    if trial.then:
        day.stage.xero.fault(trial.then, "", method="GET", times=2)
    if trial.toxic and trial.toxic != "down":
        day.wire.spoil(trial.toxic, case.path, case.method)
