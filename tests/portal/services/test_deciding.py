"""What people decide about an invoice: a number that is taken, edits of what is paid, payments in the way of a void."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask

from portal.errors import ChooseAgain
from portal.extensions import db
from portal.models import AuditEntry, Invoice, Location
from portal.services import deciding, organisations, outbox, stories
from portal.services.unit import release
from tests.portal.conftest import EITHER
from tests.portal.services.harness import Stage, staged
from tests.support.hoop import GST, line
from tests.support.xero import Xero

D = Decimal
pytestmark = pytest.mark.parametrize("database_url", EITHER, indirect=True)


@pytest.fixture
def stage(ground: Flask, sandbox: str, xero: Xero) -> Iterator[Stage]:
    with staged(ground, sandbox, xero) as made:
        made.map_all(**{"name:workshop": "260"})
        yield made


def plan(amount: str = "150", **more: Any) -> dict[str, Any]:
    return line("Care plan", amount, "2", GST, **more)


def carry(stage: Stage) -> None:
    release()
    stage.carry()


def here(stage: Stage) -> Location:
    return db.session.get_one(Location, stage.location_id)


def typed_in(stage: Stage, number: str, contact: str, amount: str) -> dict[str, Any]:
    row = {
        "Description": "Typed in",
        "Quantity": 1,
        "UnitAmount": amount,
        "AccountCode": "200",
        "TaxType": "OUTPUT",
    }
    document = {
        "Type": "ACCREC", "InvoiceNumber": number, "Contact": {"Name": contact}, "LineItems": [row],
        "Date": "2026-11-20", "DueDate": "2026-12-20", "Status": "AUTHORISED", "LineAmountTypes": "Exclusive",
    }  # fmt: skip
    return stage.xero.type_in(stage.tenant_id, "Invoices", document)


def taken(stage: Stage, contact: str = "Lantern Foods", amount: str = "300") -> str:
    """A HoopAI invoice whose number somebody used in Xero by hand; its HoopAI id."""
    typed_in(stage, "1042", contact, amount)
    made = stage.hoop.create(plan(), number="1042")
    carry(stage)
    return str(made["_id"])


def blocked(stage: Stage) -> list[tuple[str, str]]:
    return [(push.operation, push.cause) for push in stage.pushes("invoice") if push.state == "blocked"]


def one(stage: Stage) -> dict[str, Any]:
    (found,) = stage.invoices()
    return found


def actions() -> list[str]:
    return [entry.action for entry in db.session.query(AuditEntry).order_by(AuditEntry.id)]


def test_a_taken_number_is_linked_when_contact_total_and_currency_are_the_same(stage: Stage) -> None:
    hoop_id = taken(stage)
    found = deciding.conflict(here(stage), hoop_id)
    assert found.same
    assert found.theirs is not None
    assert (found.theirs.contact, found.theirs.total) == ("Lantern Foods", D(330))
    deciding.link(here(stage), hoop_id, stage.person.user)
    calls = len(stage.xero.calls("Invoices"))
    carry(stage)
    assert len(stage.xero.calls("Invoices")) == calls, "linking wants nothing else"
    assert set(stage.states()) == {"sent"}
    assert "invoices.link" in actions()
    stage.hoop.act(hoop_id, "edit", lines=[plan("175")])
    carry(stage)
    assert one(stage)["Total"] == D(330), "what is not ours is never changed"
    assert "skipped" in stage.states()


def test_payments_follow_to_a_linked_invoice_that_has_none(stage: Stage) -> None:
    hoop_id = taken(stage)
    deciding.link(here(stage), hoop_id, stage.person.user)
    stage.hoop.act(hoop_id, "pay", method="card")
    carry(stage)
    assert one(stage)["Status"] == "PAID"


def test_a_taken_number_with_another_customer_or_total_cannot_be_linked(stage: Stage) -> None:
    hoop_id = taken(stage, "Somebody Else", "5")
    found = deciding.conflict(here(stage), hoop_id)
    assert set(found.differs) == {"contact", "total"}
    with pytest.raises(ChooseAgain, match="the customer in Xero is Somebody Else"):
        deciding.link(here(stage), hoop_id, stage.person.user)
    assert blocked(stage) == [("create", "number:1042")]


def test_a_taken_number_is_sent_with_a_suffix_and_the_next_one_when_that_is_taken_too(stage: Stage) -> None:
    typed_in(stage, "1042-H", "Third Party", "7")
    hoop_id = taken(stage, "Somebody Else", "5")
    deciding.add_suffix(here(stage), hoop_id, stage.person.user)
    carry(stage)
    assert blocked(stage) == [("create", "number:1042-H")]
    deciding.add_suffix(here(stage), hoop_id, stage.person.user)
    carry(stage)
    numbers = sorted(each["InvoiceNumber"] for each in stage.invoices())
    assert numbers == ["1042", "1042-H", "1042-H2"]
    told = stories.story(here(stage), hoop_id)
    assert (told.invoice.number_sent, told.number_differs) == ("1042-H2", False)
    stage.hoop.act(hoop_id, "edit", lines=[plan("160")])
    carry(stage)
    assert [each["Total"] for each in stage.invoices() if each["InvoiceNumber"] == "1042-H2"] == [D(352)]


def test_a_decision_is_made_once(stage: Stage) -> None:
    hoop_id = taken(stage, "Somebody Else", "5")
    deciding.add_suffix(here(stage), hoop_id, stage.person.user)
    with pytest.raises(ChooseAgain):
        deciding.add_suffix(here(stage), hoop_id, stage.person.user)


def test_an_edit_keeps_the_line_ids_and_shows_before_and_after(stage: Stage) -> None:
    made = stage.hoop.create(plan(), line("Workshop", "200", "1", GST))
    carry(stage)
    before = {row["Description"]: row["LineItemID"] for row in one(stage)["LineItems"]}
    stage.hoop.act(
        made["_id"], "edit", lines=[line("Workshop", "250", "1", GST), plan()], due_date="2027-01-31"
    )
    carry(stage)
    after = {row["Description"]: row["LineItemID"] for row in one(stage)["LineItems"]}
    assert after == before
    assert one(stage)["Total"] == D(605)
    edits = {edit.what: (edit.before, edit.after) for edit in stories.story(here(stage), made["_id"]).edits}
    assert edits["Due"][1] == "2027-01-31"
    assert ("150", "250") in [value for what, value in edits.items() if what.endswith("price")]


def test_of_a_paid_invoice_only_what_xero_allows_is_changed(stage: Stage) -> None:
    made = stage.hoop.create(plan())
    stage.hoop.act(made["_id"], "pay", amount="100", method="card")
    carry(stage)
    ids = [row["LineItemID"] for row in one(stage)["LineItems"]]
    stage.hoop.act(
        made["_id"], "edit", lines=[line("Care as agreed", "150", "2", GST)], due_date="2027-02-28"
    )
    carry(stage)
    found = one(stage)
    assert [row["LineItemID"] for row in found["LineItems"]] == ids
    assert found["LineItems"][0]["Description"] == "Care as agreed"
    assert str(found["DueDate"]).startswith("2027-02-28")
    assert set(stage.states()) == {"sent"}


def test_an_edit_of_paid_amounts_is_a_plain_problem(stage: Stage) -> None:
    made = stage.hoop.create(plan())
    stage.hoop.act(made["_id"], "pay", amount="100", method="card")
    carry(stage)
    stage.hoop.act(made["_id"], "edit", lines=[plan("200")])
    calls = len(stage.xero.calls("Invoices"))
    carry(stage)
    assert [each["method"] for each in stage.xero.calls("Invoices")[calls:]] == ["GET"]
    (push,) = [push for push in stage.pushes("invoice") if push.state == "blocked"]
    assert push.cause.startswith("paid:")
    assert "changed the lines and the total" in (push.message or "")


def test_an_edit_in_a_locked_period_is_a_plain_problem(stage: Stage) -> None:
    made = stage.hoop.create(plan(), issue_date="2026-11-10")
    carry(stage)
    stage.xero.change(stage.tenant_id, PeriodLockDate="2026-11-15")
    organisations.refresh(stage.connection_id)
    stage.hoop.act(made["_id"], "edit", lines=[plan("155")])
    carry(stage)
    assert blocked(stage) == [("update", "lock")]


def test_payments_in_the_way_of_a_void_are_deleted_when_the_portal_made_them(stage: Stage) -> None:
    made = stage.hoop.create(plan())
    stage.hoop.act(made["_id"], "pay", amount="100", method="card")
    carry(stage)
    stage.hoop.act(made["_id"], "void")
    carry(stage)
    ((operation, cause),) = blocked(stage)
    assert (operation, cause.partition(":")[0]) == ("void", "payments")
    assert one(stage)["Status"] == "AUTHORISED"
    deciding.delete_payments(here(stage), made["_id"], stage.person.user)
    carry(stage)
    assert stage.payments() == []
    assert one(stage)["Status"] == "VOIDED"
    assert "blocked" not in stage.states()


def test_a_payment_entered_by_hand_is_never_deleted(stage: Stage) -> None:
    made = stage.hoop.create(plan())
    carry(stage)
    paid = {
        "Invoice": {"InvoiceID": one(stage)["InvoiceID"]}, "Account": {"Code": "090"}, "Amount": 50,
        "Date": "2026-11-22", "Reference": "counter",
    }  # fmt: skip
    stage.xero.type_in(stage.tenant_id, "Payments", paid)
    stage.hoop.act(made["_id"], "void")
    carry(stage)
    with pytest.raises(ChooseAgain, match="counter"):
        deciding.delete_payments(here(stage), made["_id"], stage.person.user)
    assert len(stage.payments()) == 1
    outbox.skip(
        [push.id for push in stage.pushes("invoice") if push.state == "blocked"],
        stage.person.user,
        stage.location_id,
    )
    assert one(stage)["Status"] == "AUTHORISED"


def test_an_invoice_voided_in_xero_by_hand_is_not_brought_back(stage: Stage) -> None:
    made = stage.hoop.create(plan())
    carry(stage)
    stage.xero.change_invoice(stage.tenant_id, one(stage)["InvoiceID"], Status="VOIDED")
    stage.hoop.act(made["_id"], "edit", lines=[plan("155")])
    carry(stage)
    assert [cause.partition(":")[0] for _, cause in blocked(stage)] == ["ended"]
    release()
    assert db.session.query(Invoice).count() == 1
