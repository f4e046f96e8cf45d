"""Token sets: refreshed once however many want it, never lost by a crash, given up only when Xero says so."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from portal import clock
from portal.config import Settings
from portal.errors import ConnectAgain, NotNow
from portal.extensions import db
from portal.models import Authorisation, AuthorisationState, Connection, ConnectionState
from portal.services import connections, doctor, organisations, tokens
from portal.services.unit import release, transaction
from portal.xero import oauth
from tests.portal.conftest import BOTH
from tests.support import portal
from tests.support.xero import Xero

TOKEN = "connect/token"


@pytest.fixture
def connected(ground: Flask) -> int:
    """The authorisation of a connected location."""
    assert portal.connect(portal.ana()).ok
    return _row().id


def _row() -> Authorisation:
    release()
    return db.session.scalars(select(Authorisation)).one()


def _connection() -> Connection:
    release()
    return db.session.scalars(select(Connection)).one()


def _age(**changes: object) -> None:
    with transaction() as session:
        row = session.scalars(select(Authorisation)).one()
        for name, value in changes.items():
            setattr(row, name, value)


def _end_access() -> None:
    _age(expires_at=clock.now())


def _last_call(xero: Xero) -> int:
    return max((call["n"] for call in xero.calls()), default=0)


def _refreshes(xero: Xero, since: int) -> int:
    return len(xero.calls(TOKEN, since))


def _revoke_at_xero(authorisation_id: int, settings: Settings) -> None:
    oauth.revoke(
        settings.xero_identity_url,
        settings.xero_client_id,
        settings.xero_client_secret,
        tokens.refresh_token(authorisation_id),
    )


def test_a_token_good_for_a_minute_is_used_as_it_is(connected: int, xero: Xero) -> None:
    before = _last_call(xero)
    first = tokens.access_token(connected)
    assert tokens.access_token(connected) == first
    _age(expires_at=clock.now() + timedelta(seconds=70))
    assert tokens.access_token(connected) == first
    assert _refreshes(xero, before) == 0


def test_a_token_near_its_end_is_replaced_and_the_new_set_is_kept_before_use(
    connected: int, xero: Xero
) -> None:
    old = tokens.access_token(connected), tokens.refresh_token(connected)
    version = _row().version
    _age(expires_at=clock.now() + timedelta(seconds=30))
    new = tokens.access_token(connected)

    assert new != old[0]
    assert tokens.refresh_token(connected) != old[1]
    assert tokens.access_token(connected) == new
    row = _row()
    assert row.version == version + 1
    assert row.previous_sealed is not None
    assert row.lease_until is None
    assert row.expires_at > clock.now() + timedelta(minutes=29)
    organisations.refresh(_connection().id)


def test_a_token_already_replaced_is_not_replaced_again(connected: int, xero: Xero) -> None:
    used = tokens.access_token(connected)
    before = _last_call(xero)
    new = tokens.renew(connected, used)
    assert tokens.renew(connected, used) == new != used
    assert _refreshes(xero, before) == 1


@pytest.mark.faults
@pytest.mark.parametrize(
    ("database_url", "processes"),
    [("sqlite", 4), pytest.param("postgres", 4, marks=pytest.mark.postgres)],
    indirect=["database_url"],
)
def test_twenty_threads_in_each_of_several_processes_cause_one_refresh(
    connected: int, xero: Xero, settings: Settings, processes: int
) -> None:
    _end_access()
    before = _last_call(xero)
    env = {**os.environ, **portal.environment(settings)}
    command = [sys.executable, "-m", "tests.support.contender", "race", str(connected), "20"]
    running = [
        subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(processes)
    ]
    assert all(process.stdout and process.stdout.readline() == "ready\n" for process in running)
    for process in running:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    got = [token for process in running for token in json.loads(process.communicate(timeout=60)[0])]

    assert len(got) == 20 * processes
    assert len(set(got)) == 1, set(got)
    assert _refreshes(xero, before) == 1


def test_a_lost_reply_is_recovered_with_the_same_refresh_token(connected: int, xero: Xero) -> None:
    _end_access()
    xero.fault("lost_reply", TOKEN)
    before = _last_call(xero)
    with pytest.raises(NotNow):
        tokens.access_token(connected)
    assert _connection().state == ConnectionState.CONNECTED

    assert tokens.access_token(connected)
    assert _refreshes(xero, before) == 2
    organisations.refresh(_connection().id)


@pytest.mark.parametrize("kind", ["503", "500", "truncated", "garbled", "refuse", "429-minute"])
def test_trouble_at_xeros_sign_in_is_waited_for_and_loses_nothing(
    connected: int, xero: Xero, kind: str
) -> None:
    _end_access()
    xero.fault(kind, TOKEN)
    with pytest.raises(NotNow) as waiting:
        tokens.access_token(connected)
    assert waiting.value.retry_at is not None
    assert _row().state == AuthorisationState.ACTIVE
    assert _row().lease_until is None
    assert tokens.access_token(connected)


@pytest.mark.faults
def test_a_process_killed_between_answer_and_commit_loses_nothing(
    connected: int, xero: Xero, settings: Settings
) -> None:
    _end_access()
    before = _last_call(xero)
    command = [sys.executable, "-m", "tests.support.contender", "die", str(connected), "1"]
    killed = subprocess.run(command, env={**os.environ, **portal.environment(settings)}, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert _refreshes(xero, before) == 1
    assert _row().lease_until is not None

    with time_machine.travel(clock.now() + tokens.LEASE + timedelta(seconds=1), tick=True):
        assert tokens.access_token(connected)
    assert _refreshes(xero, before) == 2
    organisations.refresh(_connection().id)


def test_who_read_the_row_before_a_refresh_cannot_refresh_again(connected: int) -> None:
    late = tokens._held(connected)
    tokens.renew(connected, late.access)
    assert tokens._take(late) is None


def test_while_another_holds_the_lease_nobody_else_refreshes(
    connected: int, xero: Xero, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "LONGEST_WAIT", 0.5)
    _age(expires_at=clock.now(), lease_until=clock.now() + timedelta(seconds=30), fence=7)
    before = _last_call(xero)
    with pytest.raises(NotNow):
        tokens.access_token(connected)
    assert _refreshes(xero, before) == 0


def test_the_refresh_token_before_is_used_while_its_grace_lasts(connected: int, xero: Xero) -> None:
    tokens.renew(connected, tokens.access_token(connected))
    with transaction() as session:
        row = session.scalars(select(Authorisation)).one()
        spoiled = json.dumps({"access": "spoiled", "refresh": "spoiled"})
        row.tokens_sealed = tokens.secrets.seal(spoiled, row.row)

    assert tokens.renew(connected, "spoiled")
    assert _row().state == AuthorisationState.ACTIVE
    organisations.refresh(_connection().id)


def test_the_refresh_token_before_is_not_used_after_its_grace(connected: int) -> None:
    tokens.renew(connected, tokens.access_token(connected))
    with transaction() as session:
        row = session.scalars(select(Authorisation)).one()
        spoiled = json.dumps({"access": "spoiled", "refresh": "spoiled"})
        row.tokens_sealed = tokens.secrets.seal(spoiled, row.row)
    with (
        time_machine.travel(clock.now() + timedelta(minutes=31), tick=True),
        pytest.raises(ConnectAgain),
    ):
        tokens.access_token(connected)


@pytest.mark.parametrize("database_url", BOTH, indirect=True)
def test_when_xero_ends_the_sign_in_its_connections_need_attention_and_nobody_asks_again(
    connected: int, xero: Xero, settings: Settings
) -> None:
    _revoke_at_xero(connected, settings)
    _end_access()
    before = _last_call(xero)
    with pytest.raises(ConnectAgain, match="Reconnect"):
        tokens.access_token(connected)

    there = _connection()
    assert there.state == ConnectionState.ATTENTION
    assert there.reason is not None
    assert "signed us out" in there.reason
    assert clock.now() - there.since < timedelta(seconds=10)
    assert connections.events(there.location_id)[0].what == there.reason
    assert _row().state == AuthorisationState.LOST
    with pytest.raises(ConnectAgain):
        tokens.renew(connected, "anything")
    assert _refreshes(xero, before) == 1
    assert tokens.refresh_due() == []


def test_a_wrong_client_secret_never_marks_a_customer(
    ground: Flask, connected: int, settings: Settings
) -> None:
    ground.extensions["portal.settings"] = replace(settings, xero_client_secret="wrong")
    _end_access()
    with pytest.raises(NotNow, match="operator") as waiting:
        tokens.access_token(connected)
    assert waiting.value.reason == "app"
    assert _connection().state == ConnectionState.CONNECTED
    assert _row().state == AuthorisationState.ACTIVE
    alarm = next(each for each in doctor.examine() if each.name == "sign-ins")
    assert (alarm.ok, "XERO_CLIENT_SECRET" in alarm.sentence) == (False, True)

    ground.extensions["portal.settings"] = settings
    assert tokens.access_token(connected)
    assert next(each for each in doctor.examine() if each.name == "sign-ins").ok


def test_a_frozen_process_cannot_write_over_a_newer_consent(connected: int) -> None:
    held = tokens._held(connected)
    fence = tokens._take(held)
    assert fence is not None
    stale = tokens._new_tokens(held)
    portal.connect(portal.ana())
    newest = tokens.access_token(connected)

    assert not tokens._save(held, fence, stale)
    tokens._give_up(held, fence)
    tokens._give_back(held, fence)
    assert tokens.access_token(connected) == newest
    assert _connection().state == ConnectionState.CONNECTED


def test_what_is_in_use_is_refreshed_ahead_and_what_is_idle_before_it_dies(connected: int) -> None:
    assert tokens.refresh_due() == []
    _age(expires_at=clock.now() + timedelta(minutes=4))
    assert tokens.refresh_due() == [connected]
    connections.pause(_connection().location_id, portal.ana().user)
    assert tokens.refresh_due() == []
    _age(refreshed_at=clock.now() - timedelta(days=31))
    assert tokens.refresh_due() == [connected]
    with transaction() as session:
        session.scalars(select(Connection)).one().state = ConnectionState.DISCONNECTED
    assert tokens.refresh_due() == []


def test_the_job_refreshes_only_what_is_due_and_swallows_what_must_wait(connected: int, xero: Xero) -> None:
    before = _last_call(xero)
    tokens.keep_fresh(connected)
    assert _refreshes(xero, before) == 0
    _end_access()
    xero.fault("503", TOKEN)
    tokens.keep_fresh(connected)
    tokens.keep_fresh(connected)
    assert _refreshes(xero, before) == 2
    assert tokens.refresh_due() == []


@pytest.mark.slow
def test_two_weeks_pass_and_nobody_has_to_reconnect(connected: int, xero: Xero) -> None:
    start = clock.now()
    for hours in range(8, 14 * 24 + 1, 8):
        with time_machine.travel(start + timedelta(hours=hours), tick=True):
            for due in tokens.refresh_due():
                tokens.keep_fresh(due)
            tokens.access_token(connected)
            assert connections.examine(_connection().id) == ConnectionState.CONNECTED


def test_secrets_stay_out_of_words_that_may_be_logged(connected: int) -> None:
    held = tokens._held(connected)
    assert held.access not in repr(held)
    assert held.refresh not in repr(held)


@pytest.mark.slow
def test_a_connection_that_is_paused_for_half_a_year_needs_no_reconnect(connected: int, xero: Xero) -> None:
    connections.pause(_connection().location_id, portal.ana().user)
    start, before = clock.now(), _last_call(xero)
    for day in range(1, 181):
        with time_machine.travel(start + timedelta(days=day), tick=True):
            for due in tokens.refresh_due():
                tokens.keep_fresh(due)
    assert _row().state == AuthorisationState.ACTIVE
    assert _refreshes(xero, before) == 5
    with time_machine.travel(start + timedelta(days=181), tick=True):
        assert tokens.access_token(connected)


def test_what_hinders_a_refresh_is_on_record_until_one_succeeds(connected: int, xero: Xero) -> None:
    _end_access()
    xero.fault("503", TOKEN, times=2)
    for _ in range(2):
        with pytest.raises(NotNow):
            tokens.access_token(connected)
    row = _row()
    assert row.failing_reason == "busy"
    assert row.failing_since is not None
    assert tokens.access_token(connected)
    assert (_row().failing_since, _row().failing_reason) == (None, None)


def test_a_permission_that_is_missing_after_a_refresh_is_named_and_stops_sending(
    connected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = oauth.refresh

    def less(*place: str) -> oauth.TokenSet:
        tokens_ = plain(*place)
        return replace(tokens_, scopes=tokens_.scopes - {"accounting.payments"})

    monkeypatch.setattr(oauth, "refresh", less)
    tokens.renew(connected, tokens.access_token(connected))
    assert _connection().state == ConnectionState.ATTENTION
    assert _connection().reason == (
        "Xero does not let the portal write payments. Reconnect and allow everything it asks for."
    )
    monkeypatch.undo()
    assert portal.connect(portal.ana()).ok
    assert _connection().state == ConnectionState.CONNECTED
