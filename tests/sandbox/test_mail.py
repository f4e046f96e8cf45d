"""The stand-in for a mail server: takes letters over SMTP, shows them shut in, refuses when told to."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from email.message import EmailMessage
from urllib.parse import urlsplit

import pytest
from werkzeug.test import Client

from sandbox import Sandbox, create_app


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A sandbox that takes letters."""
    app = create_app(None, mail_port=0)
    yield app
    app.close()


def hand_over(sandbox: Sandbox, subject: str) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@b.example", "c@d.example", subject
    message.set_content("first\n.a line with a dot\nlast\n")
    message.add_alternative("<html><head></head><body><p>Hello</p></body></html>", subtype="html")
    address = urlsplit(sandbox.settings["mail_url"])
    with smtplib.SMTP(address.hostname or "", address.port or 0, timeout=5) as line:
        line.send_message(message)


def test_a_letter_is_listed_and_its_html_can_do_nothing(sandbox: Sandbox) -> None:
    hand_over(sandbox, "Grüße")
    browser = Client(sandbox)
    assert "Grüße" in browser.get("/mail/").text
    page = browser.get("/mail/1").text
    assert 'sandbox="allow-popups' in page
    assert ".a line with a dot" in page
    html = browser.get("/mail/1/html")
    assert "<p>Hello</p>" in html.text
    assert html.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "sandbox" in html.headers["Content-Security-Policy"]
    assert browser.get("/mail/9").status_code == 404
    browser.post("/mail/empty")
    assert browser.get("/mail/control/letters").json == {"letters": []}


def test_a_refusal_that_was_asked_for_is_given_once(sandbox: Sandbox) -> None:
    Client(sandbox).post("/mail/control/refusals", json={"code": 451, "words": "later"})
    with pytest.raises(smtplib.SMTPDataError):
        hand_over(sandbox, "one")
    hand_over(sandbox, "two")
    assert [each["subject"] for each in Client(sandbox).get("/mail/control/letters").json["letters"]] == [
        "two"
    ]
