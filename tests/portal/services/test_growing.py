"""No question of the daily work passes over all that a location ever had: on SQLite each goes over an index that fits.

A database of three years answers it as fast as one of three days.
"""

import re
from collections.abc import Iterator

import pytest
from flask import Flask

from jobs import notices
from portal.services import due, looking_up, organisations
from tests.portal.services.harness import Stage, staged
from tests.support import plans
from tests.support.hoop import GST, line
from tests.support.xero import Xero

GROWING = (
    "invoices", "contacts", "lines", "payments", "refunds", "pushes", "links", "batches", "attempts",
    "inbound_events", "directory_contacts", "endings",
)  # fmt: skip
OWNERS = {"location_id", "connection_id", "tenant_id", "source_id", "document"}
STEP = re.compile(
    r"(SCAN|SEARCH(?=.* USING)) (?P<table>[a-z_]+?)(_\d+)?( USING .*?)?(?P<by>\(.*?\))?( LEFT-JOIN)?$"
)
COLUMN = re.compile(r"\w+(?=[=<>])")


@pytest.fixture
def stage(ground: Flask, sandbox: str, xero: Xero) -> Iterator[Stage]:
    with staged(ground, sandbox, xero) as made:
        yield made


def passing_over(asked: plans.Asked) -> set[tuple[str, str]]:
    """Steps that look at every row, or at every one of an owner, with their statements."""
    found = set()
    for step, statement in plans.steps(asked):
        said = STEP.match(step)
        if said and said["table"] in GROWING and set(COLUMN.findall(said["by"] or "")) <= OWNERS:
            found.add((step, statement))
    return found


def test_the_daily_work_asks_over_indexes_that_fit(stage: Stage) -> None:
    stage.map_all()
    organisations.refresh(stage.connection_id)
    with plans.listening() as asked:
        for _ in range(2):
            made = stage.hoop.create(line("Care plan", "100", "1", GST))
            stage.hoop.act(made["_id"], "pay", amount="110")
            stage.carry()
        other = stage.hoop.create(line("Workshop", "50", "1", GST))
        stage.carry()
        stage.hoop.act(other["_id"], "edit", due_date="2027-01-31")
        stage.carry()
        stage.hoop.act(other["_id"], "void")
        stage.carry()
        list(due.jobs(0))
        looking_up.look_up(stage.location_id)
        notices.look(stage.location_id)
    assert set(stage.states()) == {"sent"}
    assert passing_over(asked) == set()
