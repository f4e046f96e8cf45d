"""The first day of a new user, in a real browser: from signing in to a paid invoice in Xero."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser import people
from tests.browser.conftest import Watched
from tests.support.house import HARBOUR, House

SOON = 20_000  # milliseconds; "within seconds", on a machine that does other things too
LINES = [("Care plan", "2", "150"), ("Workshop", "1", "200")]


def test_from_signing_in_to_a_paid_invoice_in_xero(watched: Callable[..., Watched], house: House) -> None:
    browser = watched()
    portal, hoop, xero = browser.page(), browser.page(), browser.page()
    people.sign_in(portal, house)
    connect(portal)
    map_accounts(portal)

    hoop.goto(f"{house.sandbox}/hoopai/?location={HARBOUR}")
    number = people.bill(hoop, "Lantern Foods (Mira Okafor)", LINES, "GST 10 %")
    sees_it_sent(portal, number)
    xero.goto(f"{house.sandbox}/xero/")
    sees_it_awaiting_payment(xero, number)

    people.pay(hoop, "275")
    sees_payments(portal, 1)
    people.pay(hoop, "")
    sees_payments(portal, 2)
    sees_it_paid_in_xero(xero)
    sees_it_paid(portal, number)
    assert house.complaints() == []


def connect(portal: Page) -> None:
    people.to_integrations(portal, "Harbour Studio")
    card = people.card(portal)
    expect(card).to_contain_text("Not connected")
    card.get_by_role("link", name="Connect to Xero").click()
    people.allow(portal, "Mia", "AU, AUD")
    expect(portal.get_by_role("status").filter(has_text="is connected")).to_be_visible()
    expect(card).to_contain_text("Harbour Studio Pty Ltd")
    expect(card).to_contain_text("Mapping needed")


def map_accounts(portal: Page) -> None:
    people.card(portal).get_by_role("link", name=re.compile("Map accounts|Account Mapping")).click()
    expect(portal.get_by_role("heading", level=1)).to_have_text("Account Mapping")
    people.choose(portal, "Default revenue account", re.compile("^200 "))
    people.choose(portal, re.compile("Xero tax rate for Any tax of"), re.compile("GST on Income"))
    people.choose(portal, "Xero account for All payments", re.compile("^090 "))
    portal.get_by_role("button", name="Save mapping").click()
    expect(portal.get_by_text("3 choices saved.")).to_be_visible()


def sees_it_sent(portal: Page, number: str) -> None:
    portal.get_by_role("navigation", name="Rooms of").get_by_role("link", name="Invoices").click()
    row = portal.get_by_role("row").filter(has=portal.get_by_role("rowheader", name=number))
    reload_until(portal, lambda: row.get_by_text("Sent", exact=True).count() == 2)
    row.get_by_role("link", name=number, exact=True).click()
    expect(portal.get_by_role("heading", level=1)).to_have_text(f"Invoice {number}")
    for side_by_side in (
        f"Number {number} {number}",
        "Total 550.00 AUD 550.00 AUD",
        "Status Sent Awaiting payment",
    ):
        expect(portal.get_by_role("row", name=side_by_side)).to_be_visible()
    expect(portal.get_by_role("link", name="Open in Xero")).to_have_attribute(
        "href", re.compile("^https?://")
    )


def sees_it_awaiting_payment(xero: Page, number: str) -> None:
    xero.get_by_role("link", name="Harbour Studio Pty Ltd").click()
    xero.get_by_role("link", name=number, exact=True).click()
    facts = xero.get_by_role("main")
    expect(facts).to_contain_text("AUTHORISED")
    expect(facts).to_contain_text("Lantern Foods")
    for row in (
        r"^Care plan 200 OUTPUT 2\S* 150\S* 30.00 300.00$",
        r"^Workshop 200 OUTPUT 1\S* 200\S* 20.00 200.00$",
    ):
        expect(xero.get_by_role("row", name=re.compile(row))).to_be_visible()
    for term, amount in (("Subtotal", "500.00"), ("Tax", "50.00"), ("Total", "550.00"), ("Paid", "0.00")):
        expect(facts).to_contain_text(re.compile(rf"\b{term}\s*(AUD )?{amount}"))


def sees_payments(portal: Page, count: int) -> None:
    rows = portal.get_by_role("row", name=re.compile(r"\d{4} 275.00 AUD .* Sent"))
    reload_until(portal, lambda: rows.count() == count)


def sees_it_paid_in_xero(xero: Page) -> None:
    xero.reload()
    expect(xero.get_by_role("main")).to_contain_text("PAID")
    paid = xero.get_by_role("table", name="Payments and credits on this invoice").get_by_role("row")
    expect(paid).to_have_count(3)
    for place in (1, 2):
        expect(paid.nth(place)).to_contain_text("275.00")
        expect(paid.nth(place)).to_contain_text("090")


def sees_it_paid(portal: Page, number: str) -> None:
    status = portal.get_by_role("row", name="Status Paid Paid")
    reload_until(portal, status.is_visible)
    expect(portal.get_by_role("row", name="Paid 550.00 AUD 550.00 AUD", exact=True)).to_be_visible()
    portal.get_by_role("navigation", name="Rooms of").get_by_role("link", name="Payments").click()
    rows = portal.get_by_role("row").filter(has=portal.get_by_role("link", name=number, exact=True))
    expect(rows).to_have_count(2)
    for place in (0, 1):
        expect(rows.nth(place)).to_contain_text("275.00 AUD")
        expect(rows.nth(place).get_by_role("link", name=f"Xero opens {number} in a new tab")).to_be_visible()


def reload_until(page: Page, is_so: Callable[[], bool]) -> None:
    """Look at the page again until it shows it."""
    for _ in range(SOON // 500):
        if is_so():
            return
        page.wait_for_timeout(500)
        page.reload()
    raise AssertionError(f"never came: {page.get_by_role('main').inner_text()}")
