"""Signing in and out, and what the cookie is worth."""

from dataclasses import replace

import pytest
from flask import Flask

from portal import bell, create_app, throttle
from portal.config import Settings
from portal.security import safe_next
from portal.services import demo
from tests.portal.views.browser import Browser
from tests.support import portal
from tests.support.portal import HARBOUR

EVIL = (
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\/evil.example",
    "\\\\evil.example",
    "https://evil.example",
    "https:evil.example",
    "http:/evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "evil.example",
    "@evil.example",
    "/\t/evil.example",
    "/\n//evil.example",
    "/x\r\nSet-Cookie: a=b",
    "/%09/\x00",
    " /invoices",
    "",
    None,
    "/a\\b",
    "?next=//evil.example",
)


@pytest.mark.parametrize("target", EVIL)
def test_signing_in_never_leads_to_another_site(app: Flask, target: str | None) -> None:
    with app.test_request_context("/sign-in"):
        assert safe_next(target) == "/"


def test_signing_in_goes_on_to_the_page_that_was_wanted(site: Flask) -> None:
    browser = Browser(site)
    wanted = f"/locations/{HARBOUR}/invoices?state=sent"
    asked = browser.get(wanted)
    assert asked.status_code == 303
    assert "next=" in asked.headers["Location"]
    assert browser.sign_in(demo.EMAIL, demo.PASSWORD, wanted).headers["Location"] == wanted


def test_htmx_is_sent_to_the_sign_in_page_as_a_whole(site: Flask) -> None:
    answer = Browser(site).get(f"/locations/{HARBOUR}/invoices", HX_Request="true")
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/sign-in"


def test_a_wrong_password_and_an_unknown_person_look_the_same(site: Flask) -> None:
    browser = Browser(site)
    answers = [browser.sign_in(email, "wrong-wrong") for email in (demo.EMAIL, "nobody@northlight.example")]
    assert [answer.status_code for answer in answers] == [422, 422]
    assert all("do not belong together" in answer.text for answer in answers)
    assert f'value="{demo.EMAIL}"' in answers[0].text
    assert "wrong-wrong" not in answers[0].text


def test_empty_fields_are_told_at_the_field(site: Flask) -> None:
    answer = Browser(site).sign_in("", "")
    assert answer.status_code == 422
    assert "Type your e-mail address." in answer.text
    assert 'aria-invalid="true"' in answer.text


def test_signing_out_ends_the_session_for_a_copied_cookie_too(site: Flask, ana: Browser) -> None:
    cookie = ana.client.get_cookie("sid")
    assert cookie is not None
    assert ana.post("/sign-out").status_code == 303
    thief = site.test_client()
    thief.set_cookie("sid", cookie.value)
    assert thief.get("/").status_code == 303


def test_the_session_cookie_is_kept_from_scripts_and_other_sites(ana: Browser) -> None:
    cookie = ana.client.get_cookie("sid")
    assert cookie is not None
    assert cookie.http_only
    assert cookie.same_site == "Lax"


def test_over_https_the_cookie_is_secure_and_bound_to_the_host(settings: Settings) -> None:
    made = create_app(replace(settings, base_url="https://portal.example"))
    portal.make_tables(made)
    with made.app_context():
        demo.seed()
    client = made.test_client()
    page = client.get("/sign-in", base_url="https://portal.example")
    assert "max-age=" in page.headers["Strict-Transport-Security"]
    assert "__Host-sid=" in page.headers["Set-Cookie"]
    assert "Secure" in page.headers["Set-Cookie"]
    assert "Domain" not in page.headers["Set-Cookie"]
    portal.dispose(made)


def test_guessing_is_slowed_down_per_account(site: Flask) -> None:
    browser = Browser(site)
    answers = [browser.sign_in(demo.EMAIL, f"wrong-{n}") for n in range(throttle.FREE_PER_PAIR + 2)]
    assert "Too many tries" in answers[-1].text
    assert "Too many tries" in browser.sign_in(demo.EMAIL, demo.PASSWORD).text
    assert "Too many tries" not in browser.sign_in("else@northlight.example", "wrong").text


def test_guessing_is_slowed_down_while_redis_is_away(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    app.extensions["portal.bell"] = bell.connect("unix:///nonexistent/redis.sock", retries=0)
    throttle._memory.clear()
    with app.app_context():
        waits = [throttle.wait_before("a@b.example", "192.0.2.1") for _ in range(throttle.FREE_PER_PAIR + 2)]
    assert waits[: throttle.FREE_PER_PAIR] == [0] * throttle.FREE_PER_PAIR
    assert waits[-1] > 0
