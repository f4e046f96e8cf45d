"""Reads of the stand-in Xero: reference data of three countries, lists, filters, pages, modified since."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from urllib.parse import quote

import pytest

from tests.sandbox.xero_world import Json, World, fresh, invoice, read, xero_world

COUNTRIES = [("au", "AUD", "AU"), ("nz", "NZD", "NZ"), ("uk", "GBP", "GB")]


@pytest.fixture(scope="module")
def running() -> Iterator[World]:
    with xero_world() as made:
        yield made


@pytest.fixture
def world(running: World) -> World:
    return fresh(running)


@pytest.fixture
def acme(world: World) -> Json:
    return world.contact("Acme Ltd", ContactNumber="hoop-1")


def numbers(world: World, query: str) -> list[str]:
    return [one["InvoiceNumber"] for one in world.get(f"Invoices?order=InvoiceNumber&{query}")["Invoices"]]


@pytest.mark.parametrize(("key", "currency", "country"), COUNTRIES)
def test_each_organisation_has_a_full_chart(world: World, key: str, currency: str, country: str) -> None:
    world.grant(key)
    organisation = world.get("Organisation")["Organisations"][0]
    assert (organisation["BaseCurrency"], organisation["CountryCode"]) == (currency, country)
    assert organisation["ShortCode"].startswith("!")
    assert "PeriodLockDate" not in organisation
    assert organisation["IsDemoCompany"] == (key == "nz")
    accounts = world.get("Accounts")["Accounts"]
    active = [one for one in accounts if one["Status"] == "ACTIVE"]
    assert len(accounts) >= 25
    banks = [one for one in active if one["Type"] == "BANK"]
    assert {"Code" in one for one in banks} == {True, False}
    assert {"REVENUE", "SALES", "OTHERINCOME"} <= {one["Type"] for one in active}
    assert {"DEBTORS", "CREDITORS", "GST", "ROUNDING", "RETAINEDEARNINGS"} <= {
        one.get("SystemAccount", "") for one in active
    }
    assert any(one["Class"] == "REVENUE" and one["Status"] == "ARCHIVED" for one in accounts)
    assert any(one["EnablePaymentsToAccount"] and one["Type"] != "BANK" for one in active)
    assert len({one["AccountID"] for one in accounts}) == len(accounts)
    codes = [one["Code"] for one in accounts if "Code" in one]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize(
    ("key", "tax_type", "percent"),
    [("au", "OUTPUT", 10), ("nz", "OUTPUT2", 15), ("uk", "OUTPUT2", 20), ("uk", "RROUTPUT", 5)],
)
def test_tax_rates_say_percent_components_and_where_they_apply(
    world: World, key: str, tax_type: str, percent: int
) -> None:
    world.grant(key)
    rate = world.get(f"TaxRates/{tax_type}")["TaxRates"][0]
    assert (rate["EffectiveRate"], rate["CanApplyToRevenue"], rate["CanApplyToExpenses"]) == (
        percent,
        True,
        False,
    )
    assert rate["TaxComponents"][0]["Rate"] == percent
    assert any(one["Status"] != "ACTIVE" for one in world.get("TaxRates")["TaxRates"])
    assert world.ask("GET", "TaxRates/NOSUCH").status_code == 404


def test_every_accounts_tax_type_fits_its_class(world: World) -> None:
    flags = {
        "ASSET": "CanApplyToAssets",
        "EQUITY": "CanApplyToEquity",
        "EXPENSE": "CanApplyToExpenses",
        "LIABILITY": "CanApplyToLiabilities",
        "REVENUE": "CanApplyToRevenue",
    }
    for key, _, _ in COUNTRIES:
        world.grant(key)
        rates = {one["TaxType"]: one for one in world.get("TaxRates")["TaxRates"]}
        for account in world.get("Accounts")["Accounts"]:
            rate = rates[account["TaxType"]]
            assert rate["Status"] == "ACTIVE"
            assert rate[flags[account["Class"]]], account["Name"]


def test_accounts_are_filtered_and_read_singly(world: World) -> None:
    where = quote('Status=="ACTIVE" AND Class=="REVENUE"')
    rows = world.get(f"Accounts?where={where}&order=Code%20DESC")["Accounts"]
    assert [one["Code"] for one in rows] == ["270", "260", "230", "220", "215", "205", "200"]
    one = world.get(f"Accounts/{rows[0]['AccountID']}")["Accounts"]
    assert [each["Code"] for each in one] == ["270"]
    assert world.ask("GET", "Accounts/d4ad8fd6-5c72-4924-91b1-07f1472eb4c3").status_code == 404


def test_currencies_themes_and_tracking_are_there(world: World) -> None:
    assert [one["Code"] for one in world.get("Currencies")["Currencies"]] == ["AUD", "USD", "NZD"]
    assert world.get("BrandingThemes")["BrandingThemes"][0]["SortOrder"] == 0
    categories = world.get("TrackingCategories")["TrackingCategories"]
    assert [one["Name"] for one in categories] == ["Studio", "Team"]
    assert "Old Wharf (closed)" not in [one["Name"] for one in categories[0]["Options"]]


def test_the_envelope_names_the_app_and_the_time(world: World) -> None:
    body = world.get("Currencies")
    assert list(body)[:4] == ["Id", "Status", "ProviderName", "DateTimeUTC"]
    assert body["DateTimeUTC"].startswith("/Date(")
    assert body["DateTimeUTC"].endswith(")/")
    assert "+" not in body["DateTimeUTC"]


def test_lines_are_shown_only_on_single_and_paged_reads(world: World, acme: Json) -> None:
    made = world.invoice(acme)
    assert world.get("Invoices")["Invoices"][0]["LineItems"] == []
    assert "pagination" not in world.get("Invoices")
    assert world.get("Invoices?page=1")["Invoices"][0]["LineItems"]
    assert world.get(f"Invoices?IDs={made['InvoiceID']}&page=1")["Invoices"][0]["LineItems"]
    brief = world.get("Invoices?summaryOnly=true")
    assert "pagination" in brief
    assert not {"LineItems", "Payments", "HasAttachments"} & set(brief["Invoices"][0])
    assert "pagination" in world.get("Invoices?Statuses=AUTHORISED")


def test_invoices_are_found_by_ids_numbers_contacts_and_statuses(world: World, acme: Json) -> None:
    other = world.contact("Borealis")
    one, _two = world.invoice(acme, "H-1"), world.invoice(acme, "H-2", Status="DRAFT")
    three = world.invoice(other, "H-3")
    assert numbers(world, f"IDs={one['InvoiceID']},{three['InvoiceID']}") == ["H-1", "H-3"]
    assert numbers(world, "InvoiceNumbers=H-3,h-1,H-9") == ["H-1", "H-3"]
    assert numbers(world, f"ContactIDs={acme['ContactID']}") == ["H-1", "H-2"]
    assert numbers(world, "Statuses=DRAFT,VOIDED") == ["H-2"]
    assert numbers(world, "createdByMyApp=true") == ["H-1", "H-2", "H-3"]
    assert numbers(world, "searchTerm=h-2") == ["H-2"]
    assert world.get("Invoices/H-2")["Invoices"][0]["Status"] == "DRAFT"


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ('Type=="ACCREC" AND Status=="AUTHORISED"', ["H-1", "H-3"]),
        ("Date>=DateTime(2026,11,20) AND Date<=DateTime(2026,11,20)", ["H-1", "H-2"]),
        ("DueDate > DateTime(2026, 12, 31)", ["H-3"]),
        ('Contact.Name=="acme ltd" AND AmountDue>=110', ["H-1", "H-2"]),
        ('Contact.ContactNumber=="hoop-1" AND Reference=="R 2"', ["H-2"]),
        ('(Reference=="R 2" OR InvoiceNumber=="H-3") AND AmountPaid==0', ["H-2", "H-3"]),
        ('Reference.Contains("R")', ["H-2"]),
        ("FullyPaidOnDate==null", ["H-1", "H-2", "H-3"]),
        ("SentToContact==true", []),
    ],
)
def test_the_filter_language_is_understood(world: World, acme: Json, where: str, found: list[str]) -> None:
    world.invoice(acme, "H-1")
    world.invoice(acme, "H-2", Status="DRAFT", Reference="R 2")
    world.invoice(world.contact("Borealis"), "H-3", Date="2026-12-01", DueDate="2027-01-15")
    assert numbers(world, f"where={quote(where)}") == found


def test_a_filter_by_contact_id_wants_a_guid(world: World, acme: Json) -> None:
    world.invoice(acme, "H-1")
    guid = quote(f'Contact.ContactID==guid("{acme["ContactID"]}")')
    assert numbers(world, f"where={guid}") == ["H-1"]
    text = quote(f'Contact.ContactID=="{acme["ContactID"]}"')
    assert world.ask("GET", f"Invoices?where={text}").status_code == 400
    broken = quote('InvoiceID==guid("x")')
    assert world.ask("GET", f"Invoices?where={broken}").status_code == 400


def test_pages_cover_every_invoice_once(world: World, acme: Json) -> None:
    world.put("Invoices", *[invoice(acme, f"H-{number:03d}") for number in range(45)])
    seen: list[str] = []
    for page in (1, 2, 3):
        body = world.get(f"Invoices?page={page}&pageSize=20")
        assert body["pagination"] == {"page": page, "pageSize": 20, "pageCount": 3, "itemCount": 45}
        seen += [one["InvoiceNumber"] for one in body["Invoices"]]
    assert sorted(seen) == [f"H-{number:03d}" for number in range(45)]
    assert world.get("Invoices?page=9")["Invoices"] == []


@pytest.mark.parametrize(
    "form", ["2026-11-22T10:00:00", "2026-11-22T10:00:00+00:00", "Sun, 22 Nov 2026 10:00:00 GMT"]
)
def test_modified_since_takes_every_form_of_the_moment(world: World, form: str) -> None:
    world.control("clock", {"now": "2026-11-22T09:00:00+00:00"})
    world.grant()
    contact = world.contact()
    old = world.invoice(contact, "H-1")
    world.invoice(contact, "H-2")
    world.control("clock", {"now": "2026-11-22T10:00:05+00:00"})
    world.grant()
    world.payment(old, "10")
    rows = world.get("Invoices", If_Modified_Since=form)["Invoices"]
    assert [one["InvoiceNumber"] for one in rows] == ["H-1"]
    assert world.ask("GET", "Invoices", If_Modified_Since="yesterday").status_code == 400


def test_money_is_exact_in_the_json(world: World, acme: Json) -> None:
    made = world.invoice(
        acme, LineItems=[{"Description": "x", "Quantity": "3", "UnitAmount": "0.1", "AccountCode": "200"}]
    )
    answer = world.ask("GET", f"Invoices/{made['InvoiceID']}")
    assert b'"SubTotal":0.30' in answer.content
    assert read(answer)["Invoices"][0]["Total"] == Decimal("0.33")
