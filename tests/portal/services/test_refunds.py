"""Money that goes back: refunds as credit notes paid out, and payments that a bank took back."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from flask import Flask

from portal import clock
from portal.extensions import db
from portal.models import Invoice, Payment, Refund
from portal.services import draining, following, organisations, outbox, sync_options
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
        made.map_all(**{"name:workshop": "260"})
        yield made


def paid(stage: Stage) -> Invoice:
    made = stage.hoop.create(line("Care plan", "150", "2", GST), line("Workshop", "200", "1", GST))
    stage.hoop.act(made["_id"], "pay", method="card")
    stage.carry()
    return db.session.query(Invoice).filter_by(hoop_id=made["_id"]).one()


def refund(stage: Stage, invoice_id: int, amount: str) -> None:
    release()
    with transaction() as session:
        outbox.guard(session, stage.location_id)
        given = Refund(
            location_id=stage.location_id, invoice_id=invoice_id, hoop_id=f"txn:{amount}", amount=D(amount),
            refunded_on=clock.now().date(),
        )  # fmt: skip
        session.add(given)
        session.flush()
        following.refund(session, given)
    carry(stage)


def take_back(stage: Stage, invoice_id: int) -> None:
    release()
    with transaction() as session:
        outbox.guard(session, stage.location_id)
        payment = session.query(Payment).filter_by(invoice_id=invoice_id).one()
        payment.taken_back_at = clock.now()
        following.take_back(session, payment)
    carry(stage)


def lock(stage: Stage, policy: str) -> str:
    """Lock the books up to today in Sydney; the first open day."""
    today = clock.now().astimezone(ZoneInfo("Australia/Sydney")).date()
    stage.xero.change(stage.tenant_id, period_lock_date=today.isoformat())
    organisations.refresh(stage.connection_id)
    typed = {"update_contacts": "yes", "lock_policy": policy}
    sync_options.save(stage.location_id, stage.person.user, typed)
    return (today + timedelta(days=1)).isoformat()


def test_in_a_locked_period_money_back_stops_and_asks_or_goes_on_the_first_open_day(stage: Stage) -> None:
    invoice_id = paid(stage).id
    opens = lock(stage, "stop")
    refund(stage, invoice_id, "55")
    assert notes(stage) == []
    assert [(push.state, push.cause) for push in stage.pushes("credit_note")] == [("blocked", "lock")]
    lock(stage, "first_open")
    carry(stage)
    (note,) = notes(stage)
    assert (note["Date"], note["Total"], note["RemainingCredit"]) == (opens, D(55), D(0))
    assert opens in [payment["Date"] for payment in stage.payments()]
    assert "the books of Harbour Studio Pty Ltd are locked" in str(stage.pushes("credit_note")[0].message)


def test_a_payment_in_a_locked_period_is_not_taken_back_and_that_is_said(stage: Stage) -> None:
    invoice_id = paid(stage).id
    lock(stage, "stop")
    take_back(stage, invoice_id)
    assert len(stage.payments()) == 1
    push = stage.pushes("payment")[-1]
    assert (push.state, push.cause) == ("blocked", "lock")
    assert "The payment that HoopAI took back is dated" in str(push.message)
    lock(stage, "first_open")
    carry(stage)
    assert (stage.pushes("payment")[-1].state, stage.pushes("payment")[-1].cause) == ("blocked", "lock")


def carry(stage: Stage) -> None:
    draining.drain(stage.connection_id)
    release()


def notes(stage: Stage) -> list[dict[str, Any]]:
    return [each for each in stage.books()["credit_notes"] if each["Status"] != "DELETED"]


def test_a_refund_is_a_credit_note_on_the_same_accounts_and_paid_out(stage: Stage) -> None:
    refund(stage, paid(stage).id, "110.01")
    (note,) = notes(stage)
    assert (note["Total"], note["RemainingCredit"], note["Status"]) == (D("110.01"), D(0), "PAID")
    assert [row["AccountCode"] for row in note["LineItems"]] == ["200", "260"]
    assert sorted(payment["Amount"] for payment in stage.payments()) == [D("110.01"), D(550)]
    assert stage.invoices()[0]["Status"] == "PAID"
    assert "blocked" not in stage.states()


@pytest.mark.parametrize("path", ["CreditNotes", "Payments"])
def test_a_lost_reply_to_a_refund_doubles_nothing(stage: Stage, path: str) -> None:
    invoice = paid(stage).id
    stage.xero.fault("lost_reply", path, method="PUT")
    refund(stage, invoice, "55")
    for seconds in (200, 400):
        with time_machine.travel(clock.now() + timedelta(seconds=seconds), tick=True):
            carry(stage)
    (note,) = notes(stage)
    assert (note["Total"], note["RemainingCredit"]) == (D(55), D(0))
    assert sorted(payment["Amount"] for payment in stage.payments()) == [D(55), D(550)]


def test_a_payment_that_the_bank_took_back_is_deleted_and_the_invoice_is_owed_again(stage: Stage) -> None:
    take_back(stage, paid(stage).id)
    assert stage.payments() == []
    (found,) = stage.invoices()
    assert (found["Status"], found["AmountDue"]) == ("AUTHORISED", D(550))
