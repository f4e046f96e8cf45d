"""The API against its own description: schemathesis makes requests up, good and bad, and looks at the answers."""

import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.portal.api.conftest import key_to
from tests.support.portal import HARBOUR

EXAMPLES = 4
QUIET = settings(
    max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


def test_every_answer_is_as_described_and_bad_requests_are_refused(shop: Flask) -> None:
    program = key_to(shop, HARBOUR, "Schemathesis")
    described = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", shop)
    operations = [found.ok() for found in described.get_all_operations()]
    assert len(operations) >= 9
    for operation in operations:
        _ask(operation, GenerationMode.POSITIVE, program.secret)
        if list(operation.iter_parameters()) or operation.body:
            _ask(operation, GenerationMode.NEGATIVE, program.secret)


def _ask(operation: APIOperation, mode: GenerationMode, secret: str) -> None:
    """A cursor, an account or a day may have the right shape and yet be none that will do: that is refused too."""
    names = {parameter.name for parameter in operation.iter_parameters()}
    free = "cursor" in names or operation.label in ("PUT /mappings", "POST /reconciliation")
    but = [positive_data_acceptance] if free else []

    @QUIET
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Case) -> None:
        case.call_and_validate(headers={"Authorization": f"Bearer {secret}"}, excluded_checks=but)

    ask()
