"""Who is told of what by mail: a lost connection once, what stays blocked in a rhythm, and that all is well again."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import pytest
import time_machine
from flask import Flask
from sqlalchemy import update

from portal import clock
from portal.extensions import db
from portal.models import Connection, ConnectionState, Push, PushState, Rhythm, User
from portal.services import demo, due, notices, standing
from portal.services.unit import transaction
from tests.portal.views.browser import Browser
from tests.portal.views.conftest import VIEWER
from tests.support.mailbox import Mailbox, opened
from tests.support.portal import HARBOUR

PAGE = f"/locations/{HARBOUR}/settings/notifications"
BOOKS = "kim@books.example"


@pytest.fixture
def mailbox(site: Flask) -> Iterator[Mailbox]:
    """Where this test's letters go; nothing of the location is blocked at first."""
    with site.app_context(), transaction() as session:
        session.execute(update(Push).values(state=PushState.SENT, failure=None))
    with opened(site) as mailbox:
        yield mailbox


def tick(site: Flask) -> None:
    """What the ticker does once a minute."""
    with site.app_context():
        for name, ids in [job for job in due.jobs(0) if job[0] == notices.JOB]:
            assert name == notices.JOB
            notices.look(*ids)


def move(site: Flask, state: ConnectionState, reason: str | None = None) -> None:
    with site.app_context(), transaction() as session:
        row = session.query(Connection).join(Connection.location).filter_by(hoop_id=HARBOUR).one()
        standing.move(session, row, state, reason, what=reason or "Fine.")


def block(site: Flask, count: int) -> None:
    """Some documents are blocked now."""
    with site.app_context(), transaction() as session:
        ids = [push.id for push in session.query(Push).filter_by(state=PushState.SENT).limit(count)]
        values = {
            "state": PushState.BLOCKED,
            "failure": "mapping",
            "cause": "account:x",
            "updated_at": clock.now(),
        }
        session.execute(update(Push).where(Push.id.in_(ids)).values(**values))


def free(site: Flask) -> None:
    with site.app_context(), transaction() as session:
        session.execute(update(Push).values(state=PushState.SENT, failure=None, cause=None))


def subjects(mailbox: Mailbox, to: str) -> list[str]:
    return [letter["subject"] for letter in mailbox.fetch() if letter["to"] == [to]][::-1]


def later(**delta: float) -> time_machine.travel:
    return time_machine.travel(clock.now() + timedelta(**delta), tick=True)


def test_a_lost_connection_is_told_once_and_so_is_its_end(site: Flask, mailbox: Mailbox) -> None:
    move(site, ConnectionState.ATTENTION, "Xero has signed us out.")
    for _ in range(3):
        tick(site)
    (letter,) = mailbox.fetch()
    assert letter["to"] == [demo.EMAIL]
    assert letter["subject"] == "Harbour Studio: nothing goes to Xero until you reconnect"
    assert "Xero has signed us out." in letter["text"]
    assert f"http://localhost:8000/locations/{HARBOUR}/settings/integrations/xero" in letter["text"]
    move(site, ConnectionState.CONNECTED)
    for _ in range(2):
        tick(site)
    assert subjects(mailbox, demo.EMAIL)[1:] == ["Harbour Studio: all is well again"]


def test_a_connection_that_comes_and_goes_makes_no_storm(site: Flask, mailbox: Mailbox) -> None:
    for _ in range(6):
        move(site, ConnectionState.ATTENTION, "Gone.")
        tick(site)
        move(site, ConnectionState.CONNECTED)
        tick(site)
    assert len(mailbox.fetch()) == 2
    move(site, ConnectionState.ATTENTION, "Gone.")
    with later(hours=1, minutes=1):
        tick(site)
        assert len(mailbox.fetch()) == 3


def test_a_location_that_a_person_disconnects_is_not_well_again(site: Flask, mailbox: Mailbox) -> None:
    move(site, ConnectionState.ATTENTION, "Gone.")
    tick(site)
    move(site, ConnectionState.DISCONNECTED)
    tick(site)
    assert len(mailbox.fetch()) == 1


def test_what_stays_blocked_is_one_letter_with_causes_counts_and_money(
    site: Flask, ana: Browser, mailbox: Mailbox
) -> None:
    ana.post(PAGE, {"trouble": "yes", "rhythm": "at_once"})
    block(site, 3)
    tick(site)
    assert mailbox.fetch() == []
    with later(minutes=3):
        tick(site)
        tick(site)
        (letter,) = mailbox.fetch()
        assert letter["subject"] == "Harbour Studio: 3 documents wait for you before going to Xero"
        assert "A chosen account can no longer be used" in letter["text"]
        assert "3 documents, " in letter["text"]
        assert "AUD" in letter["text"]
    with later(minutes=30):
        tick(site)
        assert len(mailbox.fetch()) == 1
        block(site, 1)
    with later(minutes=33):
        tick(site)
        assert len(mailbox.fetch()) == 2
        free(site)
        tick(site)
        assert mailbox.fetch()[0]["subject"] == "Harbour Studio: all is well again"


