"""The drain as a pipeline: five in the air, full batches, one bad element, and what breaks on our side."""

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from portal import bell, clock
from portal.extensions import db
from portal.models import Connection, Document, Operation, Push, PushState
from portal.services import batching, draining, due, intake, landing, readiness
from portal.services.unit import release, transaction
from portal.xero import payloads
from portal.xero.client import XeroClient
from portal.xero.errors import Rejected
from tests.portal.services.harness import Stage, staged
from tests.support.hoop import GST, line
from tests.support.xero import Xero


@pytest.fixture
def stage(ground: Flask, sandbox: str, xero: Xero) -> Iterator[Stage]:
    with staged(ground, sandbox, xero) as made:
        made.map_all()
        yield made


def plan(name: str = "Care plan") -> dict[str, object]:
    return line(name, "150", "2", GST)


def test_payments_leave_while_other_invoices_are_in_the_air_and_every_batch_is_full(stage: Stage) -> None:
    """The first invoices are held back at the door until a payment has passed it: rounds would wait in vain."""
    write, paid, met, first = XeroClient.write, threading.Event(), [], iter([True])

    def held(self: XeroClient, method: str, path: str, body: bytes, key: str, **more: Any) -> Any:
        if "Payments" in path:
            paid.set()
        elif "Invoices" in path and next(first, False):
            met.append(paid.wait(20))
        return write(self, method, path, body, key, **more)

    before = stage.xero.last_call()
    stage.hoop.bulk(18, contacts=3, paid=True)
    stage.heard()
    intake.apply()
    small = (patch.object(payloads, "MAX_ELEMENTS", 3), patch.object(batching, "MOST", 15))
    alone = patch.object(bell, "anybody_waits", return_value=False)
    with small[0], small[1], alone, patch.object(XeroClient, "write", held):
        draining.drain(stage.connection_id)
    assert met == [True]
    assert stage.states() == {"sent": 39}
    assert {each["Status"] for each in stage.invoices()} == {"PAID"}
    made = [each for each in stage.xero.calls("/api.xro/", before) if each["method"] == "PUT"]
    assert Counter(each["path"].rpartition("/")[2] for each in made) == {
        "Contacts": 1,
        "Invoices": 6,
        "Payments": 6,
    }


def test_a_new_invoice_does_not_wait_for_the_contacts_of_a_backlog(stage: Stage) -> None:
    stage.hoop.create(plan(), number="KNOWN")
    stage.carry()
    before = stage.xero.last_call()
    stage.hoop.bulk(24, contacts=24)
    stage.hoop.create(plan(), number="NEW")
    stage.heard()
    intake.apply()
    small = (patch.object(payloads, "MAX_ELEMENTS", 2), patch.object(batching, "MOST", 10))
    with small[0], small[1], patch.object(bell, "anybody_waits", return_value=False):
        draining.drain(stage.connection_id)
        draining.drain(stage.connection_id)
    assert set(stage.states()) == {"sent"}
    made = [each for each in stage.xero.calls("/api.xro/", before) if each["method"] == "PUT"]
    assert len(made) <= 26
    in_order = [each["InvoiceNumber"] for each in stage.invoices()]
    assert in_order.index("NEW") < 13


def test_a_batch_that_is_refused_as_a_whole_is_halved_until_the_one_that_spoils_it_stands_alone(
    stage: Stage,
) -> None:
    write = XeroClient.write

    def picky(self: XeroClient, method: str, path: str, body: bytes, key: str, **more: Any) -> Any:
        if b"poison" in body:
            raise Rejected("Xero refused the request.", status=400, messages=["Something in here is wrong."])
        return write(self, method, path, body, key, **more)

    for number in range(7):
        stage.hoop.create(plan("poison" if number == 4 else "Care plan"), number=f"77{number}")
    with patch.object(XeroClient, "write", picky):
        stage.carry()
        stage.carry()
    assert len(stage.invoices()) == 6
    (bad,) = [push for push in stage.pushes("invoice") if push.state == PushState.BLOCKED]
    assert "Something in here is wrong." in (bad.message or "")


def test_what_breaks_while_an_answer_is_read_is_seen_and_looked_up_before_anything_goes_again(
    stage: Stage,
) -> None:
    made = stage.hoop.create(plan())
    stage.hoop.act(made["_id"], "pay", method="card")
    with patch.object(landing, "_reckon_paid", side_effect=KeyError("a bug of ours")):
        stage.carry()
        (push,) = stage.pushes("payment")
        assert (push.state, push.failure) == (PushState.WAITING, "bug")
        for minutes in (4, 9):
            _later(stage, minutes)
    assert [push.failure for push in stage.pushes("payment")] == ["bug"]
    assert len(stage.xero.calls("Payments")) == 1
    _later(stage, 30)
    assert stage.states() == {"sent": 3}
    assert len(stage.payments()) == 1


def test_an_unforeseen_error_elsewhere_lets_the_connection_rest_instead_of_trying_every_second(
    stage: Stage,
) -> None:
    stage.hoop.create(plan())
    stage.heard()
    intake.apply()
    with (
        patch("portal.services.planning.Plan.write", side_effect=KeyError("a bug of ours")),
        pytest.raises(KeyError),
    ):
        draining.drain(stage.connection_id)
    row = db.session.get_one(Connection, stage.connection_id)
    assert (row.rest_reason, row.stumbles, due.connections()) == ("bug", 1, [])
    _later(stage, 1)
    assert len(stage.invoices()) == 1


def test_of_a_backlog_the_newest_need_not_wait_for_all_others(stage: Stage) -> None:
    stage.hoop.bulk(24, contacts=24)
    stage.heard()
    intake.apply()
    with transaction() as session:
        pushes = session.scalars(
            select(Push).where(Push.document == Document.CONTACT).order_by(Push.id)
        ).all()
        for push in pushes[:-1]:
            push.updated_at -= timedelta(hours=1)
        ids = [push.id for push in pushes]
    release()
    kind = (Document.CONTACT, Operation.CREATE)
    chosen = [push.id for push in readiness.due(db.session(), stage.location_id, stage.tenant_id, *kind, 10)]
    assert chosen == [ids[-1], *ids[:9]]


def test_a_payment_that_waits_for_its_invoice_is_no_failure(stage: Stage) -> None:
    stage.xero.fault("503", "Invoices", method="PUT")
    made = stage.hoop.create(plan())
    stage.hoop.act(made["_id"], "pay", method="card")
    stage.carry()
    (push,) = stage.pushes("payment")
    assert (push.state, push.failure, push.tries) == (PushState.QUEUED, None, 0)


def _later(stage: Stage, minutes: float) -> None:
    release()
    with time_machine.travel(clock.now() + timedelta(minutes=minutes), tick=True):
        stage.carry()
    release()
