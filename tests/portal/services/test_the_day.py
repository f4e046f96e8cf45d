"""The day's calls: a backlog stops early, what people wait for goes on, look-ups have the last of it."""

from collections.abc import Iterator
from datetime import timedelta
from unittest.mock import patch

import pytest
import time_machine
from flask import Flask

from portal import bell, clock
from portal.extensions import db
from portal.models import Connection, PushState
from portal.services import batching, calling, draining, due, intake, outbox, saying
from portal.services.unit import release
from portal.xero import payloads
from tests.portal.services.harness import Stage, staged
from tests.support.hoop import GST, line
from tests.support.xero import Xero

DAY, FOR_PEOPLE, FOR_LOOKS = 1000, 100, 20


@pytest.fixture
def stage(ground: Flask, sandbox: str, xero: Xero) -> Iterator[Stage]:
    xero.limits(day=DAY)
    with staged(ground, sandbox, xero) as made:
        made.map_all()
        yield made


@pytest.fixture
def stopped(stage: Stage) -> Iterator[Stage]:
    """A backlog of 20 invoices that stopped in its midst, a hundred calls before the end of the day."""
    with patch.object(payloads, "MAX_ELEMENTS", 2), patch.object(batching, "MOST", 10):
        stage.hoop.bulk(20, contacts=20)
        stage.heard()
        intake.apply()
        stage.xero.limits(day=FOR_PEOPLE + 8)
        draining.drain(stage.connection_id)
        yield stage


def bill(stage: Stage, contact: str, number: str) -> None:
    """A single new invoice, for a contact that the portal does not know yet."""
    stage.hoop.create(line("Care plan", "150", "2", GST), number=number, contact={"name": contact})
    stage.heard()
    intake.apply()


def numbers(stage: Stage) -> set[str]:
    return {each["InvoiceNumber"] for each in stage.invoices()}


def connection(stage: Stage) -> Connection:
    release()
    return db.session.get_one(Connection, stage.connection_id)


def test_a_backlog_leaves_a_tenth_of_the_day_and_says_until_when_it_waits(stopped: Stage) -> None:
    states = stopped.states()
    left = calling.left(stopped.tenant_id)
    assert left is not None
    assert left.day in (FOR_PEOPLE, FOR_PEOPLE - 1), "one call more asks whether a new day has begun"
    assert 0 < states["queued"] < 40
    assert "sending" not in states
    row = connection(stopped)
    assert row.day_used_until is not None
    assert row.day_used_until > clock.now()
    assert due.connections() == []
    waits = next(push for push in stopped.pushes("contact") if push.state == PushState.QUEUED)
    look = saying.state(waits, saying.around(waits.location, row, [waits]))
    assert look.word.startswith("Waiting for the limit until ")


def test_a_new_invoice_and_a_retry_by_hand_go_before_the_day_is_over(stopped: Stage) -> None:
    bill(stopped, "Juniper Bakery", "NEW-1")
    assert due.connections() == [stopped.connection_id]
    draining.drain(stopped.connection_id)
    assert "NEW-1" in numbers(stopped)
    assert due.connections() == []

    waits = next(push for push in stopped.pushes("contact") if push.state == PushState.QUEUED)
    outbox.skip([waits.id], stopped.person.user, stopped.location_id)
    outbox.retry([waits.id], stopped.person.user, stopped.location_id)
    draining.drain(stopped.connection_id)
    release()
    assert PushState(next(p.state for p in stopped.pushes("contact") if p.id == waits.id)) == PushState.SENT
    assert stopped.states()["queued"] > 10


def test_the_last_calls_are_for_looking_up_and_the_next_day_all_of_it_goes(stopped: Stage) -> None:
    stopped.xero.fault("lost_reply", "Invoices", method="PUT")
    bill(stopped, "Juniper Bakery", "NEW-1")
    draining.drain(stopped.connection_id)
    assert stopped.states()["waiting"] == 1
    stopped.xero.limits(day=FOR_LOOKS - 5)
    bill(stopped, "Quince & Co", "NEW-2")
    draining.drain(stopped.connection_id)
    before = stopped.xero.last_call()
    bill(stopped, "Rowan Books", "NEW-3")
    draining.drain(stopped.connection_id)
    assert due.connections() == []
    assert stopped.xero.calls("/api.xro/", before) == []

    with time_machine.travel(clock.now() + timedelta(minutes=10), tick=True):
        draining.drain(stopped.connection_id)
        assert "waiting" not in stopped.states()
        assert due.connections() == []
    bell.client().flushall()
    stopped.xero.limits(day=DAY)
    with time_machine.travel(clock.now() + timedelta(hours=25), tick=True):
        assert due.connections() == [stopped.connection_id]
        for _ in range(4):
            draining.drain(stopped.connection_id)
    assert set(stopped.states()) == {"sent"}
    assert len(stopped.invoices()) == 23
    assert len(numbers(stopped)) == 23
