"""The engine's harder days: what is unsure, refused, paused or taken back, seen in Xero's books."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from flask import Flask

from portal import clock
from portal.extensions import db
from portal.models import Connection, MappingKind, PushState
from portal.services import connections, draining, due, housekeeping, intake, leases, mappings, outbox
from portal.services.unit import release, transaction
from tests.portal.conftest import BOTH
from tests.portal.services.harness import Stage, staged
from tests.support.hoop import GST, line
from tests.support.xero import Xero

D = Decimal
pytestmark = pytest.mark.parametrize("database_url", BOTH, indirect=True)


@pytest.fixture
def stage(ground: Flask, sandbox: str, xero: Xero) -> Iterator[Stage]:
    with staged(ground, sandbox, xero) as made:
        made.map_all()
        yield made


def plan() -> dict[str, object]:
    return line("Care plan", "150", "2", GST)


def later(stage: Stage, seconds: float) -> None:
    release()
    with time_machine.travel(clock.now() + timedelta(seconds=seconds), tick=True):
        stage.carry()


def test_a_server_error_is_not_hammered(stage: Stage) -> None:
    stage.xero.fault("500", "Invoices", method="PUT", times=50)
    stage.hoop.create(plan())
    for _ in range(5):
        stage.carry()
    assert len(stage.xero.calls("Invoices")) == 1
    stage.xero.mend()
    later(stage, 70)
    later(stage, 300)
    assert stage.states() == {"sent": 2}
    assert len(stage.invoices()) == 1


def test_an_invoice_voided_before_it_was_sent_never_goes_and_leaves_nothing_waiting(stage: Stage) -> None:
    connections.pause(stage.location_id, stage.person.user)
    made = stage.hoop.create(plan())
    stage.carry()
    stage.hoop.act(made["_id"], "void")
    stage.carry()
    connections.resume(stage.location_id, stage.person.user)
    stage.carry()
    assert stage.invoices() == []
    assert stage.states() == {"sent": 1, "cancelled": 1}


def test_an_invoice_voided_while_its_sending_is_unsure_is_voided_in_xero(stage: Stage) -> None:
    stage.xero.fault("lost_reply", "Invoices", method="PUT")
    made = stage.hoop.create(plan())
    stage.carry()
    stage.hoop.act(made["_id"], "void")
    stage.carry()
    later(stage, 5)
    assert [each["Status"] for each in stage.invoices()] == ["VOIDED"]
    assert due.connections() == []


def test_nothing_leaves_while_the_connection_is_paused(stage: Stage) -> None:
    connections.pause(stage.location_id, stage.person.user)
    stage.hoop.create(plan())
    stage.carry()
    assert stage.invoices() == []
    connections.resume(stage.location_id, stage.person.user)
    stage.carry()
    assert len(stage.invoices()) == 1


def test_a_locked_period_is_found_without_a_call_and_retry_reads_the_lock_date_again(stage: Stage) -> None:
    stage.xero.change(stage.tenant_id, period_lock_date=(clock.now() + timedelta(days=3)).date().isoformat())
    with transaction() as session:
        session.get_one(Connection, stage.connection_id).facts_fetched_at = None
    stage.hoop.create(plan())
    stage.carry()
    (push,) = stage.pushes("invoice")
    assert (push.state, push.cause) == (PushState.BLOCKED, "lock")
    assert stage.xero.calls("Invoices") == []
    stage.xero.change(stage.tenant_id, period_lock_date=None)
    assert outbox.retry([push.id], stage.person.user, stage.location_id) == 1
    stage.carry()
    assert len(stage.invoices()) == 1


def test_an_archived_account_blocks_before_any_call_and_another_choice_frees(stage: Stage) -> None:
    stage.xero.change_account(stage.tenant_id, "200", Status="ARCHIVED")
    with transaction() as session:
        session.get_one(Connection, stage.connection_id).facts_fetched_at = None
    stage.hoop.create(plan())
    stage.carry()
    (push,) = stage.pushes("invoice")
    assert push.state == PushState.BLOCKED
    assert "200" in (push.message or "")
    chosen = {(MappingKind.DEFAULT, "account"): "215"}
    assert mappings.save(stage.location_id, stage.person.user, chosen).freed == 1
    stage.carry()
    (invoice,) = stage.invoices()
    assert invoice["LineItems"][0]["AccountCode"] == "215"


def test_an_account_archived_behind_our_back_is_refused_once_then_known_and_another_choice_frees(
    stage: Stage,
) -> None:
    stage.xero.change_account(stage.tenant_id, "200", Status="ARCHIVED")
    stage.hoop.create(plan())
    stage.carry()
    (push,) = stage.pushes("invoice")
    assert (push.state, push.failure) == (PushState.BLOCKED, "mapping")
    assert (push.cause or "").startswith("account:")
    release()
    housekeeping.facts(stage.connection_id)
    stage.carry()
    assert len([call for call in stage.xero.calls("Invoices") if call["method"] == "PUT"]) == 1
    chosen = {(MappingKind.DEFAULT, "account"): "215"}
    assert mappings.save(stage.location_id, stage.person.user, chosen).freed == 1
    stage.carry()
    assert [each["Status"] for each in stage.invoices()] == ["AUTHORISED"]


def test_skipping_an_invoice_skips_its_payment_and_retrying_brings_both(stage: Stage) -> None:
    connections.pause(stage.location_id, stage.person.user)
    made = stage.hoop.create(plan())
    stage.hoop.act(made["_id"], "pay", method="card")
    stage.carry()
    (push,) = stage.pushes("invoice")
    assert outbox.skip([push.id], stage.person.user, stage.location_id) == 1
    connections.resume(stage.location_id, stage.person.user)
    stage.carry()
    assert (stage.invoices(), stage.states()) == ([], {"sent": 1, "skipped": 2})
    assert outbox.retry([push.id], stage.person.user, stage.location_id) == 1
    stage.carry()
    assert [each["Status"] for each in stage.invoices()] == ["PAID"]


def test_an_expired_token_in_the_middle_is_renewed_and_nobody_notices(stage: Stage) -> None:
    stage.xero.fault("token-expired", "Invoices", method="PUT")
    stage.hoop.create(plan())
    stage.carry()
    assert len(stage.invoices()) == 1
    assert stage.states() == {"sent": 2}
    found = connections.of(stage.location_id)
    assert found is not None
    assert found.live


def test_a_worker_with_an_old_lease_writes_nothing(stage: Stage) -> None:
    stage.heard()
    old = leases.take(stage.connection_id)
    assert old is not None
    with time_machine.travel(clock.now() + timedelta(seconds=40), tick=True):
        new = leases.take(stage.connection_id)
        assert new == old + 1
        with pytest.raises(leases.LeaseLost), transaction() as session:
            leases.hold(session, stage.connection_id, old)
        leases.release(stage.connection_id, old)
        assert leases.take(stage.connection_id) is None


def test_of_many_who_want_a_connection_at_once_one_gets_it(stage: Stage) -> None:
    app = stage.app
    got: list[int] = []

    def contend() -> None:
        with app.app_context():
            for _ in range(15):
                fence = leases.take(stage.connection_id)
                if fence is not None:
                    got.append(fence)
            db.session.remove()

    crowd = [threading.Thread(target=contend) for _ in range(4)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()
    assert len(got) == 1


def test_a_clock_that_jumped_back_holds_no_connection(stage: Stage) -> None:
    with time_machine.travel(clock.now() + timedelta(hours=5), tick=True):
        assert leases.take(stage.connection_id) is not None
    assert leases.take(stage.connection_id) is not None


def test_a_hundred_paid_invoices_go_in_full_batches(stage: Stage) -> None:
    before = len(stage.xero.calls())
    stage.hoop.bulk(100, contacts=100, paid=True)
    stage.heard()
    intake.apply()
    for _ in range(3):
        draining.drain(stage.connection_id)
        release()
    assert stage.states() == {"sent": 300}
    assert {each["Status"] for each in stage.invoices()} == {"PAID"}
    writes = [call for call in stage.xero.calls()[before:] if call["method"] != "GET"]
    assert len(writes) == 6


def test_one_broken_document_does_not_stop_the_connection(stage: Stage) -> None:
    made = stage.hoop.create(plan(), number="9001")
    stage.heard()
    intake.apply()
    (push,) = stage.pushes("invoice")
    with transaction() as session:
        row = session.get_one(type(push), push.id)
        row.document_id = 999_999
    stage.hoop.create(plan(), number="9002")
    stage.carry()
    assert [each["InvoiceNumber"] for each in stage.invoices()] == ["9002"], made
    (first, _) = stage.pushes("invoice")
    assert (first.state, first.failure) == (PushState.BLOCKED, "bug")
    assert db.session.get_one(Connection, stage.connection_id).live
