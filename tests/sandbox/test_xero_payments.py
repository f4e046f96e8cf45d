"""Payments, credit notes and overpayments of the stand-in Xero."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from urllib.parse import quote

import pytest

from tests.sandbox.xero_world import Json, World, errors, fresh, line, payment, read, xero_world


@pytest.fixture(scope="module")
def running() -> Iterator[World]:
    with xero_world() as made:
        yield made


@pytest.fixture
def world(running: World) -> World:
    return fresh(running)


@pytest.fixture
def made(world: World) -> Json:
    return world.invoice(world.contact())


def state(world: World, identity: str) -> tuple[str, Decimal, Decimal]:
    found = world.get(f"Invoices/{identity}")["Invoices"][0]
    return found["Status"], found["AmountPaid"], found["AmountDue"]


def refused(world: World, body: Json) -> list[str]:
    return errors(world.put("Payments", body)[0])


def note(world: World, invoice: Json, amount: str = "50.00", **more: object) -> Json:
    body = {
        "Type": "ACCRECCREDIT",
        "Contact": {"ContactID": invoice["Contact"]["ContactID"]},
        "Date": "2026-11-21",
        "Status": "AUTHORISED",
        "LineAmountTypes": "NoTax",
        "LineItems": [line(amount)],
    }
    return world.put("CreditNotes", body | more)[0]


def test_part_payments_add_up_to_a_paid_invoice(world: World, made: Json) -> None:
    first = world.payment(made, "60", Reference="hp-1")
    assert state(world, made["InvoiceID"]) == ("AUTHORISED", 60, 50)
    assert (first["PaymentType"], first["Status"], first["HasValidationErrors"]) == (
        "ACCRECPAYMENT",
        "AUTHORISED",
        False,
    )
    assert first["Account"]["Code"] == "090"
    assert first["Invoice"]["InvoiceNumber"] == "H-1"
    world.payment(made, "50", Reference="hp-2")
    assert state(world, made["InvoiceID"]) == ("PAID", 110, 0)
    found = world.get(f"Invoices/{made['InvoiceID']}")["Invoices"][0]
    assert [one["Reference"] for one in found["Payments"]] == ["hp-1", "hp-2"]
    assert found["FullyPaidOnDate"] == "/Date(1795219200000+0000)/"


def test_a_batch_of_payments_sees_what_its_own_earlier_ones_paid(world: World, made: Json) -> None:
    rows = world.put("Payments", payment(made, "100"), payment(made, "20"), payment(made, "10"))
    assert [one["StatusAttributeString"] for one in rows] == ["OK", "ERROR", "OK"]
    assert errors(rows[1]) == ["Payment amount exceeds the amount outstanding on this document"]
    assert state(world, made["InvoiceID"])[0] == "PAID"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"Amount": "110.01"}, "Payment amount exceeds the amount outstanding on this document"),
        ({"Account": {"Code": "999"}}, "Account could not be found"),
        ({"Account": {"Code": "200"}}, "Account type is invalid for making a payment to/from"),
        ({"Invoice": {"InvoiceID": "d4ad8fd6-5c72-4924-91b1-07f1472eb4c3"}}, "Document could not be found"),
        ({"Amount": "0"}, "Payment amount must be greater than zero."),
        ({"Amount": None}, "Payment amount must be greater than zero."),
    ],
)
def test_a_wrong_payment_is_refused(world: World, made: Json, changes: Json, message: str) -> None:
    assert refused(world, payment(made, "10") | changes) == [message]
    assert world.books()["payments"] == []


def test_exactly_one_document_is_paid(world: World, made: Json) -> None:
    assert refused(world, payment(made, "10") | {"Invoice": None})
    assert refused(world, payment(made, "10") | {"CreditNote": {"CreditNoteNumber": "CN-0001"}})


def test_payments_go_to_bank_accounts_and_payment_enabled_ones_by_code_or_id(
    world: World, made: Json
) -> None:
    accounts = world.get("Accounts")["Accounts"]
    no_code = next(one for one in accounts if one["Type"] == "BANK" and "Code" not in one)
    world.payment(made, "10", Account={"AccountID": no_code["AccountID"]})
    world.payment(made, "10", Account={"Code": "855"})
    world.control(f"accounts/{world.tenant}/855", {"EnablePaymentsToAccount": False})
    assert refused(world, payment(made, "10", Account={"Code": "855"})) == [
        "Account type is invalid for making a payment to/from"
    ]


def test_drafts_voids_and_paid_invoices_take_no_payment(world: World) -> None:
    contact = world.contact()
    words = ["Payments can only be made against Authorised documents"]
    assert refused(world, payment(world.invoice(contact, "H-1", Status="DRAFT"), "10")) == words
    gone = world.invoice(contact, "H-2")
    world.post("Invoices", {"InvoiceID": gone["InvoiceID"], "Status": "VOIDED"})
    assert refused(world, payment(gone, "10")) == words
    paid = world.invoice(contact, "H-3")
    world.payment(paid, "110")
    assert refused(world, payment(paid, "10")) == words


def test_a_lock_date_stops_payments_and_their_removal(world: World, made: Json) -> None:
    done = world.payment(made, "10")
    world.control(f"organisations/{world.tenant}", {"period_lock_date": "2026-11-21"})
    assert "period lock date" in refused(world, payment(made, "10"))[0]
    answer = world.ask("POST", f"Payments/{done['PaymentID']}", {"Status": "DELETED"})
    assert "period lock date" in answer.text


def test_a_removed_payment_opens_the_invoice_again(world: World, made: Json) -> None:
    done = world.payment(made, "110")
    where = f"Payments/{done['PaymentID']}"
    extra = world.ask("POST", where, {"Payments": [{"Status": "DELETED", "Amount": 110}]})
    assert "Only Status accepted for updates." in extra.text
    gone = world.post(where, {"Status": "DELETED"})[0]
    assert gone["Status"] == "DELETED"
    assert state(world, made["InvoiceID"]) == ("AUTHORISED", 0, 110)
    assert "FullyPaidOnDate" not in world.get(f"Invoices/{made['InvoiceID']}")["Invoices"][0]
    again = world.ask("POST", where, {"Status": "DELETED"})
    assert (again.status_code, "Payment not of valid status for modification" in again.text) == (400, True)
    assert (
        world.ask("POST", "Payments/d4ad8fd6-5c72-4924-91b1-07f1472eb4c3", {"Status": "DELETED"}).status_code
        == 404
    )


def test_post_takes_an_array_of_payments_and_removals(world: World, made: Json) -> None:
    done = world.post("Payments", payment(made, "10"), payment(made, "20"))
    rows = world.post("Payments", {"PaymentID": done[0]["PaymentID"], "Status": "DELETED"})
    assert rows[0]["Status"] == "DELETED"
    assert state(world, made["InvoiceID"]) == ("AUTHORISED", 20, 90)


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ('Invoice.InvoiceID==guid("{id}")', ["a", "b", "c"]),
        ('Invoice.InvoiceID=guid("{id}") && Reference=="b"', ["b"]),
        ('Status=="AUTHORISED" AND Invoice.InvoiceNumber=="H-1"', ["a", "b"]),
        ('Status=="DELETED"', ["c"]),
        ("Date>=DateTime(2026,11,22) AND Date<DateTime(2026, 11, 24)", ["b"]),
        ("Amount > 15", ["b", "c"]),
    ],
)
def test_payments_are_found_by_filter(world: World, made: Json, where: str, found: list[str]) -> None:
    world.payment(made, "10", Reference="a")
    world.payment(made, "20", Reference="b", Date="2026-11-23")
    gone = world.payment(made, "30", Reference="c")
    world.post(f"Payments/{gone['PaymentID']}", {"Status": "DELETED"})
    rows = world.get(f"Payments?where={quote(where.format(id=made['InvoiceID']))}&order=Reference")[
        "Payments"
    ]
    assert [one["Reference"] for one in rows] == found


def test_a_payment_in_another_currency_says_what_reaches_the_bank(world: World) -> None:
    made = world.invoice(world.contact(), CurrencyCode="USD", CurrencyRate="0.5")
    done = world.payment(made, "50")
    assert (done["Amount"], done["BankAmount"]) == (50, 100)
    assert world.payment(made, "10", BankAmount="21.5")["BankAmount"] == Decimal("21.5")
    assert world.payment(made, "10", Account={"Code": "095"})["BankAmount"] == 10


def test_a_credit_note_lowers_what_is_due_when_allocated(world: World, made: Json) -> None:
    credit = note(world, made)
    assert (credit["CreditNoteNumber"], credit["RemainingCredit"]) == ("CN-0001", 50)
    where = f"CreditNotes/{credit['CreditNoteID']}/Allocations"
    body = {
        "Allocations": [{"Invoice": {"InvoiceID": made["InvoiceID"]}, "Amount": "30", "Date": "2026-11-22"}]
    }
    done = read(world.ask("PUT", where, body))["Allocations"][0]
    assert state(world, made["InvoiceID"]) == ("AUTHORISED", 0, 80)
    shown = world.get(f"CreditNotes/{credit['CreditNoteID']}")["CreditNotes"][0]
    assert (shown["RemainingCredit"], shown["Allocations"][0]["Amount"]) == (20, 30)
    invoice = world.get(f"Invoices/{made['InvoiceID']}")["Invoices"][0]
    assert invoice["AmountCredited"] == 30
    assert invoice["CreditNotes"][0]["AppliedAmount"] == 30
    assert (
        world.ask(
            "PUT", where, body | {"Allocations": [body["Allocations"][0] | {"Amount": "21"}]}
        ).status_code
        == 400
    )
    assert world.ask("DELETE", f"{where}/{done['AllocationID']}").status_code == 200
    assert state(world, made["InvoiceID"]) == ("AUTHORISED", 0, 110)


def test_a_credit_of_the_whole_sum_makes_the_invoice_paid(world: World, made: Json) -> None:
    credit = note(world, made, "110.00")
    body = {
        "Allocations": [{"Invoice": {"InvoiceID": made["InvoiceID"]}, "Amount": "110", "Date": "2026-11-22"}]
    }
    world.ask("PUT", f"CreditNotes/{credit['CreditNoteID']}/Allocations", body)
    assert state(world, made["InvoiceID"]) == ("PAID", 0, 0)
    assert world.get(f"CreditNotes/{credit['CreditNoteID']}")["CreditNotes"][0]["Status"] == "PAID"
    voided = world.post("Invoices", {"InvoiceID": made["InvoiceID"], "Status": "VOIDED"})[0]
    assert "payments or credit notes allocated" in errors(voided)[0]


def test_a_draft_credit_note_is_not_allocated_and_takes_no_discounts(world: World, made: Json) -> None:
    draft = note(world, made, Status="DRAFT")
    body = {
        "Allocations": [{"Invoice": {"InvoiceID": made["InvoiceID"]}, "Amount": "1", "Date": "2026-11-22"}]
    }
    assert world.ask("PUT", f"CreditNotes/{draft['CreditNoteID']}/Allocations", body).status_code == 400
    body = {"Type": "ACCRECCREDIT", "Contact": {"ContactID": made["Contact"]["ContactID"]}}
    bad = world.put("CreditNotes", body | {"LineItems": [line(DiscountRate="10")]})[0]
    assert errors(bad) == ["Discounts can only be used on sales invoices and quotes."]


def test_money_given_back_on_a_credit_note_is_a_payment_of_its_own_kind(world: World, made: Json) -> None:
    credit = note(world, made)
    body = payment(made, "50") | {"CreditNote": {"CreditNoteID": credit["CreditNoteID"]}}
    del body["Invoice"]
    done = world.put("Payments", body)[0]
    assert done["PaymentType"] == "ARCREDITPAYMENT"
    assert done["Invoice"]["InvoiceID"] == credit["CreditNoteID"]
    assert world.get(f"CreditNotes/{credit['CreditNoteID']}")["CreditNotes"][0]["Status"] == "PAID"


def test_an_overpayment_is_banked_and_put_on_an_invoice(world: World, made: Json) -> None:
    body = {
        "Type": "RECEIVE-OVERPAYMENT",
        "Contact": {"ContactID": made["Contact"]["ContactID"]},
        "BankAccount": {"Code": "090"},
        "Date": "2026-11-21",
        "LineItems": [
            {"Description": "Paid twice", "Quantity": "1", "UnitAmount": "40", "AccountCode": "610"}
        ],
    }
    done = world.put("BankTransactions", body)[0]
    found = world.get(f"Overpayments/{done['OverpaymentID']}")["Overpayments"][0]
    assert (found["Type"], found["RemainingCredit"], found["Status"]) == (
        "RECEIVE-OVERPAYMENT",
        40,
        "AUTHORISED",
    )
    part = {
        "Allocations": [{"Invoice": {"InvoiceID": made["InvoiceID"]}, "Amount": "40", "Date": "2026-11-22"}]
    }
    assert world.ask("PUT", f"Overpayments/{done['OverpaymentID']}/Allocations", part).status_code == 200
    assert state(world, made["InvoiceID"]) == ("AUTHORISED", 0, 70)
    assert world.get("Overpayments?page=1")["Overpayments"][0]["RemainingCredit"] == 0
    other = world.put("BankTransactions", body | {"Type": "RECEIVE"})[0]
    assert "stand-in" in errors(other)[0]
