"""Every page for every eye and hand: WCAG 2.2 AA by axe, narrow and wide, light and dark, keyboard, no JavaScript."""

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Route, expect

from tests.browser import people, stock
from tests.browser.conftest import Watched
from tests.support.house import HARBOUR, House

WIDTHS = {"desk": 1280, "phone": 390}
ALL_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
COLOURS = ["color-contrast", "link-in-text-block"]
XERO = "settings/integrations/xero"


@dataclass(frozen=True)
class Sight:
    """A page: its location (None: outside), its path, what its heading says, and the status it answers with."""

    location: str | None
    path: str
    heading: str
    status: int = 200


SIGHTS = {
    "overview": Sight(None, "/", "Locations"),
    "integrations, live": Sight(HARBOUR, "settings/integrations", "Integrations"),
    "integrations, never connected": Sight(stock.NEVER, "settings/integrations", "Integrations"),
    "integrations, needs attention": Sight(stock.ATTENTION, "settings/integrations", "Integrations"),
    "integrations, disconnected": Sight(stock.ENDED, "settings/integrations", "Integrations"),
    "webhook secret, asked": Sight(HARBOUR, "settings/integrations/hoopai/secret", "secret"),
    "Xero, live": Sight(HARBOUR, XERO, "Harbour Studio Pty Ltd"),
    "Xero, never connected": Sight(stock.NEVER, XERO, "Xero"),
    "Xero, needs attention": Sight(stock.ATTENTION, XERO, ""),
    "Xero, disconnected": Sight(stock.ENDED, XERO, ""),
    "disconnect, asked": Sight(HARBOUR, f"{XERO}/disconnect", "Disconnect"),
    "mapping, before connecting": Sight(stock.NEVER, f"{XERO}/account-mapping", "Account Mapping"),
    "mapping": Sight(HARBOUR, f"{XERO}/account-mapping", "Account Mapping"),
    "mapping, suggestions": Sight(HARBOUR, f"{XERO}/account-mapping?suggest=1", "Account Mapping"),
    "reconciliation, not yet": Sight(stock.NEVER, "reconciliation", "Reconciliation"),
    "overview, none found": Sight(None, "/?q=nothing", "Locations"),
    "a location to go to": Sight(None, "/locations?q=b", "Find a location"),
    "help": Sight(None, "/help/", "Help"),
    "help of a screen": Sight(None, "/help/pages/sync-activity", "Sync activity"),
    "help for operators": Sight(None, "/help/production", "In production"),
    "help with diagrams": Sight(None, "/help/engine", "How documents reach Xero"),
    "invoices": Sight(HARBOUR, "invoices", "Invoices"),
    "invoices, none yet": Sight(stock.NEVER, "invoices", "Invoices"),
    "invoices, none found": Sight(HARBOUR, "invoices?q=nothing", "Invoices"),
    "invoice, paid": Sight(HARBOUR, "invoices/{paid}", "Invoice"),
    "invoice, waiting for a person": Sight(HARBOUR, "invoices/{blocked}", "Invoice"),
    "invoice, a total that its lines do not make": Sight(
        HARBOUR, "invoices/{unexplained}/difference", "The total of invoice"
    ),
    "payment": Sight(HARBOUR, "documents/payment/{payment}", "Payment"),
    "credit note": Sight(HARBOUR, "documents/credit_note/{refund}", "Credit note"),
    "refund": Sight(HARBOUR, "documents/refund/{refund}", "Refund"),
    "payments": Sight(HARBOUR, "payments", "Payments"),
    "payment, above what is owed": Sight(HARBOUR, "payments/{surplus}/surplus", "More was paid"),
    "payments, none yet": Sight(stock.NEVER, "payments", "Payments"),
    "sync activity": Sight(HARBOUR, "sync-activity", "Sync activity"),
    "sync activity, filtered": Sight(
        HARBOUR, "sync-activity?kind=payments&q=1001&state=sent", "Sync activity"
    ),
    "sync activity, none yet": Sight(stock.NEVER, "sync-activity", "Sync activity"),
    "troubleshooting": Sight(HARBOUR, "troubleshooting", "Troubleshooting"),
    "troubleshooting, answered": Sight(HARBOUR, "troubleshooting?number=1001", "Troubleshooting"),
    "troubleshooting, never connected": Sight(stock.NEVER, "troubleshooting", "Troubleshooting"),
    "troubleshooting, needs attention": Sight(stock.ATTENTION, "troubleshooting", "Troubleshooting"),
    "troubleshooting, invoices missing": Sight(HARBOUR, "troubleshooting/why/not-appearing", "do not appear"),
    "troubleshooting, wrong account": Sight(HARBOUR, "troubleshooting/why/wrong-account", "wrong account"),
    "what Xero says": Sight(HARBOUR, "troubleshooting/xero-messages", "What Xero says"),
    "people": Sight(None, "/people", "People"),
    "your account": Sight(None, "/account", "Your account"),
    "second factor": Sight(None, "/account/second-factor", "Second factor"),
    "audit trail": Sight(None, "/audit", "Audit trail"),
    "notifications": Sight(HARBOUR, "settings/notifications", "Notifications"),
    "not found": Sight(None, "/nothing-here", "nothing", 404),
    "not found in a location": Sight(HARBOUR, "invoices/nothing-here", "nothing", 404),
}


