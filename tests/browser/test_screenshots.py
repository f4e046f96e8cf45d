"""The pictures of the README, taken on demand: `pytest tests/browser --screenshots docs/images`."""

from pathlib import Path

import pytest

from tests.browser import stock
from tests.browser.conftest import Watched
from tests.support.house import HARBOUR, House

LARGEST = 250_000
XERO = "settings/integrations/xero"
PICTURES = {
    "overview": None,
    "integrations": "settings/integrations",
    "mapping": f"{XERO}/account-mapping",
    "invoice": "invoices/{paid}",
    "troubleshooting": "troubleshooting",
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_for_the_readme(
    name: str, ana: Watched, house: House, stocked: stock.Stock, request: pytest.FixtureRequest
) -> None:
    folder = Path(request.config.getoption("screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    page, path = ana.page(), PICTURES[name]
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    page.goto(house.page(HARBOUR, path.format(paid=stocked.paid)) if path else house.url)
    page.screenshot(path=folder / f"{name}.png")
    assert (folder / f"{name}.png").stat().st_size < LARGEST
