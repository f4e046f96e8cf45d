"""Your account: the second factor, the devices one is signed in on, and the password; through the pages."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pyotp
import pytest
import time_machine
from flask import Flask
from sqlalchemy import text

from portal import clock
from portal.extensions import db
from portal.services import demo, second_factor, sign_ins
from tests.portal.views.browser import Browser
from tests.portal.views.conftest import VIEWER
from tests.support.portal import HARBOUR

FACTOR = "/account/second-factor"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def still() -> Iterator[Any]:
    """A clock that stands, so that codes do not change while a test looks at them."""
    with time_machine.travel(clock.now(), tick=False) as moved:
        yield moved


def enrol(browser: Browser) -> tuple[pyotp.TOTP, list[str]]:
    """Set up the second factor; the app, and the recovery codes."""
    browser.post(f"{FACTOR}/start")
    page = browser.get(FACTOR).text
    assert re.search(r'class="qr".*?<svg[^>]*viewBox="0 0 \d+ \d+"', page, re.S)
    secret = re.search(r"type this secret into it:\s*<code>([A-Z2-7 ]+)</code>", page)
    assert secret
    app = pyotp.TOTP(secret[1].replace(" ", ""))
    shown = browser.post(f"{FACTOR}/confirm", {"code": app.at(clock.now())})
    codes = re.findall(r"<code>([a-z2-7-]{19})</code>", shown.text)
    assert len(codes) == second_factor.COUNT
    return app, codes


def typed(browser: Browser, code: str) -> int:
    answer = browser.post("/sign-in/code", {"code": code})
    return answer.status_code


def test_the_second_factor_is_asked_for_and_no_code_counts_twice(
    site: Flask, ana: Browser, still: Any
) -> None:
    app, codes = enrol(ana)
    with site.app_context():
        rows = db.session.execute(text("SELECT secret_sealed FROM second_factors")).scalars().all()
        assert app.secret not in str(rows)
        assert codes[0].replace("-", "") not in str(
            db.session.execute(text("SELECT * FROM recovery_codes")).all()
        )
    browser = Browser(site)
    asked = browser.sign_in(demo.EMAIL, demo.PASSWORD, f"/locations/{HARBOUR}/invoices")
    assert asked.headers["Location"].startswith("/sign-in/code?next=")
    assert browser.get("/").status_code == 303
    assert typed(browser, app.at(clock.now())) == 422
    still.shift(30)
    code = app.at(clock.now())
    answer = browser.post(asked.headers["Location"], {"code": f"{code[:3]} {code[3:]}"})
    assert answer.headers["Location"] == f"/locations/{HARBOUR}/invoices"
    assert browser.get("/").status_code == 200
    again = Browser(site)
    again.sign_in(demo.EMAIL, demo.PASSWORD)
    assert typed(again, code) == 422
    assert typed(again, codes[0].upper()) == 303
    third = Browser(site)
    third.sign_in(demo.EMAIL, demo.PASSWORD)
    assert typed(third, codes[0]) == 422
    assert "9 recovery codes left" in ana.get("/account").text


def test_guessing_codes_is_slowed_down_and_the_password_counts_for_ten_minutes(
    site: Flask, ana: Browser, still: Any
) -> None:
    enrol(ana)
    browser = Browser(site)
    browser.sign_in(demo.EMAIL, demo.PASSWORD)
    answers = [browser.post("/sign-in/code", {"code": f"{n:06}"}) for n in range(7)]
    assert "Too many tries" in answers[-1].text
    other = Browser(site)
    other.sign_in(demo.EMAIL, demo.PASSWORD)
    still.shift(601)
    assert other.get("/sign-in/code").headers["Location"] == "/sign-in"
    assert "A second factor" in ana.get("/audit?kind=sign-in").text


def test_it_is_switched_off_with_password_and_code_only(site: Flask, ana: Browser, still: Any) -> None:
    app, codes = enrol(ana)
    still.shift(30)
    wrong = ana.post(f"{FACTOR}/off", {"off-present": "not-this-one", "off-code": app.at(clock.now())})
    assert "not your present password" in wrong.text
    assert ana.post(f"{FACTOR}/off", {"off-present": demo.PASSWORD, "off-code": "000000"}).status_code == 422
    fresh = ana.post(f"{FACTOR}/codes", {"new-code": app.at(clock.now())})
    assert codes[0] not in fresh.text
    still.shift(30)
    off = ana.post(f"{FACTOR}/off", {"off-present": demo.PASSWORD, "off-code": app.at(clock.now())})
    assert off.status_code == 303
    assert Browser(site).sign_in(demo.EMAIL, demo.PASSWORD).headers["Location"] == "/"


def test_an_agency_may_require_it_of_everybody(site: Flask, ana: Browser, viewer: Browser) -> None:
    ana.post("/people/second-factor", {"required": "yes"})
    assert viewer.get(f"/locations/{HARBOUR}/invoices").headers["Location"] == FACTOR
    assert viewer.get("/", HX_Request="true").headers["HX-Redirect"] == FACTOR
    assert "wants everybody to have a second factor" in viewer.get(FACTOR).text
    enrol(viewer)
    assert viewer.get(f"/locations/{HARBOUR}/invoices").status_code == 200
    enrol(ana)
    vic = re.search(r"vic@.*?/people/(\d+)", ana.get("/people").text, re.S)
    assert vic
    assert ana.post(f"/people/{vic[1]}/second-factor/off").status_code == 303
    assert viewer.get("/").headers["Location"].startswith("/sign-in")
    assert Browser(site).sign_in(*VIEWER).headers["Location"] == "/"


def test_devices_are_listed_and_signed_out(
    site: Flask, ana: Browser, sign_in: Callable[..., Browser]
) -> None:
    other = Browser(site)
    other.client.environ_base["HTTP_USER_AGENT"] = FIREFOX
    other.sign_in(demo.EMAIL, demo.PASSWORD)
    page = ana.get("/account").text
    assert "Firefox on Linux" in page
    assert page.count("This one") == 1
    number = re.search(r"/account/sessions/(\d+)/end", page)
    assert number
    assert Browser(site).post(f"/account/sessions/{number[1]}/end").status_code in (303, 400)
    assert sign_in(*VIEWER).post(f"/account/sessions/{number[1]}/end").status_code == 404
    assert ana.post(f"/account/sessions/{number[1]}/end").status_code == 303
    assert other.get("/").status_code == 303
    third = sign_in(demo.EMAIL, demo.PASSWORD)
    ana.post("/account/sessions/end-others")
    assert third.get("/").status_code == 303
    assert ana.get("/").status_code == 200


def test_the_password_is_changed_by_who_knows_it(
    site: Flask, ana: Browser, sign_in: Callable[..., Browser]
) -> None:
    other = sign_in(demo.EMAIL, demo.PASSWORD)
    fields = {"present": "not-this-one", "password": "four unrelated words"}
    assert "not your present password" in ana.post("/account/password", fields).text
    assert ana.post("/account/password", {**fields, "present": demo.PASSWORD}).status_code == 303
    assert other.get("/").status_code == 303
    assert ana.get("/").status_code == 200
    assert Browser(site).sign_in(demo.EMAIL, "four unrelated words").status_code == 303


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (FIREFOX, "Firefox on Linux"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) Version/18.1 Safari/604.1", "Safari on an iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit Chrome/142.0 Safari/537.36 Edg/142.0", "Edge on Windows"),
        ("curl/8.5", "An unknown program"),
    ],
)  # fmt: skip
def test_a_device_has_words(agent: str, words: str) -> None:
    assert sign_ins.device(agent) == words
