"""A real Chromium for these tests, watched for what a person would not see: console errors and broken policies."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Response

from tests.browser import people, stock
from tests.support.house import House

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--screenshots DIR`: write the pictures of the README there."""
    parser.addoption("--screenshots", metavar="DIR", default=None, help="write the README's pictures there")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Everything here drives a browser; pictures are taken only when they are asked for.

    The first day comes first: it begins where nothing is connected.
    """
    items.sort(key=lambda item: item.path.name != "test_first_day.py")
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
    pictures = [item for item in items if item.path.name == "test_screenshots.py"]
    if pictures and not config.getoption("screenshots", None):
        config.hook.pytest_deselected(items=pictures)
        items[:] = [item for item in items if item not in pictures]


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The system's own Chromium instead of one that Playwright would download."""
    if CHROMIUM is None:
        pytest.skip("no Chromium: apt-get install -y --no-install-recommends chromium")
    return {**browser_type_launch_args, "executable_path": CHROMIUM}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """A desk of 1280 pixels, speaking British English, as every test's context."""
    return {**browser_context_args, "viewport": {"width": 1280, "height": 900}, "locale": "en-GB"}


class Watch:
    """What went wrong in the pages of one context: console errors, policy violations, failed answers of ours."""

    def __init__(self, context: BrowserContext, portal: str) -> None:
        self.seen: list[str] = []
        self._portal = portal
        self.expected: set[int] = set()
        context.on("console", self._console)
        context.on("weberror", lambda error: self.seen.append(f"error: {error.error}"))
        context.on("response", self._response)

    def expect(self, *statuses: int) -> None:
        """These statuses are what the test is about."""
        self.expected.update(statuses)

    def _console(self, message: ConsoleMessage) -> None:
        told = any(f"status of {status}" in message.text for status in self.expected)
        if message.type in ("error", "warning") and not told:
            self.seen.append(f"{message.type}: {message.text}")

    def _response(self, response: Response) -> None:
        ours = response.url.startswith(self._portal)
        if ours and response.status >= 400 and response.status not in self.expected:
            self.seen.append(f"{response.status}: {response.url}")


class Watched:
    """A browser of its own whose pages are watched."""

    def __init__(self, context: BrowserContext, portal: str) -> None:
        context.set_default_timeout(10_000)
        self.watch = Watch(context, portal)
        self._context = context

    def page(self) -> Page:
        """A new page of this browser."""
        return self._context.new_page()


@pytest.fixture
def watched(new_context: Callable[..., BrowserContext], house: House) -> Iterator[Callable[..., Watched]]:
    """Makes browsers whose pages must stay without console errors, policy violations and failed answers."""
    made: list[Watched] = []

    def make(**options: Any) -> Watched:
        made.append(Watched(new_context(**options), house.url))
        return made[-1]

    yield make
    assert [each for browser in made for each in browser.watch.seen] == []


@pytest.fixture(scope="session")
def signed_in(browser: Browser, house: House) -> Any:
    """The cookies of Ana, signed in through the page."""
    with browser.new_context() as context:
        page = context.new_page()
        people.sign_in(page, house)
        return context.storage_state()


@pytest.fixture(scope="session")
def stocked(house: House) -> stock.Stock:
    """Locations and documents in every state."""
    stock.locations(house)
    return stock.documents(house)


@pytest.fixture
def ana(watched: Callable[..., Watched], signed_in: Any) -> Watched:
    """Ana's browser, signed in already."""
    return watched(storage_state=signed_in)
