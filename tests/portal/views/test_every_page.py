"""What holds for every page, found from the routes themselves."""

import re

import pytest
from flask import Flask
from werkzeug.routing import Rule

from portal.security import ASSETS, FROM_ANYWHERE, OWN, PUBLIC
from tests.portal.views.browser import Browser
from tests.support.portal import HARBOUR

PAGES = (
    "",
    "/settings/integrations",
    "/settings/integrations/hoopai/secret",
    "/settings/integrations/xero",
    "/settings/integrations/xero/disconnect",
    "/settings/integrations/xero/cut-off",
    "/settings/integrations/xero/cut-off?day=2026-01-01",
    "/settings/integrations/xero/cut-off?day=nonsense&page=9",
    "/settings/integrations/xero/account-mapping",
    "/settings/integrations/xero/account-mapping?only=unmapped&q=work&suggest=1",
    "/settings/integrations/xero/account-mapping?only=in+use&sort=use",
    "/settings/integrations/xero/account-mapping?sort=account&wide=1",
    "/settings/integrations/xero/account-mapping/category?key=product:workshop",
    "/settings/integrations/xero/account-mapping/history",
    "/invoices",
    "/invoices?state=needs-you",
    "/invoices?state=waiting&q=lantern",
    "/invoices?state=sent&page=99",
    "/invoices?state=not-sent",
    "/invoices/inv0",
    "/invoices/inv4",
    "/payments",
    "/contacts",
    "/settings/sync",
    "/settings/api-keys",
    "/settings/webhooks",
    "/settings/notifications",
    "/reconciliation",
    "/reconciliation?kind=total&days=1&page=9",
    "/audit",
    "/audit?q=sent&kind=documents&person=1&since=2026-01-01&until=nonsense&before=9999",
    "/audit?q=nothing+fits",
    "/sync-activity",
    "/sync-activity?state=needs-you",
    "/sync-activity?kind=reversals&q=hs-1&from=2026-01-01&to=2026-12-31",
    "/sync-activity?after=1.1&before=x",
    "/payments?state=sent&q=1300",
    "/sync-activity?state=sent-today",
    "/troubleshooting",
    "/troubleshooting?number=hs-5",
    "/troubleshooting?number=nope",
    "/troubleshooting/xero-messages",
    "/troubleshooting/why/not-appearing",
    "/troubleshooting/why/connection",
    "/troubleshooting/why/wrong-account",
    "/troubleshooting/support",
    "/troubleshooting/support?kind=invoice&document_id=5",
    "/documents/contact/1",
    "/documents/payment/1",
    "/documents/payment/1/undo",
    "/documents/invoice/1/undo",
)
HELP = ("/help/", "/help/pages/invoices", "/help/engine")
OUTSIDE = (
    *HELP, "/people", "/people/1", "/audit?kind=people&location=none", "/account", "/account/second-factor"
)  # fmt: skip
EVERY = (*PAGES, *OUTSIDE)
SAMPLES = {
    "key": "unknown",
    "user_id": "1",
    "invitation_id": "1",
    "watcher_id": "1",
    "session_id": "1",
    "choice_id": "1",
    "location_id": HARBOUR,
    "hoop_id": "inv0",
    "token": "unknown",
    "filename": "portal.css",
    "push_id": "1",
    "payment_id": "1",
    "save_id": "1",
    "recoding_id": "1",
    "key_id": "1",
    "endpoint_id": "1",
    "delivery_id": "1",
    "run_id": "1",
    "kind": "contact",
    "name": "pages/invoices",
    "document_id": "1",
    "topic": "connection",
    "form": "json",
}
UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}


def full(page: str) -> str:
    """The page's address in the filled location; the overview where it is empty, itself where it is outside."""
    return page if page in OUTSIDE else f"/locations/{HARBOUR}{page}" if page else "/"


def address(rule: Rule) -> str:
    """An address of this rule; a rule with an argument that has no sample here must be given one."""
    unknown = rule.arguments - set(SAMPLES)
    assert not unknown, f"{rule.rule}: add a sample for {sorted(unknown)}"
    path = rule.rule
    for name in rule.arguments:
        path = re.sub(rf"<(?:\w+(?:\([^)]*\))?:)?{name}>", SAMPLES[name], path)
    return path


def rules(app: Flask) -> list[Rule]:
    """All but the API's, which knows keys and no sessions; tests/portal/api goes through those."""
    return [rule for rule in app.url_map.iter_rules() if not rule.endpoint.startswith("api.")]


def test_each_page_opens_for_an_admin_without_inline_style_or_script(
    ana: Browser, subtests: pytest.Subtests
) -> None:
    for page in EVERY:
        with subtests.test(page):
            answer = ana.get(full(page))
            assert answer.status_code == 200
            assert "<h1>" in answer.text
            assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", answer.text)
            assert not any(re.findall(r"<script[^>]*>(.*?)</script>", answer.text, re.S))
            assert "<b>day</b>" not in answer.text


def test_each_page_opens_for_a_viewer(viewer: Browser, subtests: pytest.Subtests) -> None:
    for page in EVERY:
        with subtests.test(page):
            only_admins = page.endswith(("/secret", "/disconnect")) or page.startswith(
                ("/people", "/audit?kind=people")
            )
            assert viewer.get(full(page)).status_code == (403 if only_admins else 200)


