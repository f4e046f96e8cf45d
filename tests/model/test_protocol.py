"""Every reachable state of the push protocol: never twice, never called sent without being there, never stuck."""

import pytest

from tests.model.checker import Finding, explore
from tests.model.protocol import Protocol, State, safe, settled, truthful

GUARDS = {
    "no write-ahead": "safe",
    "time-out taken as failure": "safe",
    "no quiet time": "safe",
    "no fence": "safe",
    "no stamp": "safe",
    "no send deadline": "safe",
    "payment re-sent under the same key": "safe",
    "acknowledged before sending": "truthful",
}


def checked(natural: bool, without: str | None = None) -> Finding[State]:
    protocol = Protocol(natural=natural, without=without)
    return explore(State(), protocol.steps, {"safe": safe, "truthful": truthful}, settled)


@pytest.mark.parametrize("natural", [True, False], ids=["invoice", "payment"])
def test_the_protocol_is_safe_truthful_and_live(natural: bool) -> None:
    finding = checked(natural)
    assert finding.broken is None, "\n".join(finding.story)
    assert finding.states > 1_000


@pytest.mark.parametrize("guard", GUARDS)
def test_for_payments_each_guard_is_needed(guard: str) -> None:
    finding = checked(natural=False, without=guard)
    assert finding.broken == GUARDS[guard], finding.story


def test_invoices_are_kept_single_by_their_numbers_but_not_true_when_acknowledged_early() -> None:
    assert checked(natural=True, without="acknowledged before sending").broken == "truthful"
