"""The life of a connection in a real browser: cancelled, made, ended, made again, moved, and ended."""

import re

from playwright.sync_api import Page, expect

from tests.browser import people
from tests.browser.conftest import Watched
from tests.support.house import AGENCY, House

LOCATION, NAME = "locConnectionsTest01", "Saltmarsh Sailing"
THAMES, KAURI = "Thames Makers Ltd", "Kauri Fitness Ltd"


def test_connect_cancel_reconnect_to_the_same_and_to_another_and_disconnect(
    ana: Watched, house: House
) -> None:
    house.flask("locations", "add", LOCATION, NAME, "--agency", AGENCY, "--timezone", "Europe/London")
    page = ana.page()
    page.goto(house.page(LOCATION, "settings/integrations"))
    cancels(page)
    connects(page)
    looks_at_the_panel(page)
    disconnects(page, THAMES)
    connects_again(page)
    keeps_it_when_another_was_allowed(page)
    moves_to_another(page)
    looks_at_what_came_before(page)
    disconnects(page, KAURI)


def cancels(page: Page) -> None:
    people.card(page).get_by_role("link", name="Connect to Xero").click()
    page.get_by_role("button", name="Cancel").click()
    says(page, "You chose Cancel in Xero, so nothing was connected.")
    expect(people.card(page)).to_contain_text("Not connected")


def connects(page: Page) -> None:
    people.card(page).get_by_role("link", name="Connect to Xero").click()
    people.allow(page, "Tom", "GB, GBP")
    says(page, f"{THAMES} is connected. Choose accounts next;")
    expect(people.card(page)).to_contain_text(f"{THAMES} (GB, GBP)")


def looks_at_the_panel(page: Page) -> None:
    people.card(page).get_by_role("link", name="Open").click()
    facts = page.get_by_role("region", name="Connection", exact=True)
    for word in (
        "signed in to Xero as Tom Owner",
        "Valid",
        "renewed by itself",
        "no lock date",
        "this minute",
    ):
        expect(facts).to_contain_text(word)
    page.get_by_role("button", name="Test connection").click()
    tested = page.get_by_role("status").filter(has_text="Test of the connection")
    for word in ("Sign-in", "Organisation", "Permissions", "Role"):
        expect(tested).to_contain_text(word)


def disconnects(page: Page, organisation: str) -> None:
    page.goto(page.url.split("/settings/")[0] + "/settings/integrations")
    people.card(page).get_by_role("link", name="Disconnect").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Disconnect {organisation}?")
    expect(page.get_by_role("main")).to_contain_text("What comes meanwhile waits here.")
    page.get_by_role("button", name="Disconnect").click()
    says(page, f"{organisation} is disconnected. Your mapping is kept")
    expect(people.card(page)).to_contain_text("Disconnected")


def connects_again(page: Page) -> None:
    people.card(page).get_by_role("link", name="Reconnect").click()
    people.allow(page, "Tom", "GB, GBP")
    says(page, f"{THAMES} is connected again. What was waiting is sent now; nothing is sent twice.")


def keeps_it_when_another_was_allowed(page: Page) -> None:
    allows_another(page)
    page.get_by_role("button", name=f"Keep {THAMES}").click()
    says(page, "Nothing was changed.")
    expect(people.card(page)).to_contain_text(THAMES)


def moves_to_another(page: Page) -> None:
    allows_another(page)
    for row in ("Country GB NZ", "Base currency GBP NZD", "Kind Ordinary organisation Demo company"):
        expect(page.get_by_role("row", name=row)).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text(f"What is in {THAMES} stays there")
    page.get_by_label(f"I mean {KAURI} instead of {THAMES}").check()
    page.get_by_role("button", name=f"Connect {KAURI}").click()
    says(page, f"{KAURI} is connected instead of {THAMES}.")
    expect(people.card(page)).to_contain_text(f"{KAURI} (NZ, NZD)")
    expect(people.card(page)).to_contain_text("Demo company")


def allows_another(page: Page) -> None:
    people.card(page).get_by_role("link", name="Open").click()
    page.get_by_role("link", name="Reconnect").click()
    people.allow(page, "Tom", "NZ, NZD")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"{KAURI} instead of {THAMES}?")


def looks_at_what_came_before(page: Page) -> None:
    people.card(page).get_by_role("link", name="Open").click()
    expect(page.get_by_role("main")).to_contain_text(re.compile(rf"Reconnected to {KAURI} by Ana"))
    page.get_by_text("More", exact=True).click()
    page.get_by_role("link", name="Move cut-off").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Invoices from before the connection")
    page.get_by_label("Send invoices created from this day on").fill("2026-01-01")
    page.get_by_role("button", name="Show them").click()
    expect(page.get_by_role("main")).to_contain_text("nothing would be sent")


def says(page: Page, sentence: str) -> None:
    expect(page.get_by_role("status").filter(has_text=sentence)).to_be_visible()