@pytest.mark.parametrize(
    ("rhythm", "since", "last", "now", "wanted"),
    [
        (Rhythm.AT_ONCE, "21:00", None, "21:02", True),
        (Rhythm.AT_ONCE, "21:00", "21:02", "21:10", False),
        (Rhythm.HOURLY, "21:10", None, "21:50", False),
        (Rhythm.HOURLY, "21:10", None, "22:00", True),
        (Rhythm.HOURLY, "21:10", "22:00", "22:59", False),
        (Rhythm.DAILY, "20:50", None, "20:59", False),  # 07:59 in Sydney
        (Rhythm.DAILY, "20:50", None, "21:00", True),
        (Rhythm.DAILY, "20:50", "21:00", "23:59", False),
        (Rhythm.NEVER, "20:50", None, "23:59", False),
    ],
)
def test_each_rhythm_keeps_its_time_in_the_locations_zone(
    rhythm: Rhythm, since: str, last: str | None, now: str, wanted: bool
) -> None:
    def at(text: str) -> datetime:
        return datetime.fromisoformat(f"2026-11-20T{text}").replace(tzinfo=UTC)

    with time_machine.travel(at(now), tick=False):
        zone = ZoneInfo("Australia/Sydney")
        assert notices.due_now(rhythm, at(since), at(last) if last else None, zone) is wanted


def test_letters_end_with_one_click_of_a_mail_program_or_of_a_person(site: Flask, mailbox: Mailbox) -> None:
    move(site, ConnectionState.ATTENTION, "Gone.")
    tick(site)
    headers = mailbox.newest(demo.EMAIL)["headers"]
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    path = urlsplit(headers["List-Unsubscribe"].strip("<>")).path
    anybody = site.test_client()
    assert "No more letters about Harbour Studio?" in anybody.get(path).text
    answer = anybody.post(
        path, data={"List-Unsubscribe": "One-Click"}, headers={"Origin": "https://mail.example"}
    )
    assert answer.status_code == 200
    assert anybody.post(path.replace("/MQ.", "/Mg.")).status_code == 404
    with later(hours=2):
        move(site, ConnectionState.CONNECTED)
        tick(site)
        move(site, ConnectionState.ATTENTION, "Gone.")
        tick(site)
    assert len(mailbox.fetch()) == 1


def test_a_further_address_is_told_once_it_agreed_and_until_it_is_removed(
    site: Flask, ana: Browser, mailbox: Mailbox
) -> None:
    fields = {"email": BOOKS, "trouble": "yes", "rhythm": "never"}
    assert ana.post(f"{PAGE}/addresses", fields).status_code == 303
    assert "less than an hour ago" in ana.post(f"{PAGE}/addresses", fields).text
    move(site, ConnectionState.ATTENTION, "Gone.")
    tick(site)
    link = mailbox.link(BOOKS)
    assert subjects(mailbox, BOOKS) == ["Do you want letters about Harbour Studio?"]
    stranger = Browser(site)
    assert stranger.post(link).status_code == 200
    assert stranger.get(link).status_code == 404
    tick(site)
    assert subjects(mailbox, BOOKS)[1:] == ["Harbour Studio: nothing goes to Xero until you reconnect"]
    ana.post(f"{PAGE}/addresses/1/remove")
    ana.get(PAGE)
    assert BOOKS not in ana.get(PAGE).text
    move(site, ConnectionState.CONNECTED)
    tick(site)
    assert len(subjects(mailbox, BOOKS)) == 2


def test_a_viewer_is_told_only_what_they_choose_and_nobody_who_left(
    site: Flask, ana: Browser, viewer: Browser, mailbox: Mailbox
) -> None:
    move(site, ConnectionState.ATTENTION, "Gone.")
    tick(site)
    assert subjects(mailbox, VIEWER[0]) == []
    assert viewer.post(PAGE, {"trouble": "yes", "rhythm": "never"}).status_code == 303
    tick(site)
    assert len(subjects(mailbox, VIEWER[0])) == 1
    with site.app_context():
        vic = db.session.query(User).filter_by(email=VIEWER[0]).one().id
    ana.post(f"/people/{vic}/deactivate")
    move(site, ConnectionState.CONNECTED)
    tick(site)
    assert len(subjects(mailbox, VIEWER[0])) == 1


def test_a_day_limit_is_told_with_the_time_it_ends(site: Flask, mailbox: Mailbox) -> None:
    with site.app_context(), transaction() as session:
        row = session.query(Connection).join(Connection.location).filter_by(hoop_id=HARBOUR).one()
        row.day_used_at, row.day_used_until = clock.now(), clock.now() + timedelta(hours=3)
    tick(site)
    tick(site)
    (letter,) = mailbox.fetch()
    assert letter["subject"] == "Harbour Studio: today's calls to Xero are used"
    with later(hours=3, minutes=1):
        tick(site)
        assert "all is well again" in mailbox.fetch()[0]["subject"]
