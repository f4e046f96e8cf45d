"""Who may use which address, found from the routes themselves: agency admin, account admin, viewer."""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from flask import Flask
from werkzeug.routing import Rule

from portal.models import Role
from portal.security import API, OWN, PUBLIC
from portal.services import agencies, demo, users
from portal.services.unit import release
from tests.portal.views.browser import Browser
from tests.portal.views.test_every_page import EVERY, UNSAFE, address, full, rules
from tests.support.portal import HARBOUR, KAURI

BEA = ("bea@northlight.example", "four unrelated words")
FORM = re.compile(r"(<form[^>]*method=\"post\"[^>]*>)(.*?)</form>", re.S)
BUTTON = re.compile(r"<button[^>]*type=\"submit\"[^>]*>|<button[^>]*hx-post[^>]*>")
ELSEWHERE = re.compile(r"\sdisabled|\sform=")  # cannot be pressed, or sends another form
AGENCY_ONLY = ("people.", "audit.index", "audit.file")
ALSO_AGENCY_ONLY = {"cutoff.move"}


@pytest.fixture
def bea(site: Flask, sign_in: Callable[[str, str], Browser]) -> Browser:
    """An account admin of one location, signed in."""
    with site.app_context():
        agency = agencies.named(demo.AGENCY)
        users.add(BEA[0], agency, Role.ACCOUNT_ADMIN, BEA[1], locations=[agencies.located(agency, HARBOUR)])
        release()
    return sign_in(*BEA)


def closed(site: Flask) -> list[Rule]:
    """Rules for people who are signed in, and not about themselves."""
    return [rule for rule in rules(site) if not {rule.endpoint, blueprint(rule)} & (PUBLIC | OWN | {API})]


def blueprint(rule: Rule) -> str:
    return rule.endpoint.partition(".")[0]


def of_agency(rule: Rule) -> bool:
    return rule.endpoint.startswith(AGENCY_ONLY) and rule.endpoint != "audit.file_of_location"


def test_a_viewer_is_refused_every_change_in_words(site: Flask, viewer: Browser) -> None:
    token = viewer.token()
    changing = [rule for rule in closed(site) if (rule.methods or set()) & UNSAFE]
    assert len(changing) > 50
    for rule in changing:
        answer = viewer.post(address(rule), token=token)
        assert answer.status_code == 403, rule.rule
        assert "<h1>Only an admin can do this</h1>" in answer.text


def test_a_viewer_is_offered_no_change(site: Flask, viewer: Browser, subtests: pytest.Subtests) -> None:
    routes = site.url_map.bind("localhost")
    for page in EVERY:
        answer = viewer.get(full(page))
        with subtests.test(page):
            for form, body in FORM.findall(answer.text):
                offered = [button for button in BUTTON.findall(body) if not ELSEWHERE.search(button)]
                if not offered:
                    continue
                action = re.search(r'action="([^"]*)"', form)
                path = urlsplit(action[1] if action else full(page)).path
                endpoint, _ = routes.match(path, "POST")
                assert OWN & {endpoint, endpoint.partition(".")[0]}, form


def test_the_agency_is_its_admins_only(site: Flask, bea: Browser) -> None:
    token = bea.token()
    concerned = [rule for rule in closed(site) if of_agency(rule) or rule.endpoint in ALSO_AGENCY_ONLY]
    assert len(concerned) > 8
    for rule in concerned:
        for method in (rule.methods or set()) & {"GET", *UNSAFE}:
            answer = bea.get(address(rule)) if method == "GET" else _move(bea, address(rule), token)
            assert answer.status_code == 403, f"{method} {rule.rule}"


def test_an_account_admin_works_in_the_given_locations_only(site: Flask, bea: Browser) -> None:
    token = bea.token()
    for rule in closed(site):
        if "location_id" not in rule.arguments:
            continue
        theirs = address(rule)
        elsewhere = theirs.replace(HARBOUR, KAURI)
        for method in (rule.methods or set()) & {"GET", *UNSAFE}:
            answer = bea.get(elsewhere) if method == "GET" else bea.post(elsewhere, token=token)
            assert answer.status_code == 404, f"{method} {rule.rule}"
        if "GET" in (rule.methods or set()):
            assert bea.get(theirs).status_code != 403, rule.rule


def test_the_secret_end_of_a_webhooks_address_is_only_read_by_those_who_may_change_it(
    site: Flask, ana: Browser, viewer: Browser
) -> None:
    secret, base = "T024/B7/s3cr3t-of-theirs", f"/locations/{HARBOUR}"
    fields = {"url": f"https://hooks.example.com/services/{secret}", "event": "invoice.sent"}
    assert ana.post(f"{base}/settings/webhooks", fields, token=ana.token()).status_code < 400
    assert secret in ana.get(f"{base}/settings/webhooks").text
    for page in (f"{base}/settings/webhooks", f"{base}/settings/webhooks/1"):
        assert secret not in viewer.get(page).text
        assert "https://hooks.example.com/…eirs" in viewer.get(page).text
    for page in (f"{base}/audit", f"{base}/audit.csv"):
        told = ana.get(page).text
        assert "https://hooks.example.com/…eirs" in told
        assert secret not in told


def test_a_location_by_its_bare_address_leads_to_its_documents(ana: Browser, stranger: Browser) -> None:
    assert ana.get(f"/locations/{HARBOUR}").headers["Location"].endswith(f"/{HARBOUR}/sync-activity")
    assert stranger.get(f"/locations/{HARBOUR}").status_code == 404


def _move(browser: Browser, path: str, token: str):  # type: ignore[no-untyped-def]
    fields = {"sure": "yes", "day": "2026-01-01", "expected": "1", "email": "a@b.example", "role": "viewer"}
    return browser.post(path, fields, token=token)
