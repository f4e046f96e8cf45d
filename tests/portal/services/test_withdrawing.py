"""What is no longer wanted at Xero is written down first, so that neither a crash nor an outage forgets it."""

from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from portal import clock
from portal.config import Settings
from portal.extensions import db
from portal.models import Authorisation, Connection, ConnectionState, Withdrawal
from portal.services import connections, due, housekeeping, tokens, withdrawing
from portal.services.unit import release, transaction
from portal.xero import oauth
from tests.portal.conftest import EITHER
from tests.support import portal
from tests.support.xero import Xero

MINUTE = timedelta(minutes=1)


@pytest.fixture
def person(ground: Flask) -> portal.SignedIn:
    """The admin, after connecting Harbour Studio."""
    found = portal.ana()
    assert portal.connect(found).ok
    return found


def _there() -> Connection:
    release()
    found = connections.of(portal.location().id)
    assert found is not None
    return found


def _row() -> Withdrawal:
    release()
    return db.session.scalars(select(Withdrawal).order_by(Withdrawal.id.desc()).limit(1)).one()


def _deletes(xero: Xero) -> list[int]:
    return [call["status"] for call in xero.calls("/connections/") if call["method"] == "DELETE"]


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("database_url", EITHER, indirect=True)
def test_a_crash_between_disconnecting_here_and_telling_xero_is_made_good_by_the_ticker(
    person: portal.SignedIn, xero: Xero, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(_: int) -> bool:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(withdrawing, "carry_out", killed)
        with pytest.raises(Killed):
            connections.disconnect(portal.location().id, person.user)
    assert _there().state == ConnectionState.DISCONNECTED
    assert _deletes(xero) == []
    assert _row().done_at is None

    with time_machine.travel(clock.now() + MINUTE, tick=True):
        wanted = ("jobs.housekeeping.withdraw", (_row().id,))
        assert wanted in list(due.jobs(0))
        housekeeping.withdraw(_row().id)
        assert wanted not in list(due.jobs(0))
    assert _deletes(xero) == [204]
    assert len(xero.calls("revocation")) == 1
    assert _row().outcome == withdrawing.TOLD


def test_while_xero_is_down_it_is_tried_again_ever_more_seldom_until_it_works(
    person: portal.SignedIn, xero: Xero
) -> None:
    xero.fault("503", "/connections/", times=3)
    connections.disconnect(portal.location().id, person.user)
    moment = clock.now()
    for after in (timedelta(minutes=1), timedelta(minutes=3), timedelta(minutes=8)):
        with time_machine.travel(moment + after, tick=True):
            for withdrawal_id in withdrawing.due():
                withdrawing.carry_out(withdrawal_id)
    assert _deletes(xero) == [503, 503, 503, 204]
    assert _row().done_at is not None


def test_connecting_again_before_xero_was_told_keeps_the_connection(
    person: portal.SignedIn, xero: Xero
) -> None:
    xero.fault("503", "/connections/", times=1)
    connections.disconnect(portal.location().id, person.user)
    assert portal.connect(person).ok
    assert _row().outcome == withdrawing.USED_AGAIN
    with time_machine.travel(clock.now() + 5 * MINUTE, tick=True):
        assert withdrawing.due() == []
    assert connections.examine(_there().id) == ConnectionState.CONNECTED


def test_told_twice_at_once_does_no_harm(person: portal.SignedIn, xero: Xero) -> None:
    connections.disconnect(portal.location().id, person.user)
    withdrawal_id = _row().id
    assert withdrawing.carry_out(withdrawal_id)
    assert _deletes(xero) == [204]


def test_a_sign_in_that_xero_ended_first_ends_the_matter(
    person: portal.SignedIn, xero: Xero, settings: Settings
) -> None:
    refresh = tokens.refresh_token(_there().authorisation_id)
    oauth.revoke(settings.xero_identity_url, settings.xero_client_id, settings.xero_client_secret, refresh)
    permit = _there().authorisation_id
    with transaction() as session:
        session.get_one(Authorisation, permit).expires_at = clock.now()
    sentence = connections.disconnect(portal.location().id, person.user)
    assert "Connected apps" in sentence
    assert _row().outcome == withdrawing.TOO_LATE


def test_reconnecting_as_another_person_gives_the_first_ones_sign_in_back(
    person: portal.SignedIn, xero: Xero
) -> None:
    assert portal.connect(person, xero_user="tom").ok
    with time_machine.travel(clock.now() + MINUTE, tick=True):
        for withdrawal_id in withdrawing.due():
            housekeeping.withdraw(withdrawal_id)
    assert _deletes(xero) == [204]
    assert len(xero.calls("revocation")) == 1
    assert _there().authorisation.email == "tom@harbour.example"
    assert connections.examine(_there().id) == ConnectionState.CONNECTED


def test_xero_not_answering_after_a_consent_leaves_no_sign_in_behind(ground: Flask, xero: Xero) -> None:
    person = portal.ana()
    xero.fault("503", "/connections", times=2)
    assert "did not answer" in portal.connect(person).sentence
    with time_machine.travel(clock.now() + MINUTE, tick=True):
        for withdrawal_id in withdrawing.due():
            assert withdrawing.carry_out(withdrawal_id)
    assert len(xero.calls("revocation")) == 1