@pytest.mark.parametrize("name", SIGHTS)
def test_a_page_is_fit_for_everybody(name: str, ana: Watched, house: House, stocked: stock.Stock) -> None:
    sight = SIGHTS[name]
    page = ana.page()
    if sight.status != 200:
        ana.watch.expect(sight.status)
    path = sight.path.format(**asdict(stocked))
    answer = page.goto(house.page(sight.location, path) if sight.location else house.url + path)
    assert answer is not None
    assert answer.status == sight.status
    expect(page.get_by_role("heading", level=1)).to_contain_text(sight.heading)
    fits_everybody(page)


def test_the_sign_in_page_is_fit_for_everybody_also_when_it_refuses(
    watched: Callable[..., Watched], house: House
) -> None:
    stranger = watched()
    page = stranger.page()
    page.goto(house.url)
    fits_everybody(page)
    stranger.watch.expect(422)
    page.get_by_label("E-mail").fill("nobody@nowhere.example")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_focused()
    expect(page.get_by_label("E-mail")).to_have_value("nobody@nowhere.example")
    fits_everybody(page)


def test_a_refused_choice_says_so_at_its_list_and_keeps_what_was_chosen(
    ana: Watched, house: House, stocked: stock.Stock
) -> None:
    ana.watch.expect(422)
    page = ana.page()
    page.goto(house.page(HARBOUR, f"{XERO}/account-mapping"))
    box = page.get_by_role("combobox", name="Default revenue account")
    box.evaluate("list => { list.options[1].value = 'gone'; list.value = 'gone'; }")
    page.get_by_role("button", name="Save mapping").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was saved")
    expect(page.get_by_role("alert")).to_be_focused()
    expect(box).to_have_attribute("aria-invalid", "true")
    fits_everybody(page)


def test_what_is_for_other_programs_and_the_proof_that_the_books_agree(
    ana: Watched, house: House, stocked: stock.Stock, free_port: int
) -> None:
    ana.watch.expect(422)
    page = ana.page()
    page.goto(house.page(HARBOUR, "settings/api-keys"))
    page.get_by_label("Name of the program").fill("Zapier")
    page.get_by_role("button", name="Make the key").click()
    expect(page.get_by_label("Key, may only read")).to_have_value(re.compile("^hoopxero_"))
    fits_everybody(page)
    page.get_by_role("link", name="I have copied it").click()
    page.get_by_label("Name of the program").fill("Zapier")
    page.get_by_role("button", name="Make the key").click()
    expect(page.get_by_role("alert")).to_be_focused()
    page.goto(house.page(HARBOUR, "settings/webhooks"))
    page.get_by_label("Address (https)").fill(f"http://localhost:{free_port}/hook")
    page.get_by_role("button", name="Add the address").click()
    page.get_by_role("link", name="I have copied it").click()
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_text("Nobody listens at this address.")).to_be_visible(timeout=20_000)
    fits_everybody(page)
    page.goto(house.page(HARBOUR, "reconciliation"))
    page.get_by_role("button", name="Reconcile").click()
    expect(page.get_by_role("heading", name=re.compile("difference|Nothing is missing"))).to_be_visible(
        timeout=30_000
    )
    fits_everybody(page)