def test_htmx_gets_the_fragment_of_each_page(ana: Browser, subtests: pytest.Subtests) -> None:
    for page in EVERY:
        with subtests.test(page):
            answer = ana.get(full(page), HX_Request="true")
            assert answer.status_code == 200
            assert "<html" not in answer.text
            assert "HX-Request" in answer.headers["Vary"]


def test_routes_are_closed_unless_listed(site: Flask) -> None:
    for rule in rules(site):
        for method in (rule.methods or set()) & {"GET", *UNSAFE}:
            answer = site.test_client().open(address(rule), method=method)
            if rule.endpoint in PUBLIC:
                assert "/sign-in?next=" not in answer.headers.get("Location", "")
            else:
                assert answer.status_code in (303, 400), f"{method} {rule.rule}"
                assert answer.status_code == 400 or "/sign-in" in answer.headers["Location"]


def test_only_these_routes_are_public() -> None:
    assert {
        "sessions.sign_in",
        "sessions.code",
        "entering.forgot_password",
        "entering.reset_password",
        "entering.invitation",
        "watching.confirm",
        "watching.unsubscribe",
        "hooks.hoopai",
        "operations.healthz",
        "operations.readyz",
        "operations.metrics",
        "api.openapi",
    } == PUBLIC - ASSETS


def test_a_location_of_another_agency_is_not_there(site: Flask, stranger: Browser) -> None:
    of_locations = [rule for rule in rules(site) if "location_id" in rule.arguments]
    assert len(of_locations) > 20
    for rule in of_locations:
        for method in (rule.methods or set()) & {"GET", *UNSAFE}:
            answer = stranger.get(address(rule)) if method == "GET" else stranger.post(address(rule))
            assert answer.status_code == 404, f"{method} {rule.rule}"


def test_a_location_that_a_viewer_was_not_given_is_not_there(viewer: Browser) -> None:
    assert viewer.get("/locations/locK3wN8sT1uC6mRd5Eb/invoices").status_code == 404


def test_a_form_without_its_token_is_refused(site: Flask, ana: Browser) -> None:
    for rule in rules(site):
        if not (rule.methods or set()) & UNSAFE or rule.endpoint in {"hooks.hoopai", *FROM_ANYWHERE}:
            continue
        answer = ana.post(address(rule), token="")
        assert answer.status_code == 400, rule.rule


def test_a_form_sent_from_another_site_is_refused(ana: Browser) -> None:
    path = f"/locations/{HARBOUR}/settings/integrations/xero/pause"
    assert ana.post(path, Sec_Fetch_Site="cross-site").status_code == 400
    assert ana.post(path, Sec_Fetch_Site="same-origin").status_code == 303


def test_a_viewer_changes_nothing(site: Flask, viewer: Browser) -> None:
    for rule in rules(site):
        if (rule.methods or set()) & UNSAFE and "location_id" in rule.arguments and rule.endpoint not in OWN:
            answer = viewer.post(address(rule))
            assert answer.status_code == 403, rule.rule
            assert "Ask an admin" in answer.text


def test_every_answer_carries_the_security_headers(site: Flask, ana: Browser) -> None:
    for rule in rules(site):
        if "GET" not in (rule.methods or set()):
            continue
        headers = ana.get(address(rule)).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"], rule.rule
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert headers["Permissions-Policy"]
        assert headers["X-Request-Id"]
        if rule.endpoint not in ASSETS:
            assert headers["Cache-Control"] == "no-store", rule.rule


def test_the_script_of_the_pages_is_the_checked_one(ana: Browser) -> None:
    answer = ana.get("/vendor/htmx/htmx-2.min.js")
    assert answer.status_code == 200
    assert 'integrity="sha384-' in ana.get("/").text


def test_an_unknown_address_says_so_in_words(ana: Browser) -> None:
    answer = ana.get("/locations/nowhere/invoices")
    assert answer.status_code == 404
    assert "There is nothing at this address" in answer.text
    assert ana.get("/nothing").status_code == 404


def test_an_error_for_htmx_is_a_toast_and_swaps_nothing(ana: Browser) -> None:
    answer = ana.get(f"/locations/{HARBOUR}/invoices/none", HX_Request="true")
    assert answer.status_code == 404
    assert answer.headers["HX-Reswap"] == "none"
    assert "no such invoice" in answer.headers["HX-Trigger"]


def test_another_host_name_is_refused(ana: Browser) -> None:
    assert ana.get("/sign-in", Host="evil.example").status_code == 400


def test_a_number_that_no_database_can_hold_is_no_address_and_no_page_of_a_list(
    ana: Browser, site: Flask
) -> None:
    huge = "9" * 25
    numbered = [rule for rule in rules(site) if "<int:" in rule.rule]
    assert len(numbered) > 30
    for rule in numbered:
        path = address(rule).replace("/1", f"/{huge}")
        method = "GET" if "GET" in (rule.methods or ()) else "POST"
        answer = ana.get(path) if method == "GET" else ana.client.post(path)
        assert answer.status_code in (400, 404, 405), f"{method} {path}"
    nonsense = (
        f"page={huge}&saved={huge}&run={huge}&document_id={huge}&day=0001-01-01&from=0001-01-01&to={huge}"
    )
    for page in EVERY:
        path = f"{full(page)}{'&' if '?' in page else '?'}{nonsense}"
        assert ana.get(path).status_code == 200, path
