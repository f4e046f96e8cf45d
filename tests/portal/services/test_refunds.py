"""Money that goes back: refunds as credit notes paid out, and payments that a bank took back."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from flask import Flask

from portal import clock
from portal.extensions import db
from portal.models import Invoice, Payment, Refund
from portal.services import draining, following, outbox
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
    invoice = paid(stage)
    release()
    with transaction() as session:
        outbox.guard(session, stage.location_id)
        payment = session.query(Payment).filter_by(invoice_id=invoice.id).one()
        payment.taken_back_at = clock.now()
        following.take_back(session, payment)
    carry(stage)
    assert stage.payments() == []
    (found,) = stage.invoices()
    assert (found["Status"], found["AmountDue"]) == ("AUTHORISED", D(550))
