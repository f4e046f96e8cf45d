"""The life of an invoice in the stand-in HoopAI, and what it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from tests.sandbox.hoopai_world import (
    CARE_AND_WORKSHOP,
    CARE_PLAN,
    GST,
    HARBOUR,
    KAURI,
    LANTERN,
    LEVY,
    Json,
    World,
    hoopai_world,
)


@pytest.fixture(scope="module")
def running() -> Iterator[World]:
    with hoopai_world() as made:
        yield made


@pytest.fixture
def world(running: World) -> World:
    running.control("/reset", {"everything": True})
    return running


def transactions(world: World) -> list[Json]:
    found: list[Json] = world.control(f"/books?location_id={HARBOUR}")["locations"][0]["transactions"]
    return found


def events(world: World) -> list[str]:
    return [event["type"] for event in world.control("/events")["events"]]


def test_a_draft_is_sent_paid_in_parts_and_refunded(world: World) -> None:
    invoice = world.invoice(send=False)
    assert (invoice["status"], invoice["invoiceNumber"], invoice["total"]) == ("draft", "1001", 530)
    assert world.act(invoice, "send")["status"] == "sent"
    part = world.act(invoice, "pay", {"amount": "30.25", "method": "cash"})
    assert (part["status"], part["amountPaid"], part["amountDue"]) == (
        "partially_paid",
        Decimal("30.25"),
        Decimal("499.75"),
    )
    paid = world.act(invoice, "pay", {"method": "paypal"})
    assert (paid["status"], paid["amountPaid"], paid["amountDue"]) == ("paid", 530, 0)
    before = events(world)
    refunded = world.act(invoice, "refund", {"amount": 100})
    assert (refunded["status"], refunded["amountPaid"], refunded["updatedAt"]) == (
        "paid",
        530,
        paid["updatedAt"],
    )
    assert events(world) == before
    cash, paypal = transactions(world)
    assert (cash["paymentProviderType"], cash["paymentMethod"], cash["status"]) == (
        "manual",
        {"mode": "cash"},
        "succeeded",
    )
    assert (paypal["paymentProviderType"], paypal["status"], paypal["amountRefunded"]) == (
        "paypal",
        "partially_refunded",
        100,
    )
    world.act(invoice, "refund", {"transaction_id": cash["_id"]})
    assert transactions(world)[0]["status"] == "refunded"


def test_a_direct_debit_clears_or_fails(world: World) -> None:
    invoice = world.invoice()
    assert world.act(invoice, "processing")["status"] == "payment_processing"
    failed = world.act(invoice, "fail")
    assert (failed["status"], failed["amountPaid"]) == ("sent", 0)
    world.act(invoice, "processing", {"amount": 100})
    assert world.act(invoice, "clear")["status"] == "partially_paid"
    world.act(invoice, "processing")
    assert world.act(invoice, "clear")["amountDue"] == 0
    assert [row["status"] for row in transactions(world)] == ["failed", "succeeded", "succeeded"]
    assert [bool(row["fulfilledAt"]) for row in transactions(world)] == [False, True, True]
    assert events(world)[-2:] == ["InvoiceUpdate", "InvoicePaid"]


@pytest.mark.parametrize(
    ("before", "verb", "sentence"),
    [
        (["void"], "pay", "Invoice 1001 is void and can't be paid."),
        (["void"], "send", "Invoice 1001 is void and can't be sent."),
        (["pay"], "void", "Invoice 1001 is paid and can't be voided."),
        (["pay"], "edit", "Invoice 1001 is paid and can't be edited."),
        (["processing"], "pay", "Invoice 1001 is waiting for a payment to clear and can't be paid."),
        (["processing"], "delete", "Invoice 1001 is waiting for a payment to clear and can't be deleted."),
        (["delete"], "send", "Invoice 1001 is deleted and can't be sent."),
        ([], "send", "Invoice 1001 is sent and can't be sent."),
        ([], "clear", "Invoice 1001 is sent and can't be cleared."),
        ([], "refund", "There is no payment of this invoice to refund."),
    ],
)
def test_what_the_state_forbids_is_refused_with_a_sentence(
    world: World, before: list[str], verb: str, sentence: str
) -> None:
    invoice = world.invoice()
    for earlier in before:
        world.act(invoice, earlier)
    told = events(world)
    assert world.act(invoice, verb, expect=400) == {"error": sentence}
    assert events(world) == told


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"amount": 531}, "at most the 530.00 that is due"),
        ({"amount": 0}, "more than 0"),
        ({"amount": -5}, "more than 0"),
        ({"amount": "1.005"}, "more decimals"),
        ({"amount": "lots"}, "must be a number"),
        ({"amount": "NaN"}, "finite"),
        ({"method": "shells"}, "not a way to pay"),
        ({"instalment": 1}, "does not exist"),
    ],
)
def test_a_payment_that_makes_no_sense_is_refused(world: World, body: Json, sentence: str) -> None:
    invoice = world.invoice()
    assert sentence in world.act(invoice, "pay", body, expect=422)["error"]
    assert transactions(world) == []


@pytest.mark.parametrize(
    ("more", "status", "sentence"),
    [
        ({"lines": []}, 422, "at least one line"),
        ({"lines": [{"qty": 1, "amount": 5}]}, 422, "a name or a product"),
        ({"lines": [{"name": "A"}]}, 422, "needs an amount"),
        ({"lines": [{"name": "A", "amount": 5, "qty": 0}]}, 422, "more than nothing"),
        ({"lines": [{"name": "A", "amount": 5, "taxes": ["nope"]}]}, 404, "no tax rate"),
        ({"contact_id": "nobody"}, 404, "no contact"),
        ({"contact_id": "conPohutukawaCafe001"}, 400, "another location"),
        ({"contact_id": None}, 422, "needs a contact"),
        ({"contact_id": None, "contact": "Lantern Foods"}, 400, "is an object with a name"),
        ({"lines": "Workshop"}, 400, "a list of objects"),
        ({"contact_id": None, "contact": {"email": "a@b.example"}}, 422, "a name or a company"),
        ({"currency": "DOLLARS"}, 422, "not a currency"),
        ({"due_date": "soon"}, 422, "due_date must be a date"),
        ({"discount": {"type": "percentage", "value": 101}}, 422, "between nothing and everything"),
        ({"schedule": {"type": "percentage", "parts": [{"value": 50}]}}, 422, "add up to 100"),
        ({"location_id": "elsewhere"}, 404, "no location"),
    ],
)
def test_an_invoice_that_makes_no_sense_leaves_nothing_behind(
    world: World, more: Json, status: int, sentence: str
) -> None:
    wish = {"location_id": HARBOUR, "contact_id": LANTERN, "lines": [{"name": "A", "amount": 5}], **more}
    contacts = len(world.control("/books")["locations"][0]["contacts"])
    assert sentence in world.control("/invoices", wish, expect=status)["error"]
    books = world.control("/books")["locations"][0]
    assert (books["invoices"], len(books["contacts"]), events(world)) == ([], contacts, [])
    assert world.invoice()["invoiceNumber"] == "1001"


def test_totals_with_discounts_several_taxes_and_inclusive_prices(world: World) -> None:
    def sums(lines: list[Json], discount: Json | None = None) -> tuple[Decimal, ...]:
        made = world.invoice(lines=lines, discount=discount)
        summary = made["totalSummary"]
        return summary["subTotal"], summary["discount"], summary["tax"], made["total"]

    taxed = {"product_id": CARE_PLAN, "qty": 2, "amount": 150, "taxes": [GST]}
    plain = {"name": "Kick-off", "qty": 1, "amount": 200}
    assert sums([taxed, plain], {"type": "percentage", "value": 10}) == (500, 50, 27, 477)
    assert sums([taxed, plain], {"type": "fixed", "value": 50}) == (500, 50, 27, 477)
    assert sums([taxed, plain], {"type": "fixed", "value": 900}) == (500, 500, 0, 0)
    only = {"type": "percentage", "value": 10, "valid_on_product_ids": [CARE_PLAN]}
    assert sums([taxed, plain], only) == (500, 30, 27, 497)
    assert sums([{**taxed, "taxes": [GST, LEVY]}]) == (300, 0, Decimal("37.5"), Decimal("337.5"))
    inclusive = {"name": "Hour", "qty": 1, "amount": "112.50", "taxes": [GST, LEVY], "taxInclusive": True}
    assert sums([inclusive]) == (Decimal("112.5"), 0, Decimal("12.5"), Decimal("112.5"))
    assert sums(
        [{**inclusive, "amount": 110, "taxes": [GST]}, plain], {"type": "percentage", "value": 50}
    ) == (
        310,
        155,
        5,
        155,
    )
    assert sums([{"name": "Hour", "qty": 3, "amount": "0.05", "taxes": [GST]}])[2:] == (
        Decimal("0.02"),
        Decimal("0.17"),
    )
    assert world.invoice(currency="JPY", lines=[{"name": "A", "amount": 105, "taxes": [GST]}])["total"] == 116


def test_instalments_are_paid_one_by_one(world: World) -> None:
    parts = [{"value": 50, "due_date": "2026-10-01"}, {"value": 25}, {"value": 25}]
    invoice = world.invoice(
        schedule={"type": "percentage", "parts": parts}, lines=[{"name": "A", "amount": "100.01"}]
    )
    amounts = [part["amount"] for part in invoice["paymentSchedule"]["schedules"]]
    assert sum(amounts) == Decimal("100.01")
    assert world.act(invoice, "pay", {"instalment": 1})["amountPaid"] == amounts[0]
    assert "has been paid" in world.act(invoice, "pay", {"instalment": 1}, expect=422)["error"]
    world.act(invoice, "pay", {"instalment": 2})
    assert world.act(invoice, "pay", {"instalment": 3})["status"] == "paid"


def test_an_edit_changes_totals_but_not_the_client_of_a_sent_invoice(world: World) -> None:
    invoice = world.invoice()
    edited = world.act(
        invoice, "edit", {"lines": [{"name": "B", "qty": 1, "amount": 300}], "due_date": "2027-01-31"}
    )
    assert (edited["total"], edited["dueDate"], edited["status"]) == (300, "2027-01-31", "sent")
    assert "client" in world.act(invoice, "edit", {"contact_id": LANTERN}, expect=400)["error"]
    world.act(invoice, "pay", {"amount": 200})
    assert (
        "below" in world.act(invoice, "edit", {"lines": [{"name": "B", "amount": 100}]}, expect=400)["error"]
    )
    settled = world.act(invoice, "edit", {"lines": [{"name": "B", "amount": 200}]})
    assert (settled["status"], events(world)[-1]) == ("paid", "InvoicePaid")
    draft = world.invoice(send=False)
    assert world.act(draft, "edit", {"contact": {"name": "New One"}})["contactDetails"]["name"] == "New One"


def test_numbers_run_on_skip_what_is_taken_and_come_free_by_deletion(world: World) -> None:
    assert world.invoice(number="1002")["invoiceNumber"] == "1002"
    first = world.invoice()
    assert first["invoiceNumber"] == "1001"
    assert world.invoice()["invoiceNumber"] == "1003"
    wish = {
        "location_id": HARBOUR,
        "contact_id": LANTERN,
        "lines": [{"name": "A", "amount": 5}],
        "number": "1001",
    }
    assert "already" in world.control("/invoices", wish, expect=400)["error"]
    assert world.invoice(number="1001", allow_same_number=True)["invoiceNumber"] == "1001"
    second = world.invoice(number="A-7")
    world.act(second, "delete")
    assert world.invoice(number="A-7")["invoiceNumber"] == "A-7"
    kauri = {
        "location_id": KAURI,
        "contact_id": "conPohutukawaCafe001",
        "lines": [{"name": "A", "amount": 5}],
    }
    made = world.control("/invoices", kauri)
    assert (made["invoiceNumber"], made["currency"]) == ("501", "NZD")


def test_test_mode_marks_invoice_and_payment(world: World) -> None:
    invoice = world.invoice(live_mode=False)
    world.act(invoice, "pay")
    assert (invoice["liveMode"], transactions(world)[0]["liveMode"]) == (False, False)


def test_a_refund_may_lower_what_was_paid_when_wished(world: World) -> None:
    invoice = world.invoice()
    world.act(invoice, "pay")
    lowered = world.act(invoice, "refund", {"amount": 30, "reduce_paid": True})
    assert (lowered["status"], lowered["amountPaid"], lowered["amountDue"]) == ("partially_paid", 500, 30)
    assert events(world)[-1] == "InvoiceUpdate"


def test_many_invoices_at_once(world: World) -> None:
    made = world.control("/invoices/bulk", {"location_id": HARBOUR, "count": 120, "contacts": 7, "paid": 20})
    assert (made["count"], made["first_number"], made["last_number"]) == (120, "1001", "1120")
    books = world.control(f"/books?location_id={HARBOUR}")["locations"][0]
    assert [one["status"] for one in books["invoices"]].count("paid") == 20
    assert len({one["contactDetails"]["id"] for one in books["invoices"]}) == 7
    assert len(books["transactions"]) == 20


def test_products_may_belong_to_several_collections(world: World) -> None:
    books = world.control(f"/books?location_id={HARBOUR}")["locations"][0]
    names = {one["_id"]: one["name"] for one in books["collections"]}
    both = next(one for one in books["products"] if one["_id"] == CARE_AND_WORKSHOP)
    assert [names[key] for key in both["collectionIds"]] == ["Workshops", "Care plans"]
    extra = world.control("/collections", {"location_id": HARBOUR, "name": "Extras"})
    wish = {
        "location_id": HARBOUR,
        "name": "Mug",
        "amount": 12,
        "collection_ids": [extra["_id"]],
        "taxes": [GST],
    }
    mug = world.control("/products", wish)
    invoice = world.invoice(lines=[{"product_id": mug["_id"], "taxes": mug["taxes"]}])
    assert invoice["total"] == Decimal("13.2")


def test_the_control_interface_says_what_is_wrong_with_a_body(world: World) -> None:
    assert "Only pause" in world.control("/webhooks/explode", {}, expect=404)["error"]
    assert "scheme must be one of" in world.control(
        "/webhooks", {"location_id": HARBOUR, "url": "http://x", "scheme": "md5"}, expect=422
    )["error"]  # fmt: skip
    assert "needs a zone" in world.control("/clock", {"now": "2026-10-01T09:00:00"}, expect=422)["error"]
    assert "among" in world.act(world.invoice(), "explode", expect=404)["error"]