def test_what_takes_a_while_says_so_and_cannot_be_asked_for_twice(
    ana: Watched, house: House, stocked: stock.Stock
) -> None:
    page = ana.page()
    page.goto(house.page(HARBOUR, XERO))
    held: list[Route] = []
    page.route("**/xero/test", lambda route: held.append(route))
    button = page.get_by_role("button", name="Test connection")
    button.click()
    expect(page.get_by_role("status").filter(has_text="Asking Xero…")).to_be_visible()
    expect(button).to_be_disabled()
    fits_everybody(page)
    held[0].continue_()
    expect(page.get_by_role("heading", name="Test of the connection")).to_be_visible(timeout=20_000)
    expect(button).to_be_enabled()
    expect(page.get_by_text("Asking Xero…")).to_have_count(0)


def test_pausing_and_going_on(ana: Watched, house: House, stocked: stock.Stock) -> None:
    page = ana.page()
    page.goto(house.page(HARBOUR, "settings/integrations"))
    people.card(page).get_by_role("button", name="Pause").click()
    page.goto(house.page(HARBOUR, "settings/integrations"))
    expect(people.card(page)).to_contain_text("Paused")
    fits_everybody(page)
    people.card(page).get_by_role("button", name="Resume").click()
    expect(page.get_by_role("status").filter(has_text="Sending goes on.")).to_be_visible()


def test_the_webhook_secret_is_shown_after_asking(ana: Watched, house: House) -> None:
    page = ana.page()
    page.goto(house.page(HARBOUR, "settings/integrations/hoopai/secret"))
    page.get_by_role("main").get_by_role("button", name=re.compile("Show")).click()
    expect(page.get_by_role("main")).to_contain_text("secret")
    fits_everybody(page)


def test_the_keyboard_reaches_everything(ana: Watched, house: House, stocked: stock.Stock) -> None:
    page = ana.page()
    page.goto(house.page(HARBOUR, "invoices"))
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the page")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    page.emulate_media(reduced_motion="reduce")
    page.reload()
    seen = tab_through(page)
    reachable = page.locator(
        "a[href]:visible, button:visible, input:visible, select:visible, summary:visible"
    )
    assert len(seen) >= reachable.count()
    assert [words for words, ring in seen if not ring] == [], "the focus is seen everywhere"


def tab_through(page: Page) -> list[tuple[str, bool]]:
    """Every stop of the Tab key: its words, and whether something shows that it has the focus."""
    ring = """() => {
        const at = document.activeElement, style = getComputedStyle(at);
        const outlined = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1;
        const rings = outlined || style.boxShadow !== 'none';
        return at === document.body ? null : [(at.innerText || at.ariaLabel || at.id || at.tagName).trim(), rings];
    }"""
    seen = []
    for _ in range(200):
        page.keyboard.press("Tab")
        stop = page.evaluate(ring)
        if stop is None:
            break
        seen.append((str(stop[0]), bool(stop[1])))
    return seen


def test_menus_open_and_close_by_keyboard(ana: Watched, house: House, stocked: stock.Stock) -> None:
    page = ana.page()
    page.goto(house.page(HARBOUR, "invoices"))
    switch = page.locator("summary").filter(has_text="Harbour Studio")
    switch.focus()
    page.keyboard.press("Enter")
    other = page.get_by_role("link", name="Bluegum Bakery")
    expect(other).to_be_visible()
    fits_everybody(page)
    page.keyboard.press("Escape")
    expect(other).to_be_hidden()
    expect(switch).to_be_focused()
    page.keyboard.press("Enter")
    for _ in range(6):
        page.keyboard.press("Tab")
        if other.evaluate("link => link === document.activeElement"):
            break
    page.keyboard.press("Enter")
    expect(page.get_by_text("Location: Bluegum Bakery")).to_be_attached()


