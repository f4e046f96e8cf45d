"""Invoices of the stand-in Xero: rules, arithmetic, both forms of a batch's answer."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from tests.sandbox.xero_world import Json, World, errors, fresh, invoice, line, read, xero_world


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


def test_an_approved_invoice_shows_what_xero_shows(world: World, acme: Json) -> None:
    made = world.invoice(acme, Reference="HoopAI 1", Url="https://portal.example/i/1")
    assert made["StatusAttributeString"] == "OK"
    assert (made["SubTotal"], made["TotalTax"], made["Total"]) == (100, 10, 110)
    assert (made["AmountDue"], made["AmountPaid"], made["Status"]) == (110, 0, "AUTHORISED")
    assert made["DateString"] == "2026-11-20T00:00:00"
    assert made["Date"] == "/Date(1795132800000+0000)/"
    assert made["UpdatedDateUTC"].endswith("+0000)/")
    assert made["UpdatedDateUTCString"].endswith("Z")
    assert made["Contact"]["Name"] == "Acme Ltd"
    assert made["Contact"]["IsCustomer"] is True
    kept = made["LineItems"][0]
    assert (kept["AccountCode"], kept["TaxType"], kept["TaxAmount"]) == ("200", "OUTPUT", 10)
    assert made["CurrencyCode"] == "AUD"
    assert world.get(f"Invoices/{made['InvoiceID']}")["Invoices"][0]["LineItems"] == made["LineItems"]


def test_tax_is_rounded_per_line_and_then_summed(world: World) -> None:
    world.grant("nz")
    rows = [line(amount) for amount in ("25.06", "25.61", "25.63")]
    made = world.invoice(world.contact(), LineItems=rows)
    assert [row["TaxAmount"] for row in made["LineItems"]] == [
        Decimal("3.76"),
        Decimal("3.84"),
        Decimal("3.84"),
    ]
    assert made["TotalTax"] == Decimal("11.44")


def test_inclusive_lines_hold_their_tax_and_no_tax_lines_have_none(world: World, acme: Json) -> None:
    inside = world.invoice(acme, "H-1", LineAmountTypes="Inclusive", LineItems=[line("19.99"), line("5.00")])
    assert inside["Total"] == Decimal("24.99")
    assert inside["TotalTax"] == Decimal("1.82") + Decimal("0.45")
    without = world.invoice(acme, "H-2", LineAmountTypes="NoTax")
    assert (without["TotalTax"], without["LineItems"][0]["TaxType"]) == (0, "NONE")


def test_unit_amounts_keep_four_decimals_only_when_asked(world: World, acme: Json) -> None:
    rows = [line("1.2345", Quantity="100")]
    four = world.put("Invoices", invoice(acme, "H-1", LineItems=rows))[0]
    two = world.put("Invoices", invoice(acme, "H-2", LineItems=rows), query="")[0]
    assert (four["LineItems"][0]["UnitAmount"], four["SubTotal"]) == (Decimal("1.2345"), Decimal("123.45"))
    assert (two["LineItems"][0]["UnitAmount"], two["SubTotal"]) == (Decimal("1.23"), 123)
    back = world.get(f"Invoices/{four['InvoiceID']}")["Invoices"][0]
    assert back["LineItems"][0]["UnitAmount"] == Decimal("1.23")
    assert (
        world.get(f"Invoices/{four['InvoiceID']}?unitdp=4")["Invoices"][0]["LineItems"] == four["LineItems"]
    )


def test_discounts_lower_the_line(world: World, acme: Json) -> None:
    rows = [line("50.00", Quantity="2", DiscountRate="10"), line("20.00", DiscountAmount="5.00")]
    made = world.invoice(acme, LineItems=rows)
    assert [row["LineAmount"] for row in made["LineItems"]] == [90, 15]
    assert (made["TotalDiscount"], made["IsDiscounted"], made["Total"]) == (15, True, Decimal("115.50"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"Type": "SALE"}, "Invoice not of valid type for creation"),
        ({"Status": "PAID"}, "Invoice not of valid status for creation"),
        ({"Contact": None}, "A Contact must be specified for this type of transaction"),
        ({"LineItems": []}, "One or more line items must be specified"),
        ({"DueDate": None}, "Due date cannot be empty."),
        ({"CurrencyCode": "EUR"}, "Organisation is not subscribed to currency EUR"),
        (
            {"LineItems": [line("-5.00")]},
            "The Total for this document must be greater than or equal to zero.",
        ),
        ({"LineItems": [line(account="999")]}, "Account code '999' is not a valid code for this document."),
        ({"LineItems": [line(account="610")]}, "Account code '610' is not a valid code for this document."),
        ({"LineItems": [line(account="090")]}, "Account code '090' is not a valid code for this document."),
        (
            {"LineItems": [line(account="250")]},
            "Account code '250' has been archived, or has been deleted. "
            "Each line item must reference a valid account.",
        ),
        ({"LineItems": [line(account="")]}, "Account code or ID must be specified"),
        (
            {"LineItems": [line(account="12345678901")]},
            "Account Code is too long. Maximum of 10 characters allowed",
        ),
        ({"LineItems": [line(Description=" ")]}, "The description field is mandatory for each line item."),
        (
            {"LineItems": [line(TaxType="INPUT")]},
            "The TaxType code 'INPUT' cannot be used with account code '200'.",
        ),
        (
            {"LineItems": [line(LineAmount="1.00")]},
            "The line total 1.00 does not match the expected line total 100.00",
        ),
        ({"LineItems": [line(TaxAmount="100.01")]}, "The tax amount cannot be greater than the line amount!"),
    ],
)
def test_a_wrong_invoice_is_refused_in_xeros_words(
    world: World, acme: Json, changes: Json, message: str
) -> None:
    assert message in refused(world, invoice(acme) | changes)
    assert world.books()["invoices"] == []


@pytest.mark.parametrize(
    "changes",
    [
        {"InvoiceNumber": "n" * 256},
        {"InvoiceNumber": "Grün-1"},
        {"Reference": "r" * 256},
        {"Url": "/relative"},
        {"Url": "https://xero.example/1"},
        {"BrandingThemeID": "11111111-1111-1111-1111-111111111111"},
        {"LineItems": [line(TaxType="TAX001")]},
        {"LineItems": [line(TaxType="NOSUCH")]},
        {"LineItems": [line(Description="d" * 4001)]},
        {"LineItems": [line("9999999999.99", Quantity="2")]},
        {"LineItems": [line(DiscountRate="10", DiscountAmount="1")]},
        {"LineItems": [line(ItemCode="ABC")]},
        {"LineItems": [line(Tracking=[{"Name": "Studio", "Option": "Mars"}])]},
        {"LineItems": [line(Tracking=[{"Name": "Studio", "Option": "Old Wharf (closed)"}])]},
    ],
)
def test_fields_beyond_their_limits_are_refused(world: World, acme: Json, changes: Json) -> None:
    assert refused(world, invoice(acme) | changes)


def test_a_draft_may_be_incomplete_and_is_checked_when_approved(world: World, acme: Json) -> None:
    draft = world.invoice(acme, Status="DRAFT", DueDate=None, LineItems=[{"Description": "To be priced"}])
    assert (draft["Status"], draft["Total"]) == ("DRAFT", 0)
    tried = world.post(f"Invoices/{draft['InvoiceID']}", {"Status": "DRAFT", "Reference": "later"}, query="")[
        0
    ]
    assert tried["Reference"] == "later"
    answer = world.ask("POST", f"Invoices/{draft['InvoiceID']}", {"Status": "AUTHORISED"})
    assert answer.status_code == 400
    said = {one["Message"] for one in read(answer)["Elements"][0]["ValidationErrors"]}
    assert said == {"Due date cannot be empty.", "Account code or ID must be specified"}


def test_line_messages_sit_on_the_line_and_contact_messages_on_the_contact(world: World, acme: Json) -> None:
    bad = world.put("Invoices", invoice(acme, LineItems=[line(), line(account="999")]))[0]
    assert [len(row["ValidationErrors"]) for row in bad["LineItems"]] == [0, 1]
    assert bad["HasErrors"] is True
    assert bad["InvoiceID"] == "00000000-0000-0000-0000-000000000000"
    nameless = world.put("Invoices", invoice(acme, Contact={"Name": "A <b>"}))[0]
    assert nameless["Contact"]["ValidationErrors"]


def test_a_document_is_not_made_for_an_archived_contact(world: World, acme: Json) -> None:
    world.post("Contacts", {"ContactID": acme["ContactID"], "ContactStatus": "ARCHIVED"})
    said = refused(world, invoice(acme))
    assert said[0].startswith("The contact with the specified contact details has been archived.")


def test_a_contact_in_an_invoice_is_matched_or_made_by_its_name(world: World, acme: Json) -> None:
    world.invoice(acme, "H-1", Contact={"Name": "acme ltd"})
    world.invoice(acme, "H-2", Contact={"Name": "Borealis"})
    world.put("Invoices", invoice(acme, "H-3", Contact={"Name": "Never made"}, LineItems=[]))
    assert [one["Name"] for one in world.books()["contacts"]] == ["Acme Ltd", "Borealis"]


def test_foreign_currency_takes_a_rate_and_the_base_currency_ignores_one(world: World, acme: Json) -> None:
    foreign = world.invoice(acme, "H-1", CurrencyCode="USD", CurrencyRate="0.7")
    assert foreign["CurrencyRate"] == Decimal("0.7")
    assert world.invoice(acme, "H-2", CurrencyCode="USD")["CurrencyRate"] == Decimal("0.655")
    base = world.invoice(acme, "H-3", CurrencyRate="2")
    assert (base["StatusAttributeString"], base["CurrencyRate"]) == ("WARNING", 1)
    assert "CurrencyRate" in base["Warnings"][0]["Message"]


def test_tracking_by_name_comes_back_with_its_ids(world: World, acme: Json) -> None:
    made = world.invoice(acme, LineItems=[line(Tracking=[{"Name": "Studio", "Option": "Sydney"}])])
    found = made["LineItems"][0]["Tracking"][0]
    categories = world.get("TrackingCategories")["TrackingCategories"]
    assert len(categories) == 2
    assert found["TrackingCategoryID"] in [one["TrackingCategoryID"] for one in categories]


def test_the_plans_cap_on_approvals_still_lets_drafts_in(world: World, acme: Json) -> None:
    world.control(f"organisations/{world.tenant}", {"approval_limit": 1})
    world.invoice(acme, "H-1")
    assert refused(world, invoice(acme, "H-2")) == ["You have reached the limit of invoices you can approve"]
    assert world.invoice(acme, "H-2", Status="DRAFT")["Status"] == "DRAFT"


def test_a_summarised_batch_answers_400_with_the_failing_ones_and_keeps_the_others(
    world: World, acme: Json
) -> None:
    rows = [invoice(acme, "H-1"), invoice(acme, "H-2", LineItems=[]), invoice(acme, "H-3")]
    answer = world.ask("PUT", "Invoices", {"Invoices": rows})
    assert answer.status_code == 400
    said = read(answer)
    assert (said["ErrorNumber"], said["Type"]) == (10, "ValidationException")
    assert said["Message"] == "A validation exception occurred"
    assert [one["InvoiceNumber"] for one in said["Elements"]] == ["H-2"]
    assert [one["InvoiceNumber"] for one in world.books()["invoices"]] == ["H-1", "H-3"]


def test_an_unsummarised_batch_answers_200_with_every_one(world: World, acme: Json) -> None:
    rows = world.put("Invoices", invoice(acme, "H-1"), invoice(acme, "H-1"), invoice(acme, "H-2"))
    assert [one["StatusAttributeString"] for one in rows] == ["OK", "ERROR", "OK"]
    assert [one["HasErrors"] for one in rows] == [False, True, False]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            {"LineAmountTypes": "NO_TAX"},
            "Error converting value \"NO_TAX\" to type 'Xero.API.Library..LineAmountType'",
        ),
        ({"Date": "20/11/2026"}, "System.DateTime"),
        ({"LineItems": [line("ten")]}, "System.Decimal"),
        ({"Contact": {"ContactID": "17"}}, "System.Guid"),
    ],
)
def test_a_value_of_the_wrong_type_refuses_the_whole_request(
    world: World, acme: Json, body: Json, words: str
) -> None:
    answer = world.ask("PUT", "Invoices", {"Invoices": [invoice(acme, "H-1"), invoice(acme, "H-2") | body]})
    assert answer.status_code == 400
    said = read(answer)
    assert (said["ErrorNumber"], said["Type"]) == (14, "PostDataInvalidException")
    assert words in said["Message"]
    assert "Elements" not in said
    assert world.books()["invoices"] == []


def test_numbers_may_come_as_text_and_dates_in_both_forms(world: World, acme: Json) -> None:
    made = world.invoice(acme, Date="/Date(1795132800000+0000)/", DueDate="2026-12-20T00:00:00")
    assert (made["DateString"], made["DueDateString"]) == ("2026-11-20T00:00:00", "2026-12-20T00:00:00")


def test_history_grows_and_takes_notes(world: World, acme: Json) -> None:
    made = world.invoice(acme)
    world.payment(made, "110")
    answer = world.ask(
        "PUT", f"Invoices/{made['InvoiceID']}/History", {"HistoryRecords": [{"Details": "Sent by HoopAI"}]}
    )
    assert read(answer)["HistoryRecords"][0]["Details"] == "Sent by HoopAI"
    rows = world.get(f"Invoices/{made['InvoiceID']}/History")["HistoryRecords"]
    assert [row["Changes"] for row in rows] == ["Note", "Paid", "Approved"]
    long = world.ask(
        "PUT", f"Invoices/{made['InvoiceID']}/History", {"HistoryRecords": [{"Details": "x" * 2501}]}
    )
    assert long.status_code == 400


def test_only_approved_invoices_have_an_online_address(world: World, acme: Json) -> None:
    made = world.invoice(acme, "H-1")
    found = world.get(f"Invoices/{made['InvoiceID']}/OnlineInvoice")["OnlineInvoices"][0]
    assert found["OnlineInvoiceUrl"].startswith("https://")
    draft = world.invoice(acme, "H-2", Status="DRAFT")
    assert world.ask("GET", f"Invoices/{draft['InvoiceID']}/OnlineInvoice").status_code == 404


def test_an_unknown_id_is_404_in_html_and_in_a_batch_an_error(world: World) -> None:
    nobody = "d4ad8fd6-5c72-4924-91b1-07f1472eb4c3"
    answer = world.ask("GET", f"Invoices/{nobody}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    posted = world.post("Invoices", {"InvoiceID": nobody, "Status": "VOIDED"})[0]
    assert errors(posted) == ["An existing Invoice with the specified InvoiceID could not be found"]
