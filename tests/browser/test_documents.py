"""One document and the checks, as a person meets them: looking, comparing, undoing, and what takes a while."""

import re

from playwright.sync_api import Page, expect

from tests.browser import stock
from tests.browser.conftest import Watched
from tests.browser.test_pages import fits_everybody
from tests.support.hoop import GST
from tests.support.house import HARBOUR, House
from tests.support.servers import wait_until


def test_an_invoice_is_looked_at_in_xero_and_taken_out_again(
    ana: Watched, house: House, stocked: stock.Stock
) -> None:
    hoop = house.hoop(HARBOUR)
    made = stock._bill(hoop, "Lantern Foods", ("Care plan", "150", "2", GST))
    hoop.act(made, "pay", amount="100", method="card", provider="stripe")
    stock._settled(house, hoop)
    page = ana.page()
    page.goto(house.page(HARBOUR, f"invoices/{made}"))
    page.get_by_role("button", name="Look in Xero now").click()
    expect(page.get_by_text("Looked in Xero just now.")).to_be_visible()
    expect(page.get_by_text(re.compile("Xero's side as it was"))).to_be_visible()
    page.get_by_role("main").get_by_role("link", name="Lantern Foods").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Contact Lantern Foods")
    fits_everybody(page)
    page.goto(house.page(HARBOUR, f"invoices/{made}"))
    page.get_by_role("link", name="Undo in Xero").click()
    expect(page.get_by_text(re.compile("^Delete the payment of 100.00 AUD"))).to_be_visible()
    expect(page.get_by_text(re.compile("The contact stays in Xero"))).to_be_visible()
    fits_everybody(page)
    page.get_by_role("button", name="Undo in Xero").click()
    expect(page.get_by_text(re.compile("is being taken out of Xero"))).to_be_visible()
    question = f"SELECT l.xero_status FROM links l JOIN invoices i ON i.id = l.document_id AND l.document = 'invoice' WHERE i.hoop_id = '{made}'"  # noqa: E501
    wait_until(lambda: house.query(question) == [("VOIDED",)], 30, "the void")


def test_the_checks_show_how_far_they_are(ana: Watched, house: House, stocked: stock.Stock) -> None:
    page = ana.page()
    page.goto(house.page(HARBOUR, "troubleshooting"))
    page.get_by_role("button", name="Run the checks now").click()
    expect(page.get_by_role("progressbar", name="All checks, run now")).to_be_visible()
    expect(page.get_by_text("4 of 4 steps settled")).to_be_visible(timeout=20_000)
    expect(page.get_by_text("The address answers, and the signature was accepted.")).to_be_visible()
    fits_everybody(page)


def test_chosen_documents_are_left_out_tried_again_and_a_retry_is_called_off(
    ana: Watched, house: House, stocked: stock.Stock
) -> None:
    hoop = house.hoop(HARBOUR)
    made = [stock._bill(hoop, "Cobalt Cycles", ("Venue", "70", "1", stock.LEVY)) for _ in range(3)]
    stock._settled(house, hoop)
    page = ana.page()
    page.goto(house.page(HARBOUR, "sync-activity?state=needs-you&kind=invoices"))
    _choose(page, house, made)
    page.get_by_role("button", name="Do not send chosen").click()
    expect(page.get_by_text("3 documents will not be sent.")).to_be_visible()
    page.goto(house.page(HARBOUR, "sync-activity?state=not-sent&kind=invoices"))
    expect(page.locator("tbody").get_by_text(re.compile("skipped by Ana", re.I))).to_have_count(3)
    _choose(page, house, made)
    page.get_by_role("button", name="Retry chosen").click()
    wait_until(lambda: _states(house, made) == {"blocked"}, 30, "their problem again")
    page.goto(house.page(HARBOUR, "settings/integrations"))
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    page.goto(house.page(HARBOUR, "troubleshooting"))
    group = page.get_by_role("article").filter(has_text="A tax has no fitting rate in Xero")
    group.get_by_role("button", name=re.compile("^Retry")).click()
    fits_everybody(page)
    page.get_by_role("button", name="Call off the rest").click()
    expect(page.get_by_text(re.compile("documents called off"))).to_be_visible()
    assert _states(house, made) == {"blocked"}
    page.goto(house.page(HARBOUR, "settings/integrations"))
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("link", name="Live")).to_be_visible()


def _choose(page: Page, house: House, hoop_ids: list[str]) -> None:
    for hoop_id in hoop_ids:
        page.locator("tr", has=page.locator(f'a[href$="/{hoop_id}"]')).get_by_role("checkbox").check()
    expect(page.locator("[data-chosen]")).to_have_text(f"{len(hoop_ids)} chosen")


def _states(house: House, hoop_ids: list[str]) -> set[str]:
    ids = ", ".join(f"'{each}'" for each in hoop_ids)
    asked = "SELECT p.state FROM pushes p JOIN invoices i ON i.id = p.document_id AND p.document = 'invoice' "
    return {state for (state,) in house.query(f"{asked} WHERE i.hoop_id IN ({ids})")}
