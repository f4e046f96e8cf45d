"""The main job, over real HTTP to both stand-ins: contact, invoice, payments, and what keeps them from going."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from flask import Flask

from portal import clock
from portal.services.unit import release
from tests.portal.conftest import BOTH
from tests.portal.services.harness import Stage, staged
from tests.support.hoop import GST, line
from tests.support.xero import Xero

D = Decimal
pytestmark = pytest.mark.parametrize("database_url", BOTH, indirect=True)


@pytest.fixture
def stage(ground: Flask, sandbox: str, xero: Xero) -> Iterator[Stage]:
    with staged(ground, sandbox, xero) as made:
        yield made


def two_lines() -> tuple[dict[str, object], dict[str, object]]:
    return line("Care plan", "150", "2", GST), line("Workshop", "200", "1", GST)


def later(stage: Stage, seconds: float) -> None:
    release()
    with time_machine.travel(clock.now() + timedelta(seconds=seconds), tick=True):
        stage.carry()


def by_hand(number: str) -> dict[str, object]:
    row = {"Description": "Typed in", "Quantity": 1, "UnitAmount": 5, "AccountCode": "200"}
    return {
        "Type": "ACCREC",
        "InvoiceNumber": number,
        "Contact": {"Name": "Somebody Else"},
        "LineItems": [row],
    }


def test_an_invoice_arrives_with_contact_lines_tax_and_total(stage: Stage) -> None:
    stage.map_all(**{"name:workshop": "260"})
    made = stage.hoop.create(*two_lines())
    stage.carry()
    (invoice,) = stage.invoices()
    assert invoice["InvoiceNumber"] == made["invoiceNumber"]
    assert (invoice["Status"], invoice["Contact"]["Name"]) == ("AUTHORISED", "Lantern Foods")
    assert (invoice["SubTotal"], invoice["TotalTax"], invoice["Total"]) == (D(500), D(50), D(550))
    assert [row["AccountCode"] for row in invoice["LineItems"]] == ["200", "260"]
    assert {row["TaxType"] for row in invoice["LineItems"]} == {"OUTPUT"}
    assert stage.states() == {"sent": 2}


def test_half_and_then_the_rest_make_two_payments_and_a_paid_invoice(stage: Stage) -> None:
    stage.map_all()
    made = stage.hoop.create(*two_lines())
    stage.carry()
    stage.hoop.act(made["_id"], "pay", amount="275", method="card", provider="stripe")
    stage.carry()
    stage.hoop.act(made["_id"], "pay", method="card", provider="stripe")
    stage.carry()
    assert [payment["Amount"] for payment in stage.payments()] == [D(275), D(275)]
    (invoice,) = stage.invoices()
    assert (invoice["Status"], invoice["AmountDue"]) == ("PAID", D(0))
    assert stage.states() == {"sent": 4}


def test_an_unmapped_category_stops_before_any_call_and_saving_frees_it(stage: Stage) -> None:
    stage.hoop.create(*two_lines())
    before = len(stage.xero.calls("Invoices"))
    stage.carry()
    assert len(stage.xero.calls("Invoices")) == before
    (push,) = stage.pushes("invoice")
    assert (push.state, push.failure, push.cause) == ("blocked", "mapping", "category:name:care plan")
    saved = stage.map_all()
    assert saved.freed == 1
    stage.carry()
    assert len(stage.invoices()) == 1


def test_a_replayed_webhook_makes_no_call_and_no_second_invoice(stage: Stage) -> None:
    stage.map_all()
    stage.hoop.create(*two_lines())
    stage.carry()
    calls = len(stage.xero.calls())
    stage.hoop.redeliver(times=3)
    stage.carry()
    assert len(stage.xero.calls()) == calls
    assert len(stage.invoices()) == 1


def test_a_draft_is_approved_when_it_is_sent_and_voided_when_it_is_voided(stage: Stage) -> None:
    stage.map_all()
    made = stage.hoop.create(*two_lines(), send=False)
    stage.carry()
    assert [each["Status"] for each in stage.invoices()] == ["DRAFT"]
    stage.hoop.act(made["_id"], "send")
    stage.carry()
    assert [each["Status"] for each in stage.invoices()] == ["AUTHORISED"]
    stage.hoop.act(made["_id"], "void")
    stage.carry()
    assert [each["Status"] for each in stage.invoices()] == ["VOIDED"]


def test_a_known_contact_is_used_and_not_made_again(stage: Stage) -> None:
    stage.map_all()
    for _ in range(2):
        stage.hoop.create(*two_lines())
        stage.carry()
    names = [each["Name"] for each in stage.books()["contacts"]]
    assert names.count("Lantern Foods") == 1
    assert len(stage.invoices()) == 2


def test_a_lost_reply_makes_no_second_invoice(stage: Stage) -> None:
    stage.map_all()
    stage.xero.fault("lost_reply", "Invoices", method="PUT")
    stage.hoop.create(*two_lines())
    stage.carry()
    (push,) = stage.pushes("invoice")
    assert (push.state, push.failure) == ("waiting", "unsure")
    later(stage, 5)
    assert len(stage.invoices()) == 1
    assert stage.states() == {"sent": 2}


def test_a_test_mode_invoice_never_leaves(stage: Stage) -> None:
    stage.map_all()
    stage.hoop.create(*two_lines(), live_mode=False)
    stage.carry()
    assert stage.invoices() == []
    assert stage.states() == {"skipped": 1}


def test_a_number_that_somebody_used_in_xero_by_hand_waits_for_a_decision(stage: Stage) -> None:
    stage.map_all()
    stage.xero.type_in(stage.tenant_id, "Invoices", by_hand("7001"))
    stage.hoop.create(*two_lines(), number="7001")
    stage.carry()
    assert [each["Contact"]["Name"] for each in stage.invoices()] == ["Somebody Else"]
    (push,) = stage.pushes("invoice")
    assert (push.state, push.failure, push.cause) == ("blocked", "conflict", "number:7001")


def test_a_lost_reply_makes_no_second_payment(stage: Stage) -> None:
    stage.map_all()
    made = stage.hoop.create(*two_lines())
    stage.carry()
    stage.xero.fault("lost_reply", "Payments", method="PUT")
    stage.hoop.act(made["_id"], "pay", method="card")
    stage.carry()
    (push,) = stage.pushes("payment")
    assert (push.state, push.failure) == ("waiting", "unsure")
    later(stage, 200)
    assert [payment["Amount"] for payment in stage.payments()] == [D(550)]
    assert stage.states() == {"sent": 3}


def test_one_bad_invoice_harms_no_other_in_its_batch(stage: Stage) -> None:
    stage.map_all()
    stage.xero.type_in(stage.tenant_id, "Invoices", by_hand("8002"))
    for number in ("8001", "8002", "8003"):
        stage.hoop.create(*two_lines(), number=number)
    stage.carry()
    assert sorted(each["InvoiceNumber"] for each in stage.invoices()) == ["8001", "8002", "8003"]
    assert stage.states() == {"sent": 5, "blocked": 1}
    assert len(stage.xero.calls("Invoices")) == 3, "one by hand, one batch, one look whose 8002 is"
