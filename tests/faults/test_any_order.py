"""Random lives of one location, modest here; `python -m tests.faults.lives EXAMPLES STEPS` goes on for longer."""

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.faults.machine import AnyOrder

pytestmark = [pytest.mark.faults, pytest.mark.slow]


def test_whatever_happens_in_whatever_order_both_books_agree_at_rest() -> None:
    calm = settings(
        max_examples=6, stateful_step_count=25, deadline=None, derandomize=True, database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    run_state_machine_as_test(AnyOrder, settings=calm)