def test_without_javascript_connecting_mapping_and_retrying_work(
    watched: Callable[..., Watched], house: House, stocked: stock.Stock, signed_in: Any
) -> None:
    page = watched(java_script_enabled=False, storage_state=signed_in).page()
    page.goto(house.page(stock.ATTENTION, "settings/integrations"))
    people.card(page).get_by_role("link", name="Reconnect").click()
    people.allow(page, "Tom", "GB, GBP")
    expect(page.get_by_role("status").filter(has_text="is connected again")).to_be_visible()

    page.goto(house.page(stock.ATTENTION, f"{XERO}/account-mapping"))
    people.choose(page, "Default revenue account", re.compile("^200 "))
    page.get_by_role("button", name="Save mapping").click()
    expect(page.get_by_text("1 choice saved.")).to_be_visible()

    page.goto(house.page(HARBOUR, "troubleshooting"))
    page.get_by_role("button", name=re.compile("^Retry ")).first.click()
    expect(page.get_by_text(re.compile("tried again now"))).to_be_visible()
    page.goto(house.page(stock.ATTENTION, f"{XERO}/disconnect"))
    page.get_by_role("button", name="Disconnect").click()
    expect(page.get_by_text("is disconnected")).to_be_visible()


def fits_everybody(page: Page) -> None:
    """axe finds nothing and nothing is cut off, at both widths, in light and in dark.

    In dark only what depends on colours is looked at again; the rest cannot have changed.
    """
    found: list[str] = []
    for width, pixels in WIDTHS.items():
        page.set_viewport_size({"width": pixels, "height": 900})
        too_wide = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        if too_wide > 0:
            found.append(f"{width}: {too_wide} pixels too wide")
        for scheme, rules in (("light", ALL_RULES), ("dark", COLOURS)):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            found += [f"{width}, {scheme}: {violation}" for violation in violations(page, rules)]
    assert found == []


def violations(page: Page, rules: list[str]) -> list[str]:
    """What axe finds: the rule, and the first places with what is wrong there."""
    answer = Axe().run(page, options={"runOnly": rules, "resultTypes": ["violations"]}).response
    return [
        f"{each['id']}: "
        + "; ".join(f"{node['target']} {node['failureSummary']}" for node in each["nodes"][:3])
        for each in answer["violations"]
    ]


def test_rows_are_chosen_by_keyboard_and_with_shift(ana: Watched, house: House, stocked: stock.Stock) -> None:
    page = ana.page()
    page.goto(house.page(HARBOUR, "sync-activity"))
    boxes, said = page.locator("input[name=push]"), page.locator("[data-chosen]")
    expect(said).to_have_text("Nothing chosen")
    boxes.first.focus()
    page.keyboard.press("x")
    page.keyboard.press("j")
    expect(boxes.nth(1)).to_be_focused()
    expect(said).to_have_text("1 chosen")
    boxes.nth(0).click()
    boxes.nth(3).click(modifiers=["Shift"])
    expect(said).to_have_text("4 chosen")
    page.get_by_label("Number, customer").press("x")
    expect(page.get_by_label("Number, customer")).to_have_value("x")


def test_a_search_swaps_the_list_and_keeps_the_address(
    ana: Watched, house: House, stocked: stock.Stock
) -> None:
    page = ana.page()
    page.goto(house.page(HARBOUR, "invoices"))
    page.get_by_label("Number, customer").fill("1001")
    page.get_by_role("button", name="Find").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    assert "q=1001" in page.url
    page.get_by_role("link", name="Clear").click()
    expect(page.locator("tbody tr")).not_to_have_count(1)
