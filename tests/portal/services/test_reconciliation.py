"""HoopAI's documents beside Xero's books: what agrees, what differs and why, over real HTTP to both stand-ins."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from portal import bell, clock
from portal.extensions import db
from portal.models import Difference, Reconciliation, RunState, XeroSeen
from portal.services import connections, intake, organisations, outbox, reconciliation, reconciling, tallies
from portal.services.unit import release
from tests.portal.conftest import EITHER
from tests.portal.services.harness import Stage, staged
from tests.support.hoop import GST, line
from tests.support.xero import Xero

pytestmark = pytest.mark.parametrize("database_url", EITHER, indirect=True)

D = Decimal


@pytest.fixture
def stage(ground: Flask, sandbox: str, xero: Xero) -> Iterator[Stage]:
    with staged(ground, sandbox, xero) as made:
        made.map_all()
        yield made


def run(stage: Stage) -> Reconciliation:
    """Reconcile to the end; the run."""
    run_id = reconciliation.start(stage.location_id, stage.person.user)
    release()
    assert reconciliation.go_on(stage.location_id)
    release()
    found = reconciliation.one(stage.location_id, run_id)
    assert (found.state, found.message) == (RunState.DONE, None)
    assert db.session.scalars(select(XeroSeen)).all() == []
    return found


def told(run: Reconciliation) -> list[tuple[str, str, str | None, str | None]]:
    """Document, kind and both sides of each difference."""
    rows = db.session.scalars(select(Difference).where(Difference.run_id == run.id).order_by(Difference.id))
    return [(str(row.document), str(row.kind), row.ours, row.theirs) for row in rows]


def test_books_that_agree_say_so_with_the_moment_and_the_same_sums_on_both_sides(stage: Stage) -> None:
    first = stage.hoop.create(line("Care plan", "150", "2", GST))
    stage.hoop.create(line("Workshop", "200", "1", GST))
    stage.carry()
    stage.hoop.act(first["_id"], "pay", amount="110", method="card", provider="stripe")
    stage.carry()
    stage.xero.type_in(stage.tenant_id, "Invoices", by_hand("B-1"))
    before = len(stage.xero.calls())
    done = run(stage)
    assert told(done) == []
    assert (done.differing, done.foreign, done.agrees, done.calls) == (0, 1, True, 3)
    assert len(stage.xero.calls()) - before == 3
    assert reconciliation.agreed_at(stage.location_id) == done.started_at
    sums = {total.document: total for total in tallies.by_month(done.tallies)}
    invoices, payments = sums["invoice"], sums["payment"]
    assert (invoices.our_count, invoices.our_value, payments.their_value) == (2, D(550), D(110))
    assert all(total.agrees for total in sums.values())
    assert all(each.agrees for each in tallies.by_account(done.tallies))
    assert {each.account for each in tallies.by_account(done.tallies)} == {"200", "090"}


def test_what_was_changed_in_xero_by_hand_is_found_thing_by_thing(stage: Stage) -> None:
    made = [stage.hoop.create(line("Care plan", "100", "1", GST)) for _ in range(5)]
    stage.carry()
    stage.hoop.act(made[0]["_id"], "pay", method="card", provider="stripe")
    stage.carry()
    ids = {each["InvoiceNumber"]: each["InvoiceID"] for each in stage.invoices()}
    held = [ids[each["invoiceNumber"]] for each in made]
    (payment,) = stage.payments()
    stage.xero.type_in(
        stage.tenant_id, "Payments", {"PaymentID": payment["PaymentID"], "Status": "DELETED"}, "POST"
    )
    stage.xero.type_in(stage.tenant_id, "Invoices", {"InvoiceID": held[1], "Status": "VOIDED"}, "POST")
    row = {
        "Description": "Care plan",
        "Quantity": 1,
        "UnitAmount": 90,
        "AccountCode": "260",
        "TaxType": "OUTPUT",
    }
    stage.xero.type_in(stage.tenant_id, "Invoices", {"InvoiceID": held[2], "LineItems": [row]}, "POST")
    far = (clock.now() - timedelta(days=700)).date().isoformat()
    stage.xero.type_in(stage.tenant_id, "Invoices", {"InvoiceID": held[3], "Date": far}, "POST")
    stage.xero.type_in(stage.tenant_id, "Invoices", {**by_hand("HA-1"), "Reference": "HoopAI nobody"})
    done = run(stage)
    found = told(done)
    assert ("invoice", "paid", "110.00 AUD", "0.00 AUD") in found
    assert ("payment", "gone", "110.00 AUD", "Deleted") in found
    assert ("invoice", "gone", "110.00 AUD", "Voided") in found
    assert ("invoice", "total", "110.00 AUD", "99.00 AUD") in found
    assert ("invoice", "account", "200", "260") in found
    assert next(each for each in found if each[1] == "date")[3] == far
    assert ("invoice", "only_xero", None, "5.00 AUD") in found
    assert len(found) == done.differing == 7
    assert (done.agrees, reconciliation.agreed_at(stage.location_id)) == (False, None)
    assert {str(each.document) for each in tallies.by_month(done.tallies) if not each.agrees} >= {"invoice"}


def test_what_has_not_arrived_is_told_with_its_reason(stage: Stage) -> None:
    stage.hoop.create(line("Care plan", "100", "1", GST))
    stage.hoop.create(line("Care plan", "100", "1", GST))
    stage.heard()
    intake.apply()
    waiting, skipped = stage.pushes("invoice")
    outbox.skip([skipped.id], stage.person.user, stage.location_id)
    assert waiting.id != skipped.id
    done = run(stage)
    assert [each[1] for each in told(done)] == ["waiting", "left_out"]
    assert (done.differing, done.open_count, done.agrees) == (0, 2, True)
    stage.xero.change_account(stage.tenant_id, "200", Status="ARCHIVED")
    organisations.refresh(stage.connection_id)
    stage.carry()
    done = run(stage)
    assert [each[1] for each in told(done)] == ["blocked", "left_out"]
    assert (done.differing, done.agrees) == (1, False)


def test_a_run_waits_for_the_quota_goes_on_where_it_was_and_can_be_stopped(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        stage.hoop.create(line("Care plan", "100", "1", GST))
    stage.carry()
    stage.xero.fault("429-minute", "Payments", method="GET")
    run_id = reconciliation.start(stage.location_id, stage.person.user)
    assert reconciliation.start(stage.location_id, stage.person.user) == run_id
    assert not reconciliation.go_on(stage.location_id)
    waiting = reconciliation.one(stage.location_id, run_id)
    assert (waiting.stage, waiting.calls, waiting.state) == ("read_payments", 2, RunState.RUNNING)
    assert waiting.next_at is not None
    assert waiting.next_at > clock.now()
    assert reconciliation.due() == []
    monkeypatch.setattr(reconciling, "CHUNK", 1)
    release()
    stage.xero.mend()
    stage.xero.limits(off=True)
    bell.client().flushdb()  # the quota's own minute is Redis's
    with time_machine.travel(clock.now() + timedelta(minutes=3), tick=True):
        assert reconciliation.due() == [stage.location_id]
        assert reconciliation.go_on(stage.location_id)
    done = reconciliation.one(stage.location_id, run_id)
    assert (done.state, done.agrees, done.percent) == (RunState.DONE, True, 100)
    assert sum(each.our_count for each in tallies.by_day(done.tallies)) == 3
    again = reconciliation.start(stage.location_id, stage.person.user)
    assert reconciliation.cancel(stage.location_id, stage.person.user)
    assert reconciliation.go_on(stage.location_id)
    assert reconciliation.one(stage.location_id, again).state == RunState.CANCELLED


def test_every_night_books_are_compared_in_a_quiet_hour(stage: Stage) -> None:
    release()
    night = (clock.now() + timedelta(days=1)).replace(hour=16, minute=5)  # 3 in the morning in Sydney
    with time_machine.travel(night, tick=True):
        assert reconciliation.start_nightly() == [stage.location_id]
        assert reconciliation.start_nightly() == []
        assert reconciliation.go_on(stage.location_id)
        found = reconciliation.latest(stage.location_id)
        assert found is not None
        assert (found.started_by_id, found.agrees) == (None, True)
    with time_machine.travel(night + timedelta(hours=6), tick=True):
        connections.disconnect(stage.location_id, stage.person.user)
        assert reconciliation.start_nightly() == []


def by_hand(number: str) -> dict[str, object]:
    """Dated today where the location is: in Sydney a day begins while it is still yesterday in UTC."""
    today = clock.now().astimezone(ZoneInfo("Australia/Sydney")).date().isoformat()
    row = {
        "Description": "Typed in",
        "Quantity": 1,
        "UnitAmount": 5,
        "AccountCode": "200",
        "TaxType": "EXEMPTOUTPUT",
    }
    return {
        "Type": "ACCREC", "InvoiceNumber": number, "Contact": {"Name": "Somebody Else"}, "LineItems": [row],
        "Date": today, "DueDate": today, "Status": "AUTHORISED",
    }  # fmt: skip
