"""Settings > Integrations > HoopAI, as an admin meets it: the address, a test, deliveries with their verdicts."""

import re

import requests
from playwright.sync_api import expect

from tests.browser import stock
from tests.browser.conftest import Watched
from tests.browser.test_pages import fits_everybody
from tests.support.house import HARBOUR, House


def test_deliveries_and_a_test_tell_their_verdict(ana: Watched, house: House, stocked: stock.Stock) -> None:
    page = ana.page()
    page.goto(house.page(HARBOUR, "settings/integrations/hoopai"))
    address = page.get_by_label("Webhook address").input_value()
    assert address == house.hoop(HARBOUR).listening()
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_text("the signature was accepted").first).to_be_visible()
    told = {"contact_id": "c1", "customData": {}, "workflow": {"name": "Paid"}}
    assert requests.post(address, json=told, timeout=10).status_code == 401
    page.reload()
    expect(page.get_by_text(re.compile("came from a Webhook action inside a workflow"))).to_be_visible()
    deliveries = page.get_by_role("region", name="Last deliveries")
    expect(deliveries.get_by_text("InvoicePaid").first).to_be_visible()
    expect(deliveries.get_by_text("A test that the portal sent to itself.").first).to_be_visible()
    fits_everybody(page)
