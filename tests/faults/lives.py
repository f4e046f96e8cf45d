"""Many random lives: `python -m tests.faults.lives EXAMPLES STEPS [SEED]`; the last line tells how many, in JSON.

A life that ends badly is told step by step and ends the run. With LIVES_SHRINK=1 it is first made as short as possible.
"""

import json
import logging
import os
import sys
import time
from collections import Counter
from typing import Any, ClassVar

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.faults import machine


class Counted(machine.AnyOrder):
    """Counts lives and steps over all examples."""

    seen: ClassVar[Counter[str]] = Counter()

    def check_invariants(self, *args: Any, **named: Any) -> None:
        """See the base class."""
        self.seen["steps"] += 1
        super().check_invariants(*args, **named)  # type: ignore[no-untyped-call]

    def teardown(self) -> None:
        """See the base class."""
        super().teardown()
        self.seen["lives"] += 1
        if self.seen["lives"] % 20 == 0:
            print(f"{self.seen['lives']} lives, {self.seen['steps']} steps", file=sys.stderr, flush=True)


def main(examples: str, steps: str, start: str = "") -> None:
    """Live so many lives of so many steps."""
    for name in ("", "werkzeug"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    began, first, wrong = time.monotonic(), int(start or os.getpid()), ""
    wanted = settings(
        max_examples=int(examples), stateful_step_count=int(steps), deadline=None, database=None,
        suppress_health_check=list(HealthCheck),
        phases=list(Phase) if os.environ.get("LIVES_SHRINK") == "1" else [Phase.generate],
    )  # fmt: skip
    try:
        run_state_machine_as_test(seed(first)(Counted), settings=wanted)
    except AssertionError as error:
        wrong = str(error)
        print("WRONG", wrong, *getattr(error, "__notes__", ()), sep="\n", file=sys.stderr, flush=True)
    minutes = round((time.monotonic() - began) / 60, 1)
    print(json.dumps({**Counted.seen, "seed": first, "minutes": minutes, "wrong": wrong}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
