"""`manage.py bench fair`: a thousand organisations in virtual time, and five hundred at 2, 4 and 8 real workers.

FAIR_PARTS (`simulated,real`) sets which of the two, FAIR_ORGANISATIONS (500) and FAIR_WORKERS (`2,4,8`) the second.
Its workers stand in two pools, each with a ticker of its own, as on two machines, over one PostgreSQL and one Valkey.
"""

import logging
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

from portal import clock
from tests.bench import quarter
from tests.bench.ground import Ground, ground
from tests.model import fairness
from tests.support import postgres, valkey
from tests.support.servers import wait_until

Row = dict[str, Any]
SIZES = ((1, 20_000), (50, 200), (949, 2))
SLOTS, TAKES = 16, 2.0
BACKLOGS = ((3, 1_500), (47, 60), (450, 1))
SERVICE = 0.4


def main() -> list[Row]:
    """A row a way of working, and a row a number of workers."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    parts = os.environ.get("FAIR_PARTS", "simulated,real").split(",")
    return [*(_simulated() if "simulated" in parts else []), *(_real() if "real" in parts else [])]


def _simulated() -> list[Row]:
    calls, program = fairness.shuffled(SIZES), valkey.binary()
    assert program, "no Valkey"
    with (
        tempfile.TemporaryDirectory() as folder,
        valkey.valkey(program) as url,
        fairness.street(Path(folder), url, calls, SLOTS, TAKES) as street,
    ):
        street.turns(900)
        ours = [street.done.get(place, float("inf")) for place in range(1, len(calls) + 1)]
    asleep = fairness.sleeping(calls, SLOTS, TAKES)
    case = f"1,000 organisations, {SLOTS} workers, {TAKES:g} s a call, simulated"
    return [
        {"case": case, "way": way, **_spread(ends, calls)}
        for way, ends in (("workers sleep until the quota lets them", asleep), ("as it is built", ours))
    ]  # fmt: skip


def _spread(ends: Sequence[float], calls: Sequence[int]) -> Row:
    small = [end for end, size in zip(ends, calls, strict=True) if size == 2]
    middle = [end for end, size in zip(ends, calls, strict=True) if size == 200]
    return {
        "small p50 s": round(fairness.percentile(small, 0.5)), "small p99 s": round(fairness.percentile(small, 0.99)),
        "target": 130, "middle max s": round(max(middle)),
    }  # fmt: skip


def _real() -> list[Row]:
    programs = postgres.programs()
    assert programs, "no PostgreSQL programs"
    many = int(os.environ.get("FAIR_ORGANISATIONS", "500"))
    rows = []
    with postgres.cluster(programs) as cluster, ground(cluster.url(cluster.create())) as here:
        streets = quarter.settle(here, many)
        here.stage.xero.service_time(SERVICE)
        for workers in map(int, os.environ.get("FAIR_WORKERS", "2,4,8").split(",")):
            rows.append(_round(here, streets, workers))
    return rows


def _round(here: Ground, streets: Sequence[quarter.Shop], workers: int) -> Row:
    sizes = _sizes(len(streets))
    here.fresh_windows()
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(here.workers(workers // 2))
        seen, used = here.stage.xero.last_call(), quarter.cpu()
        moment, began = clock.now(), time.monotonic()
        quarter.load(here, streets, sizes, f"{workers}")
        wait_until(lambda: here.open() == 0, 1_200, "all backlogs")
        took, used = time.monotonic() - began, quarter.cpu() - used
    ends = quarter.ends(streets, moment)
    calls = here.stage.xero.calls(since=seen)
    groups = {
        size: [end for end, each in zip(ends, sizes, strict=True) if each == size] for size in set(sizes)
    }
    return {
        "case": f"{len(streets)} organisations over two pools", "workers": workers, "seconds": round(took, 1),
        "calls": len(calls), "calls/s": round(len(calls) / took, 1), "CPU s of the box": round(used, 1),
        **{
            f"backlog {size}: p50/p99 s": f"{fairness.percentile(all_, 0.5):.1f}/{fairness.percentile(all_, 0.99):.1f}"
            for size, all_ in sorted(groups.items())
        },
        "most at once": most_at_once(calls), "429": sum(call["status"] == 429 for call in calls),
    }  # fmt: skip


def _sizes(many: int) -> list[int]:
    whole = sum(count for count, _ in BACKLOGS)
    scaled = [(max(1, count * many // whole), size) for count, size in BACKLOGS[:-1]]
    rest = many - sum(count for count, _ in scaled)
    return fairness.shuffled([*scaled, (rest, BACKLOGS[-1][1])])


def most_at_once(calls: Sequence[Row]) -> int:
    """The most calls that any organisation saw at the same time."""
    changes: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for call in calls:
        end = datetime.fromisoformat(call["at"]).timestamp()
        changes[call["tenant"]] += [(end - call["ms"] / 1000, 1), (end, -1)]
    most = 0
    for each in changes.values():
        running = 0
        for _, change in sorted(each):
            running += change
            most = max(most, running)
    return most
