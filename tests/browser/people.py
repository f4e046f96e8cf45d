"""What people do in the three sets of pages, by the names that the pages give to things."""

import re

from playwright.sync_api import Locator, Page, expect

from tests.support.house import EMAIL, PASSWORD, House


def sign_in(page: Page, house: House) -> None:
    """Ana signs in to the portal."""
    page.goto(house.url)
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Locations")


def to_integrations(page: Page, location: str) -> None:
    """From the overview to a location's Settings > Integrations."""
    page.get_by_role("link", name=location, exact=True).click()
    menu = page.get_by_role("navigation", name=f"Rooms of {location}")
    menu.get_by_role("link", name="Settings").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Integrations")


def card(page: Page) -> Locator:
    """The Xero card of Settings > Integrations."""
    return page.get_by_role("region", name="Xero", exact=True)


def allow(page: Page, person: str, organisation: str) -> None:
    """On Xero's consent page: sign in, choose the organisation, allow."""
    expect(page.get_by_role("heading", level=1)).to_contain_text("wants access to your organisation's data")
    page.get_by_role("group", name="Sign in as").get_by_label(re.compile(person)).check()
    page.get_by_role("group", name="Choose an organisation").get_by_label(re.compile(organisation)).check()
    page.get_by_role("button", name="Allow access").click()


def choose(page: Page, label: str | re.Pattern[str], option: re.Pattern[str]) -> None:
    """Choose the option whose text fits in the list of this name."""
    box = page.get_by_role("combobox", name=label)
    (value,) = box.get_by_role("option", name=option, include_hidden=True).evaluate_all(
        "options => options.map(option => option.value)"
    )
    box.select_option(value)


def bill(page: Page, contact: str, lines: list[tuple[str, str, str]], tax: str) -> str:
    """In HoopAI's form: a new invoice with these lines (name, quantity, unit price), sent; its number."""
    page.get_by_role("navigation").get_by_role("link", name="New invoice").click()
    box = page.get_by_role("combobox", name="Contact", exact=True)
    box.select_option(label=contact)
    for place, (name, quantity, price) in enumerate(lines, 1):
        line = page.get_by_role("group", name=f"Line {place}", exact=True)
        line.get_by_label("Name (empty").fill(name)
        line.get_by_label("Quantity").fill(quantity)
        line.get_by_label("Unit price").fill(price)
        line.get_by_label(tax, exact=True).check()
    page.get_by_role("button", name="Create and send").click()
    expect(page.get_by_role("status")).to_have_text("The invoice is sent.")
    found = re.search(r"Invoice (\S+):", page.get_by_role("heading", level=1).inner_text())
    assert found
    return found[1]


def pay(page: Page, amount: str) -> None:
    """On HoopAI's page of an invoice: record a payment (empty: all that is left)."""
    page.get_by_role("textbox", name=re.compile("^Amount")).fill(amount)
    page.get_by_role("button", name="Record payment").click()
    expect(page.get_by_role("status")).to_have_text("The payment is recorded.")
