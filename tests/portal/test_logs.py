"""Logs: one JSON line an event, no secret in it."""

import json
import logging

import pytest

from portal.logs import JsonLine, scrub


def test_a_record_is_one_line_of_json_with_its_ids() -> None:
    record = logging.makeLogRecord(
        {"msg": "drain.stumbled", "levelname": "WARNING", "name": "portal", "connection": 7}
    )
    line = JsonLine().format(record)
    assert "\n" not in line
    assert {"event": "drain.stumbled", "connection": 7, "level": "warning"}.items() <= json.loads(
        line
    ).items()


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer canary42",
        '{"refresh_token": "canary42"}',
        "grant_type=x&refresh_token=canary42&client_secret=canary42",
        "/callback?code=canary42&state=s",
    ],
)
def test_what_looks_like_a_secret_is_blacked_out(text: str) -> None:
    assert "canary42" not in scrub(text)
