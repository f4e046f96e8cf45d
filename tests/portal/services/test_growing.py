"""No question of the daily work passes over all that a location ever had: on SQLite each goes over an index that fits.

A database of three years answers it as fast as one of three days.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask import Flask
from sqlalchemy import event

from jobs import housekeeping, notices
from portal.extensions import db
from portal.services import due, looking_up, organisations
from portal.services.unit import release
from tests.portal.services.harness import Stage, staged
from tests.support.hoop import GST, line
from tests.support.xero import Xero

GROWING = (
    "invoices", "contacts", "lines", "payments", "refunds", "pushes", "links", "batches", "attempts",
    "inbound_events", "directory_contacts", "endings",
)  # fmt: skip
OWNERS = {"location_id", "connection_id", "tenant_id", "source_id", "document"}
STEP = re.compile(r"^(SCAN|SEARCH) ([a-z_]+?)(_\d+)? USING.*?(\(.*?\))?( LEFT-JOIN)?$")
Asked = dict[str, object]


@pytest.fixture
def stage(ground: Flask, sandbox: str, xero: Xero) -> Iterator[Stage]:
    with staged(ground, sandbox, xero) as made:
        yield made


@contextmanager
def listening() -> Iterator[Asked]:
    """Every question and change but inserts, with what was asked for."""
    asked: Asked = {}

    def hear(
        _line: object, _cursor: object, statement: str, values: object, _context: object, many: bool
    ) -> None:
        if not many and statement.split()[0] in ("SELECT", "UPDATE", "DELETE"):
            asked.setdefault(statement, values)

    event.listen(db.engine, "before_cursor_execute", hear)
    yield asked
    event.remove(db.engine, "before_cursor_execute", hear)


def passing_over(asked: Asked) -> set[tuple[str, str]]:
    """Steps of SQLite's plans that look at every row, or at every one of an owner, with their statements."""
    line = db.session.connection()
    found = set()
    for statement, values in asked.items():
        for row in line.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values):  # type: ignore[arg-type]
            step = STEP.match(str(row[-1]))
            if step and step[2] in GROWING and set(re.findall(r"\w+(?=[=<>])", step[4] or "")) <= OWNERS:
                found.add((step[0], statement))
    release()
    return found


def test_the_daily_work_asks_over_indexes_that_fit(stage: Stage) -> None:
    stage.map_all()
    organisations.refresh(stage.connection_id)
    with listening() as asked:
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
        housekeeping.forget()
    assert set(stage.states()) == {"sent"}
    assert passing_over(asked) == set()
