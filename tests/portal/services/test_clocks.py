"""How far our clocks are from Xero's, told by its answers from threads that know no app."""

import threading
from datetime import timedelta

import pytest
from flask import Flask

from portal import clock
from portal.services import checks, clocks, heartbeats
from portal.xero.left import LimitsLeft
from tests.support import portal


@pytest.mark.parametrize(("behind", "verdict"), [(0, "ok"), (9, "warn"), (90, "bad")])
def test_a_clock_that_is_off_is_told(ground: Flask, behind: int, verdict: str) -> None:
    clocks._heard.clear()
    told = clock.now() + timedelta(seconds=behind)
    thread = threading.Thread(target=clocks.note, args=[told])
    thread.start()
    thread.join()
    heartbeats.beat("worker:elsewhere:1", "worker")
    clocks._heard.clear()
    found = next(check for check in checks.run(portal.location()) if check.name == "Clock")
    assert found.verdict == verdict
    assert ("behind" in found.sentence) is (behind > 0)


def test_xeros_answers_tell_its_time() -> None:
    left = LimitsLeft.from_headers({"Date": "Fri, 27 Nov 2026 09:00:00 GMT", "X-MinLimit-Remaining": "59"})
    assert left.told_at is not None
    assert left.told_at.isoformat() == "2026-11-27T09:00:00+00:00"
    assert LimitsLeft.from_headers({"Date": "yesterday"}).told_at is None


@pytest.mark.parametrize(
    ("jobs", "verdict", "told"),
    [((0, 2), "ok", "2 workers are alive."), ((0, 7), "warn", "the last 7 jobs of 1 of them failed"),
     ((3, 7), "bad", "2 workers are alive, but the last 7 jobs failed.")],
)  # fmt: skip
def test_a_worker_whose_jobs_all_fail_is_told(
    ground: Flask, jobs: tuple[int, int], verdict: str, told: str
) -> None:
    for number, failing in enumerate(jobs):
        heartbeats.beat(f"worker:here:{number}", "worker", failing=failing)
    found = next(check for check in checks.processes() if check.name == "Worker")
    assert found.verdict == verdict
    assert told in found.sentence
