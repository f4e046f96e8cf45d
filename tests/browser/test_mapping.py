"""Account Mapping in a real browser: first questions, what waits is set free, an archived account, re-coding."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser import people
from tests.browser.conftest import Watched
from tests.support import house as running
from tests.support.hoop import GST, line
from tests.support.house import HARBOUR, House

SOON = 20_000


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house of its own, where nothing is connected or mapped."""
    with running.up(tmp_path_factory.mktemp("mapping-house") / "data") as found:
        yield found


def test_from_first_questions_to_re_coding_what_xero_has(
    watched: Callable[..., Watched], house: House
) -> None:
    page = watched().page()
    people.sign_in(page, house)
    connect(page)
    answers_the_questions(page)
    house.hoop(HARBOUR).create(line("Care plan", "150", "2", GST), line("Workshop", "200", "1", GST))
    maps_what_waits(page, house)
    hears_of_the_archived_account(page, house)
    changes_it_and_re_codes(page, house)
    sees_who_did_it(page, house)
    assert house.complaints() == []


def connect(page: Page) -> None:
    people.to_integrations(page, "Harbour Studio")
    people.card(page).get_by_role("link", name="Connect to Xero").click()
    people.allow(page, "Mia", "AU, AUD")
    expect(page.get_by_role("status").filter(has_text="is connected")).to_be_visible()


def answers_the_questions(page: Page) -> None:
    people.card(page).get_by_role("link", name="Map accounts").click()
    page.get_by_role("link", name="Answer the questions").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("First questions")
    assert page.get_by_role("combobox").count() <= 5
    page.get_by_label("Where does most of your revenue go?").select_option(label="I choose later")
    people.choose(page, re.compile("stands for 10"), re.compile("GST on Income"))
    people.choose(page, "Where are payments received?", re.compile("^090 "))
    page.get_by_role("button", name="Fill in the mapping").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Account Mapping")
    expect(page.get_by_text(re.compile(r"\d choices? saved\."))).to_be_visible()


def maps_what_waits(page: Page, house: House) -> None:
    mapping = house.page(HARBOUR, "settings/integrations/xero/account-mapping")
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="Care plan"))
    reload_until(page, mapping, lambda: "waits for this" in page.content())
    expect(row).to_contain_text("1 invoice")
    people.choose(page, "Xero account for Care plan", re.compile("^260 "))
    people.choose(page, "Xero account for Workshop", re.compile("^200 "))
    people.choose(page, "Studio for Workshop", re.compile("^Newcastle"))
    page.get_by_role("button", name="Save mapping").click()
    expect(page.get_by_text("1 document waited for this and is on the way now.")).to_be_visible()
    expect(page.locator("#freed")).to_contain_text(
        "1 of 1 document that waited for this is in Xero now", timeout=SOON
    )


def hears_of_the_archived_account(page: Page, house: House) -> None:
    house.xero.change_account(house.xero.tenant("AU"), "260", Status="ARCHIVED")
    page.goto(house.page(HARBOUR, "settings/integrations/xero"))
    page.get_by_role("button", name="Test connection").click()
    expect(page.get_by_text("Fetched again just now.")).to_be_visible(timeout=SOON)
    page.goto(house.page(HARBOUR, "settings/integrations"))
    expect(people.card(page)).to_contain_text("260 – Other Revenue was archived in Xero.")
    people.card(page).get_by_role("link", name="Choose another").click()
    alarm = page.get_by_role("region", name="Trouble with a chosen account")
    expect(alarm).to_contain_text("1 category depends on it: Care plan.")


def changes_it_and_re_codes(page: Page, house: House) -> None:
    people.choose(page, "Xero account for Care plan", re.compile("^270 "))
    page.get_by_role("button", name="Save mapping").click()
    expect(page.get_by_role("heading", name="What this change means")).to_be_visible()
    expect(page.get_by_text("1 invoice in Xero has lines of this, 300.00 AUD before tax.")).to_be_visible()
    assert codes(house) == ["260", "200"]
    page.get_by_role("button", name="Save and re-code 1 invoice").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Re-coding")
    expect(page.get_by_role("heading", name="1 of 1 invoice done")).to_be_visible(timeout=SOON)
    expect(page.get_by_role("cell", name="Re-coded")).to_be_visible()
    assert codes(house) == ["270", "200"]
    assert [one["Option"] for row in lines(house) for one in row["Tracking"]] == ["Newcastle"]


def sees_who_did_it(page: Page, house: House) -> None:
    page.goto(house.page(HARBOUR, "settings/integrations/xero/account-mapping/history"))
    saved = page.get_by_role("article").first
    expect(saved).to_contain_text("Ana")
    expect(saved.get_by_role("row", name=re.compile("Care plan 260 – Other Revenue 270"))).to_be_visible()


def codes(house: House) -> list[str]:
    return [row["AccountCode"] for row in lines(house)]


def lines(house: House) -> list[dict[str, Any]]:
    books = next(each for each in house.xero.organisations() if each["tenantId"] == house.xero.tenant("AU"))
    found: list[dict[str, Any]] = books["invoices"][0]["LineItems"]
    return found


def reload_until(page: Page, url: str, there: Callable[[], bool]) -> None:
    for _ in range(150):
        page.goto(url)
        if there():
            return
        page.wait_for_timeout(500)
    raise AssertionError("It did not appear.")
