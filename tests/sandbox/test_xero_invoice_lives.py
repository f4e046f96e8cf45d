"""Invoices of the stand-in Xero as they live on: numbers, edits, statuses, payments on them, lock dates."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sandbox.xero_world import Json, World, errors, fresh, invoice, line, xero_world


@pytest.fixture(scope="module")
def running() -> Iterator[World]:
    with xero_world() as made:
        yield made


@pytest.fixture
def world(running: World) -> World:
    return fresh(running)


@pytest.fixture
def acme(world: World) -> Json:
    return world.contact()


def refused(world: World, body: Json) -> list[str]:
    return errors(world.put("Invoices", body)[0])


def test_a_number_is_unique_over_sales_invoices_voided_ones_included(world: World, acme: Json) -> None:
    first = world.invoice(acme, "H-7")
    assert refused(world, invoice(acme, "h-7")) == ["Invoice # must be unique."]
    world.post(f"Invoices/{first['InvoiceID']}", {"Status": "VOIDED"})
    assert refused(world, invoice(acme, "H-7")) == ["Invoice # must be unique."]
    posted = world.post("Invoices", invoice(acme, "H-7"))[0]
    assert errors(posted) == ["Invoice not of valid status for modification"]


def test_a_missing_number_comes_from_the_series(world: World, acme: Json) -> None:
    world.invoice(acme, "INV-0002")
    body = invoice(acme)
    del body["InvoiceNumber"]
    made = world.put("Invoices", body, body)
    assert [one["InvoiceNumber"] for one in made] == ["INV-0001", "INV-0003"]


def test_post_edits_the_invoice_with_that_number(world: World, acme: Json) -> None:
    first = world.invoice(acme, "H-1")
    again = world.post("Invoices", invoice(acme, "H-1", Reference="second look"))[0]
    assert again["InvoiceID"] == first["InvoiceID"]
    assert len(world.books()["invoices"]) == 1


def test_lines_left_out_of_an_edit_are_deleted_and_named_ones_kept(world: World, acme: Json) -> None:
    made = world.invoice(acme, LineItems=[line("10.00"), line("20.00")])
    kept = made["LineItems"][0]["LineItemID"]
    rows = [{"LineItemID": kept, "Quantity": "3"}, line("1.00")]
    edited = world.post(f"Invoices/{made['InvoiceID']}", {"LineItems": rows})[0]
    assert [row["LineAmount"] for row in edited["LineItems"]] == [30, 1]
    assert edited["LineItems"][0]["LineItemID"] == kept


@pytest.mark.parametrize(
    ("start", "to", "allowed"),
    [
        ("DRAFT", "SUBMITTED", True),
        ("DRAFT", "AUTHORISED", True),
        ("DRAFT", "DELETED", True),
        ("DRAFT", "VOIDED", False),
        ("SUBMITTED", "DRAFT", True),
        ("AUTHORISED", "VOIDED", True),
        ("AUTHORISED", "DRAFT", False),
        ("AUTHORISED", "DELETED", False),
    ],
)
def test_statuses_move_as_xero_lets_them(
    world: World, acme: Json, start: str, to: str, allowed: bool
) -> None:
    made = world.invoice(acme, Status=start)
    moved = world.post("Invoices", {"InvoiceID": made["InvoiceID"], "Status": to})[0]
    if allowed:
        assert moved["Status"] == to
    else:
        assert errors(moved) == ["Invoice not of valid status for modification"]


def test_a_voided_invoice_is_over(world: World, acme: Json) -> None:
    made = world.invoice(acme)
    world.post(f"Invoices/{made['InvoiceID']}", {"Status": "VOIDED"})
    again = world.post("Invoices", {"InvoiceID": made["InvoiceID"], "Reference": "x"})[0]
    assert errors(again) == ["Invoice not of valid status for modification"]
    assert again["InvoiceID"] == made["InvoiceID"]


def test_a_zero_invoice_is_paid_at_once(world: World, acme: Json) -> None:
    assert world.invoice(acme, LineItems=[line("0.00")])["Status"] == "PAID"


def test_a_paid_invoice_takes_few_changes(world: World, acme: Json) -> None:
    made = world.invoice(acme)
    world.payment(made, "50")
    where = f"Invoices/{made['InvoiceID']}"
    edited = world.post(where, {"Reference": "new", "DueDate": "2027-01-31"})[0]
    assert (edited["Reference"], edited["DueDateString"]) == ("new", "2027-01-31T00:00:00")
    row = made["LineItems"][0]["LineItemID"]
    moved = world.post(
        where, {"LineItems": [{"LineItemID": row, "AccountCode": "215", "Description": "Retainer"}]}
    )[0]
    assert (moved["LineItems"][0]["AccountCode"], moved["Total"]) == ("215", 110)
    fixed = "This document cannot be edited as it has a payment or credit note allocated to it."
    for change in ({"Date": "2026-11-01"}, {"LineItems": [{"LineItemID": row, "Quantity": "2"}]}):
        assert fixed in errors(world.post("Invoices", {"InvoiceID": made["InvoiceID"]} | change)[0])
    nameless = world.post("Invoices", {"InvoiceID": made["InvoiceID"], "LineItems": [line()]})[0]
    assert errors(nameless) == ["To update fields on a paid invoice line item, you must supply a LineItemID"]


@pytest.mark.parametrize("status", ["VOIDED", "DRAFT", "SUBMITTED"])
def test_an_invoice_with_payments_keeps_its_status(world: World, acme: Json, status: str) -> None:
    made = world.invoice(acme)
    world.payment(made, "50")
    tried = world.post("Invoices", {"InvoiceID": made["InvoiceID"], "Status": status})[0]
    words = "because it has payments or credit notes allocated to it."
    assert errors(tried) == [f"The status {status} cannot be applied to the invoice {words}"]


def test_a_lock_date_stops_making_editing_and_voiding(world: World, acme: Json) -> None:
    made = world.invoice(acme)
    world.control(f"organisations/{world.tenant}", {"period_lock_date": "2026-11-20"})
    lock = "The document date cannot be before the period lock date, currently set at 20 November 2026"
    assert refused(world, invoice(acme, "H-2")) == [lock]
    for change in ({"Reference": "x"}, {"Status": "VOIDED"}):
        assert errors(world.post("Invoices", {"InvoiceID": made["InvoiceID"]} | change)[0]) == [lock]
    assert world.invoice(acme, "H-3", Date="2026-11-21")["Status"] == "AUTHORISED"
    world.control(
        f"organisations/{world.tenant}", {"period_lock_date": None, "end_of_year_lock_date": "2026-06-30"}
    )
    year = "The document date cannot be before the end of year lock date, currently set at 30 June 2026"
    assert refused(world, invoice(acme, "H-4", Date="2026-06-30")) == [year]
    assert world.get("Organisation")["Organisations"][0]["EndOfYearLockDate"] == "/Date(1782777600000+0000)/"
