"""Letters: written with the change, sent over SMTP, sent again when it did not work, never lost."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select, text

from portal import clock
from portal.config import Settings
from portal.errors import SettingMissing
from portal.extensions import db
from portal.models import Agency, Mail, MailState
from portal.services import doctor, mailing
from portal.services.unit import release, transaction
from tests.support import portal
from tests.support.mailbox import Mailbox, opened

ANA = "ana@northlight.example"


@pytest.fixture
def mailbox(ground: Flask) -> Iterator[Mailbox]:
    """Where this test's letters go."""
    with opened(ground) as mailbox:
        yield mailbox


def write(subject: str = "Your password was changed", **more: object) -> None:
    with transaction() as session:
        agency = session.scalars(select(Agency)).first()
        assert agency is not None
        mailing.write(session, agency.id, ANA, "password_changed", subject, name="Ana <b>W</b>", **more)  # type: ignore[arg-type]


def states() -> list[tuple[MailState, int]]:
    release()
    return [(mail.state, mail.tries) for mail in db.session.scalars(select(Mail).order_by(Mail.id))]


def later(seconds: float) -> time_machine.travel:
    return time_machine.travel(clock.now() + timedelta(seconds=seconds), tick=True)


def test_a_letter_has_text_and_html_and_leaves_nothing_readable_behind(mailbox: Mailbox) -> None:
    write(
        unsubscribe="http://localhost:8000/unsubscribe/x",
        location="Harbour",
        settings="http://localhost:8000/",
    )
    assert "password" not in str(db.session.scalar(text("select body_sealed from mails")))
    (letter,) = mailbox.fetch()

    assert letter["to"] == [ANA]
    assert "Ana <b>W</b>" in letter["text"]
    assert "Ana &lt;b&gt;W&lt;/b&gt;" in letter["html"]
    assert letter["headers"]["List-Unsubscribe"] == "<http://localhost:8000/unsubscribe/x>"
    assert letter["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert states() == [(MailState.SENT, 1)]
    assert db.session.scalar(text("select body_sealed from mails")) is None


def test_a_change_that_is_taken_back_writes_no_letter(mailbox: Mailbox) -> None:
    with suppress(ZeroDivisionError), transaction():
        write()
        raise ZeroDivisionError
    assert not mailing.waiting()


def test_what_the_server_cannot_take_now_is_sent_later_and_an_answer_that_was_lost_shows_by_the_message_id(
    mailbox: Mailbox,
) -> None:
    mailbox.box.refuse(451, "come back", 1)
    mailbox.box.refuse(0, "taken, and the line broke", 1)
    write()
    assert mailbox.fetch() == []
    assert not mailing.waiting()
    with later(61):
        assert len(mailbox.fetch()) == 1
        assert states() == [(MailState.QUEUED, 2)]
    with later(400):
        first, second = mailbox.fetch()
    assert first["headers"]["Message-ID"] == second["headers"]["Message-ID"]
    assert states() == [(MailState.SENT, 3)]


def test_a_refusal_for_good_is_not_tried_again_and_the_doctor_tells(mailbox: Mailbox) -> None:
    mailbox.box.refuse(550, "no such mailbox", 1)
    write()
    mailbox.fetch()
    assert states() == [(MailState.FAILED, 1)]
    found = next(each for each in doctor.examine() if each.name == "mail")
    assert not found.ok
    assert "no such mailbox" in found.sentence


def test_a_letter_whose_sender_died_is_sent_by_the_next_one(mailbox: Mailbox) -> None:
    write()
    assert mailing._take() is not None
    assert mailing.send() == 0
    with later(121):
        assert mailing.send() == 1


def test_a_letter_that_cannot_be_opened_holds_up_none_behind_it(mailbox: Mailbox) -> None:
    write("Sealed for another row")
    write()
    with transaction() as session:
        first, second = session.scalars(select(Mail).order_by(Mail.id))
        first.body_sealed = second.body_sealed
    assert [letter["subject"] for letter in mailbox.fetch()] == ["Your password was changed"]
    assert states() == [(MailState.QUEUED, 1), (MailState.SENT, 1)]


def test_a_letter_that_ran_out_is_not_sent(mailbox: Mailbox) -> None:
    write(good_for=timedelta(hours=1))
    with later(3601):
        assert mailbox.fetch() == []
    assert states()[0][0] == MailState.FAILED


@pytest.mark.parametrize("url", ["smtp://", "http://mail.example", "smtp://mail.example:x", "mail.example"])
def test_a_mail_server_that_cannot_be_read_ends_the_start(settings: Settings, url: str) -> None:
    with pytest.raises(SettingMissing, match="MAIL_URL"):
        portal.settings_for(settings.database_url, settings.redis_url, "http://localhost:1", MAIL_URL=url)
