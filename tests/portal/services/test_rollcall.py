"""What changes inside Xero is found: within a minute where a call fails, within a day where none is made."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from portal import clock
from portal.extensions import db
from portal.models import Authorisation, Connection, ConnectionState, Push, PushState
from portal.services import connections, due, housekeeping, overview, rollcall
from portal.services.unit import release, transaction
from tests.portal.conftest import EITHER
from tests.portal.services import harness
from tests.support import portal
from tests.support.hoop import line
from tests.support.xero import Xero

DAY = timedelta(days=1)


@pytest.fixture
def person(ground: Flask) -> portal.SignedIn:
    """The admin, after connecting both locations as the same bookkeeper."""
    found = portal.ana()
    assert portal.connect(found, portal.HARBOUR, portal.AU).ok
    assert portal.connect(found, portal.KAURI, portal.NZ).ok
    return found


@pytest.fixture
def stage(ground: Flask, sandbox: str, xero: Xero) -> Iterator[harness.Stage]:
    """Harbour Studio, connected, without a mapping."""
    with harness.staged(ground, sandbox, xero) as stage:
        yield stage


def _there(hoop_id: str = portal.HARBOUR) -> Connection:
    release()
    found = connections.of(portal.location(hoop_id).id)
    assert found is not None
    return found


def _permit() -> int:
    release()
    return db.session.scalars(select(Authorisation.id)).one()


def _later(delta: timedelta) -> time_machine.travel:
    return time_machine.travel(clock.now() + delta, tick=True)


def test_each_sign_in_is_asked_about_once_a_day_by_the_ticker(person: portal.SignedIn) -> None:
    with _later(DAY + timedelta(minutes=1)):
        turns = [moment for moment in range(0, 600, 60) if _turn(moment)]
        assert len(turns) == 1
        rollcall.call(_permit())
        assert not any(_turn(moment) for moment in range(0, 600, 60))


def _turn(seconds: int) -> bool:
    with _later(timedelta(seconds=seconds)):
        return ("jobs.housekeeping.roll_call", (_permit(),)) in list(due.jobs(0))


@pytest.mark.parametrize("database_url", EITHER, indirect=True)
def test_the_daily_look_finds_what_was_removed_and_leaves_the_other(
    person: portal.SignedIn, xero: Xero
) -> None:
    xero.remove_app(xero.tenant(portal.AU))
    before = max(call["n"] for call in xero.calls())
    housekeeping.roll_call(_permit())
    assert [call["path"].rsplit("/", 1)[-1] for call in xero.calls(since=before)] == ["connections"]
    assert _there().state == ConnectionState.ATTENTION
    assert "disconnected inside Xero" in str(_there().reason)
    assert _there(portal.KAURI).state == ConnectionState.CONNECTED
    checked = _there(portal.KAURI).checked_at
    assert checked is not None
    assert clock.now() - checked < timedelta(seconds=10)


def test_a_demo_company_that_was_reset_is_called_that(person: portal.SignedIn, xero: Xero) -> None:
    xero.remove_app(xero.tenant(portal.NZ))
    housekeeping.roll_call(_permit())
    assert "starts anew every 28 days" in str(_there(portal.KAURI).reason)


def test_an_organisation_that_was_renamed_is_called_by_its_new_name(
    person: portal.SignedIn, xero: Xero
) -> None:
    with transaction() as session:
        there = session.get_one(Connection, _there().id)
        there.organisation = {**there.organisation, "name": "Harbour Studio (old)"}
    housekeeping.roll_call(_permit())
    assert _there().name == "Harbour Studio Pty Ltd"
    told = connections.events(portal.location().id)[0].what
    assert told == "The organisation Harbour Studio (old) is now called Harbour Studio Pty Ltd."
    assert _there().organisation["base_currency"] == "AUD"


def test_what_xero_lists_again_goes_on_by_itself(person: portal.SignedIn) -> None:
    connections.mark(_there().id, ConnectionState.ATTENTION, "Gone for a while.")
    housekeeping.roll_call(_permit())
    assert _there().state == ConnectionState.CONNECTED


@pytest.mark.parametrize("kind", ["503", "500", "garbled", "refuse", "token-expired"])
def test_one_odd_answer_disconnects_nobody(person: portal.SignedIn, xero: Xero, kind: str) -> None:
    xero.fault(kind, "connections")
    housekeeping.roll_call(_permit())
    assert _there().state == ConnectionState.CONNECTED
    assert _there(portal.KAURI).state == ConnectionState.CONNECTED


def test_the_first_refused_call_shows_it_with_since_when_and_what_waits(
    stage: harness.Stage, xero: Xero
) -> None:
    stage.hoop.create(line("Workshop", "100"))
    xero.remove_app(stage.tenant_id)
    began = clock.now()
    stage.carry()

    there = _there()
    assert there.state == ConnectionState.ATTENTION
    assert began <= there.since <= clock.now()
    assert "disconnected inside Xero" in str(there.reason)
    glance = overview.glance(portal.location())
    assert (glance.stage, glance.on_its_way + glance.needs_you) == (overview.Stage.ATTENTION, 2)
    states = {push.state for push in db.session.scalars(select(Push))}
    assert states <= {PushState.QUEUED, PushState.WAITING, PushState.BLOCKED}


def test_a_refusal_of_a_job_between_pushes_is_examined_at_once(person: portal.SignedIn, xero: Xero) -> None:
    xero.remove_app(xero.tenant(portal.AU))
    housekeeping.facts(_there().id)
    assert _there().state == ConnectionState.ATTENTION


def test_a_refusal_that_cannot_be_explained_yet_is_looked_at_every_minute_and_counts_from_its_beginning(
    person: portal.SignedIn, xero: Xero
) -> None:
    xero.remove_app(xero.tenant(portal.AU))
    xero.fault("503", "/connections", times=1)
    housekeeping.facts(_there().id)
    doubted = _there().doubted_at
    assert _there().state == ConnectionState.CONNECTED
    assert doubted is not None
    assert ("jobs.housekeeping.examine", (_there().id,)) in list(due.jobs(60))

    with _later(timedelta(minutes=1)):
        housekeeping.examine(_there().id)
        assert _there().state == ConnectionState.ATTENTION
        assert _there().since == doubted
        assert _there().doubted_at is None


def test_the_person_who_connected_having_left_is_said(stage: harness.Stage, xero: Xero) -> None:
    xero.change(stage.tenant_id, no_permission=True)
    assert connections.examine(stage.connection_id) == ConnectionState.ATTENTION
    assert "the person who connected it may no longer work there" in str(_there().reason)
