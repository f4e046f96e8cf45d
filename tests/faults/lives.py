"""Many random lives: `python -m tests.faults.lives EXAMPLES STEPS [SEED]`; says how many there were and of what.

A life that ends badly is made as short as possible and shown.
"""

import logging
import os
import sys
import time
from collections import Counter
from typing import ClassVar

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.faults import machine


class Counted(machine.AnyOrder):
    """Counts lives and steps over all examples."""

    seen: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.seen["lives"] += 1

    def check_invariants(self, settings: object, output: object, runtimes: object) -> None:
        """See the base class."""
        self.seen["steps"] += 1
        super().check_invariants(settings, output, runtimes)  # type: ignore[no-untyped-call]


def main(examples: str, steps: str, start: str = "") -> None:
    """Live so many lives of so many steps."""
    for name in ("", "werkzeug"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    began, first = time.monotonic(), int(start or os.getpid())
    phases = [Phase.generate] if os.environ.get("LIVES_SHRINK") == "0" else list(Phase)
    wanted = settings(
        max_examples=int(examples), stateful_step_count=int(steps), deadline=None, database=None,
        suppress_health_check=list(HealthCheck), phases=phases,
    )  # fmt: skip
    try:
        run_state_machine_as_test(seed(first)(Counted), settings=wanted)
    finally:
        minutes = (time.monotonic() - began) / 60
        print(f"{dict(Counted.seen)}, seed {first}, {minutes:.1f} minutes", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
