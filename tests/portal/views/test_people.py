"""Inviting people, what each may do, and a new password by mail; through the pages."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from portal import clock
from portal.extensions import db
from portal.models import AuditEntry, Location, User
from portal.services import demo
from tests.portal.views.browser import Browser
from tests.portal.views.conftest import STRANGER, VIEWER
from tests.support.mailbox import Mailbox, opened
from tests.support.portal import HARBOUR, KAURI

KIM, SECRET = "kim@northlight.example", "four unrelated words"


@pytest.fixture
def mailbox(site: Flask) -> Iterator[Mailbox]:
    """Where this test's letters go."""
    with opened(site) as mailbox:
        yield mailbox


def number_of(site: Flask, email: str) -> int:
    with site.app_context():
        return db.session.scalars(select(User.id).where(User.email == email)).one()


def place(site: Flask, hoop_id: str = HARBOUR) -> int:
    with site.app_context():
        return db.session.scalars(select(Location.id).where(Location.hoop_id == hoop_id)).one()


def invite(site: Flask, ana: Browser, role: str = "account_admin", email: str = KIM) -> None:
    answer = ana.post("/people/invite", {"email": email, "role": role, "location": place(site)})
    assert answer.status_code == 303, answer.text


def test_somebody_who_is_invited_joins_once_and_enters_what_they_were_given(
    site: Flask, ana: Browser, mailbox: Mailbox
) -> None:
    invite(site, ana)
    assert KIM in ana.get("/people").text
    link, kim = mailbox.link(KIM), Browser(site)
    assert "Account admin" in kim.get(link).text
    refused = kim.post(link, {"name": "Kim", "password": "password1234"})
    assert refused.status_code == 422
    assert "first passwords that somebody would try" in refused.text
    assert kim.post(link, {"name": "Kim Ito", "password": SECRET}).headers["Location"] == "/"
    assert kim.get(f"/locations/{HARBOUR}/invoices").status_code == 200
    assert kim.get(f"/locations/{KAURI}/invoices").status_code == 404
    assert kim.get("/people").status_code == 403
    assert Browser(site).get(link).status_code == 404
    assert Browser(site).sign_in(KIM, SECRET).status_code == 303
    with site.app_context():
        assert {"people.invite", "people.accept"} <= set(db.session.scalars(select(AuditEntry.action)))


def test_a_link_ends_when_it_is_sent_again_withdrawn_or_a_week_old(
    site: Flask, ana: Browser, mailbox: Mailbox
) -> None:
    invite(site, ana)
    first = mailbox.link(KIM)
    ana.post("/people/invitations/1/resend")
    second = mailbox.link(KIM)
    assert Browser(site).get(first).status_code == 404
    assert Browser(site).get(second).status_code == 200
    with time_machine.travel(clock.now() + timedelta(days=7, seconds=1), tick=True):
        assert Browser(site).get(second).status_code == 404
    ana.post("/people/invitations/1/withdraw")
    gone = Browser(site).get(second)
    assert gone.status_code == 404
    assert "Ask the person who invited you" in gone.text


def test_an_agency_reaches_only_its_own_people(site: Flask, ana: Browser, stranger: Browser) -> None:
    invite(site, ana)
    ana_id = number_of(site, demo.EMAIL)
    assert demo.EMAIL not in stranger.get("/people").text
    for path in (f"/people/{ana_id}", f"/people/{ana_id}/deactivate", "/people/invitations/1/withdraw"):
        assert stranger.post(path, {"role": "viewer", "location": place(site)}).status_code == 404, path
    foreign = stranger.post("/people/invite", {"email": KIM, "role": "viewer", "location": place(site)})
    assert foreign.status_code == 422


def test_the_last_agency_admin_stays_and_somebody_deactivated_is_out_at_once(
    site: Flask, ana: Browser, viewer: Browser
) -> None:
    ana_id, vic = number_of(site, demo.EMAIL), number_of(site, VIEWER[0])
    refused = ana.post(f"/people/{ana_id}", {"role": "viewer", "location": place(site)})
    assert refused.status_code == 422
    assert "the last one" in refused.text
    assert "your own access" in ana.post(f"/people/{ana_id}/deactivate").text
    assert (
        ana.post(f"/people/{vic}", {"role": "account_admin", "location": place(site, KAURI)}).status_code
        == 303
    )
    assert viewer.get(f"/locations/{HARBOUR}/invoices").status_code == 404
    assert ana.post(f"/people/{vic}/deactivate").status_code == 303
    assert viewer.get("/").status_code == 303
    assert "do not belong together" in Browser(site).sign_in(*VIEWER).text
    assert ana.post(f"/people/{vic}/activate").status_code == 303
    assert Browser(site).sign_in(*VIEWER).status_code == 303


def test_a_new_password_comes_by_mail_works_once_and_signs_out_the_others(
    site: Flask, ana: Browser, mailbox: Mailbox
) -> None:
    browser = Browser(site)
    for email in (demo.EMAIL, "nobody@northlight.example"):
        assert browser.post("/forgot-password", {"email": email}).status_code == 303
        assert "If somebody with this address works here" in browser.get("/sign-in").text
    assert [letter["to"] for letter in mailbox.fetch()] == [[demo.EMAIL]]
    link = mailbox.link(demo.EMAIL)
    assert "is not a password" in browser.post(link, {"password": "Ana@Northlight.Example"}).text
    assert browser.post(link, {"password": SECRET}).status_code == 303
    assert ana.get("/").status_code == 303
    assert Browser(site).get(link).status_code == 404
    assert Browser(site).sign_in(demo.EMAIL, demo.PASSWORD).status_code == 422
    assert Browser(site).sign_in(demo.EMAIL, SECRET).status_code == 303
    assert "was changed" in mailbox.newest(demo.EMAIL)["subject"]


def test_a_link_for_a_new_password_lives_an_hour_and_few_are_sent(site: Flask, mailbox: Mailbox) -> None:
    browser = Browser(site)
    answers = [browser.post("/forgot-password", {"email": STRANGER[0]}) for _ in range(6)]
    assert len(mailbox.fetch()) == 3
    assert answers[-1].status_code == 422
    assert "Too many tries" in answers[-1].text
    link = mailbox.link(STRANGER[0])
    with time_machine.travel(clock.now() + timedelta(hours=1, seconds=1), tick=True):
        assert browser.get(link).status_code == 404
