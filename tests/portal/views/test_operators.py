"""What operators and HoopAI see."""

from dataclasses import replace

from flask import Flask

from portal.config import Settings
from tests.portal.views.browser import Browser


def test_alive_needs_nothing(app: Flask) -> None:
    assert Browser(app).get("/healthz").status_code == 200


def test_ready_names_what_is_missing(app: Flask) -> None:
    answer = Browser(app).get("/readyz")
    assert answer.status_code == 503
    assert "BAD migrations" in answer.text
    assert "ok  database" in answer.text
    assert "ok  redis" in answer.text


def test_metrics_are_for_this_machine_while_there_is_no_token(site: Flask) -> None:
    browser = Browser(site)
    answer = browser.get("/metrics")
    assert 'portal_pushes{state="blocked"} 3.0' in answer.text
    assert browser.get("/metrics", X_Forwarded_For="203.0.113.9").status_code == 404


def test_metrics_need_their_token_where_one_is_set(site: Flask, settings: Settings) -> None:
    site.extensions["portal.settings"] = replace(settings, metrics_token="m" * 20)
    browser = Browser(site)
    assert browser.get("/metrics").status_code == 404
    assert browser.get("/metrics", Authorization="Bearer wrong").status_code == 404
    assert browser.get("/metrics", Authorization=f"Bearer {'m' * 20}").status_code == 200


def test_a_webhook_needs_no_session_and_no_form_token(site: Flask) -> None:
    answer = site.test_client().post("/hooks/hoopai/unknown", data=b"{}")
    assert answer.status_code == 404
    assert answer.text == "No location listens at this address."


def test_a_body_that_is_too_large_is_refused(site: Flask) -> None:
    answer = site.test_client().post("/hooks/hoopai/unknown", data=b"x" * (5 * 1024 * 1024))
    assert answer.status_code == 413
