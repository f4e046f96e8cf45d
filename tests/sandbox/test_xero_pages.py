"""The people's page and the control interface of the stand-in Xero."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import requests

from tests.sandbox.xero_world import World, fresh, invoice, xero_world

TABS = ("invoices", "payments", "contacts", "credit-notes", "accounts")


@pytest.fixture(scope="module")
def running() -> Iterator[World]:
    with xero_world() as made:
        yield made


@pytest.fixture
def world(running: World) -> World:
    return fresh(running)


def page(world: World, path: str = "") -> str:
    answer = requests.get(f"{world.url}/{path}", timeout=10)
    assert answer.status_code == 200, answer.text
    return answer.text


def press(world: World, where: str, /, **form: str) -> requests.Response:
    return requests.post(f"{world.url}/{where}", data=form, timeout=10)


def rows(world: World, kind: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = world.books()[kind]
    return found


def test_the_front_names_the_organisations_and_which_is_connected(world: World) -> None:
    front = page(world)
    assert "Stand-in for Xero - not the real one" in front
    for name in ("Harbour Studio Pty Ltd", "Kauri Fitness Ltd", "Thames Makers Ltd"):
        assert name in front
    assert front.count(">connected<") == 1
    assert front.count("Remove the app</button>") == 1


def test_every_tab_has_one_heading_labels_and_captions(world: World) -> None:
    made = world.invoice(world.contact())
    world.payment(made, "10")
    paths = [f"books/{world.tenant}/{tab}" for tab in TABS] + [
        f"books/{world.tenant}/invoices/{made['InvoiceID']}"
    ]
    for path in ("", *paths):
        html = page(world, path)
        assert html.count("<h1>") == 1
        assert html.count("<table") == html.count("<caption>")
        assert "Stand-in for Xero" in html
        assert "<script" not in html
        assert " style=" not in html
        for field in re.findall(
            r'<(?:input|select)[^>]*(?:type="(?:text|date|number)"|name="(?:kind|method)")[^>]*>', html
        ):
            assert re.search(rf"<label[^>]*>[^<]*{re.escape(field)}", html), field


def test_an_invoice_shows_lines_accounts_tax_totals_payments_and_history(world: World) -> None:
    made = world.invoice(world.contact("Müller & Söhne"), Reference="HoopAI 7")
    world.payment(made, "60", Reference="hp-1")
    shown = page(world, f"books/{world.tenant}/invoices/{made['InvoiceID']}")
    for words in (
        "Invoice H-1",
        "Müller &amp; Söhne",
        "HoopAI 7",
        "Design",
        "OUTPUT",
        "110.00 AUD",
        "hp-1",
        "Awaiting payment",
    ):
        assert words in shown
    assert "Approved" in shown
    listed = page(world, f"books/{world.tenant}/invoices")
    assert "H-1" in listed
    assert "50.00" in listed


def test_a_person_edits_and_voids_under_xeros_own_rules(world: World) -> None:
    made = world.invoice(world.contact())
    where = f"books/{world.tenant}/invoices/{made['InvoiceID']}"
    assert (
        "The invoice is saved."
        in press(world, where, act="save", Reference="by hand", DueDate="2027-02-01").text
    )
    done = world.payment(made, "10")
    refused = press(world, where, act="void")
    assert refused.status_code == 422
    assert "because it has payments or credit notes allocated to it." in refused.text
    assert press(world, f"books/{world.tenant}/payments/{done['PaymentID']}/remove").status_code == 200
    assert "The invoice is void." in press(world, where, act="void").text
    kept = rows(world, "invoices")[0]
    assert (kept["Status"], kept["Reference"], kept["DueDate"]) == ("VOIDED", "by hand", "2027-02-01")
    history = world.get(f"Invoices/{made['InvoiceID']}/History")["HistoryRecords"]
    assert history[0]["User"] == "Mia Bookkeeper"


def test_a_bad_due_date_is_told_and_nothing_is_saved(world: World) -> None:
    made = world.invoice(world.contact())
    answer = press(world, f"books/{world.tenant}/invoices/{made['InvoiceID']}", act="save", DueDate="soon")
    assert answer.status_code == 422
    assert rows(world, "invoices")[0]["DueDate"] == "2026-12-20"


def test_an_account_is_archived_and_restored(world: World) -> None:
    account = next(one for one in world.get("Accounts")["Accounts"] if one.get("Code") == "215")
    where = f"books/{world.tenant}/accounts/{account['AccountID']}"
    assert "The account is archived." in press(world, where, act="archive").text
    contact = world.contact()
    bad = world.put(
        "Invoices",
        invoice(contact, LineItems=[{"Description": "x", "UnitAmount": "1", "AccountCode": "215"}]),
    )
    assert "has been archived" in bad[0]["ValidationErrors"][0]["Message"]
    assert "The account is active again." in press(world, where, act="restore").text


def test_a_tracking_option_is_archived_and_then_refused_on_lines_and_twice_is_once_too_often(
    world: World,
) -> None:
    group = world.get("TrackingCategories")["TrackingCategories"][0]
    said = [{"Name": group["Name"], "Option": each["Name"]} for each in group["Options"][:2]]
    contact = world.contact()

    def made(*tracking: dict[str, str]) -> dict[str, object]:
        line = {"Description": "x", "UnitAmount": "1", "AccountCode": "200", "Tracking": list(tracking)}
        return dict(world.put("Invoices", invoice(contact, LineItems=[line]))[0])

    assert "used only once on a line" in str(made(*said)["ValidationErrors"])
    where = f"books/{world.tenant}/tracking/{group['Options'][0]['TrackingOptionID']}"
    assert "The tracking option is archived." in press(world, where, act="archive").text
    assert "is not an active option" in str(made(said[0])["ValidationErrors"])
    assert "The tracking option is active again." in press(world, where, act="restore").text
    assert made(said[0])["Status"] == "AUTHORISED"


def test_a_contact_is_archived_and_restored(world: World) -> None:
    made = world.contact()
    where = f"books/{world.tenant}/contacts/{made['ContactID']}"
    press(world, where, act="archive")
    assert world.get("Contacts")["Contacts"] == []
    press(world, where, act="restore")
    assert len(world.get("Contacts")["Contacts"]) == 1


def test_lock_dates_are_set_and_cleared(world: World) -> None:
    where = f"books/{world.tenant}/locks"
    assert "The lock dates are saved." in press(world, where, period="2026-10-31", year="").text
    assert "PeriodLockDate" in world.get("Organisation")["Organisations"][0]
    press(world, where, period="", year="")
    assert "PeriodLockDate" not in world.get("Organisation")["Organisations"][0]


def test_removing_the_app_drops_the_connection(world: World) -> None:
    assert "its connection is gone" in press(world, f"books/{world.tenant}/remove-app").text
    assert world.ask("GET", "Organisation").status_code == 403
    assert "Remove the app</button>" not in page(world)


def test_faults_are_switched_on_and_off_from_the_page(world: World) -> None:
    press(world, "faults", act="set", kind="503", method="*", path="Currencies", times="2", seconds="1")
    assert world.ask("GET", "Currencies").status_code == 503
    press(world, "faults", act="mend")
    assert world.ask("GET", "Currencies").status_code == 200
    assert "That fault needs" in press(world, "faults", act="set", kind="nonsense").text
    assert "/api.xro/2.0/Currencies" in page(world)


def test_pages_of_nothing_are_404(world: World) -> None:
    for path in ("books/nobody/invoices", f"books/{world.tenant}/invoices/nothing", "books/x/accounts"):
        assert requests.get(f"{world.url}/{path}", timeout=10).status_code == 404


def test_pages_forbid_scripts_and_strange_forms(world: World) -> None:
    policy = requests.get(f"{world.url}/", timeout=10).headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self'" in policy


def test_reset_gives_a_first_day_and_keeps_no_connection(world: World) -> None:
    world.invoice(world.contact())
    world.control("reset", {})
    assert world.books()["invoices"] == []
    assert world.ask("GET", "Organisation").status_code == 403


def test_the_control_changes_organisations_accounts_invoices_and_contacts(world: World) -> None:
    made = world.invoice(world.contact())
    world.control(f"invoices/{world.tenant}/{made['InvoiceID']}", {"Reference": "changed in Xero"})
    assert rows(world, "invoices")[0]["Reference"] == "changed in Xero"
    world.control(f"contacts/{world.tenant}/{made['Contact']['ContactID']}", {"ContactStatus": "ARCHIVED"})
    assert rows(world, "contacts")[0]["ContactStatus"] == "ARCHIVED"
    answer = requests.post(
        f"{world.url}/control/organisations/{world.tenant}", json={"colour": "red"}, timeout=10
    )
    assert answer.status_code == 400
    assert (
        requests.post(f"{world.url}/control/accounts/{world.tenant}/999", json={}, timeout=10).status_code
        == 404
    )
    assert requests.post(f"{world.url}/control/faults", json={"kind": "x"}, timeout=10).status_code == 400


def test_service_time_makes_calls_take_as_long_as_in_life(world: World) -> None:
    contact = world.contact()
    world.control("service-time", {"base": 0.05, "per_element": 0.02})
    world.put("Invoices", *[invoice(contact, f"H-{number}") for number in range(5)])
    assert world.control("calls")["calls"][-1]["ms"] >= 150


def test_the_books_name_contacts_accounts_and_payments(world: World) -> None:
    made = world.invoice(world.contact("Acme", ContactNumber="hoop-1"))
    world.payment(made, "10", Reference="hp-1")
    books = world.books()
    kept = books["invoices"][0]
    assert kept["Contact"]["ContactNumber"] == "hoop-1"
    assert kept["LineItems"][0]["AccountCode"] == "200"
    assert kept["Payments"][0]["AccountCode"] == "090"
    assert (books["payments"][0]["InvoiceNumber"], books["CountryCode"]) == ("H-1", "AU")
