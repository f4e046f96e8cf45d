"""When it is not plain which organisation is meant: a person sees what each one is, and nothing happens before."""

from dataclasses import replace
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from portal import clock
from portal.errors import ChooseAgain
from portal.extensions import db
from portal.models import Authorisation, AuthorisationState, Connection, ConnectionState, Withdrawal
from portal.services import choosing, connections, housekeeping, organisations, withdrawing
from portal.services.unit import release
from tests.portal.conftest import EITHER
from tests.support import portal
from tests.support.xero import Xero


def _there(hoop_id: str = portal.HARBOUR) -> Connection | None:
    release()
    return connections.of(portal.location(hoop_id).id)


def _choice(person: portal.SignedIn, choice_id: int | None) -> choosing.Choice:
    assert choice_id is not None
    release()
    return choosing.choice(choice_id, person.session_id, person.user)


def _decide(person: portal.SignedIn, choice_id: int | None, tenant: str, *, sure: bool = False) -> str:
    assert choice_id is not None
    return choosing.decide(choice_id, tenant, person.session_id, person.user, sure=sure).sentence


def _tell_xero() -> None:
    release()
    for withdrawal_id in db.session.scalars(select(Withdrawal.id).where(Withdrawal.done_at.is_(None))).all():
        assert withdrawing.carry_out(withdrawal_id)


@pytest.mark.parametrize("database_url", EITHER, indirect=True)
def test_of_several_organisations_the_person_sees_what_each_is_and_chooses_one(
    ground: Flask, xero: Xero
) -> None:
    person = portal.ana()
    outcome = portal.complete(person, portal.allow_two(person, portal.HARBOUR, portal.AU, portal.NZ))
    assert not outcome.ok
    assert "Choose" in outcome.sentence
    assert _there() is None

    options = {each.tenant_id: each for each in _choice(person, outcome.choice).options}
    first, second = options[xero.tenant(portal.AU)], options[xero.tenant(portal.NZ)]
    assert (first.country, first.currency, first.demo) == ("AU", "AUD", False)
    assert (second.country, second.currency, second.demo) == ("NZ", "NZD", True)
    assert first.last_sync is None
    assert not first.needs_word

    assert "is connected" in _decide(person, outcome.choice, second.tenant_id)
    there = _there()
    assert there is not None
    assert there.tenant_id == second.tenant_id
    assert there.demo
    organisations.refresh(there.id)


def test_what_was_not_chosen_is_given_back_and_what_was_goes_on(ground: Flask, xero: Xero) -> None:
    person = portal.ana()
    outcome = portal.complete(person, portal.allow_two(person, portal.HARBOUR, portal.AU, portal.NZ))
    _decide(person, outcome.choice, xero.tenant(portal.AU))
    _tell_xero()
    assert [call["status"] for call in xero.calls("/connections/")] == [204]
    assert not xero.calls("revocation")
    there = _there()
    assert there is not None
    assert connections.examine(there.id) == ConnectionState.CONNECTED


def test_declining_leaves_everything_and_gives_all_back(ground: Flask, xero: Xero) -> None:
    person = portal.ana()
    outcome = portal.complete(person, portal.allow_two(person, portal.HARBOUR, portal.AU, portal.NZ))
    assert outcome.choice is not None
    said = choosing.decline(outcome.choice, person.session_id, person.user)
    assert "Nothing was changed" in said.sentence
    assert _there() is None
    _tell_xero()
    assert xero.calls("revocation")
    assert db.session.scalars(select(Authorisation.state)).one() == AuthorisationState.LOST
    with pytest.raises(ChooseAgain, match="over"):
        _decide(person, outcome.choice, xero.tenant(portal.AU))


def test_a_choice_nobody_makes_is_given_up_after_half_an_hour(ground: Flask, xero: Xero) -> None:
    person = portal.ana()
    outcome = portal.complete(person, portal.allow_two(person, portal.HARBOUR, portal.AU, portal.NZ))
    assert outcome.choice is not None
    assert choosing.abandoned() == []
    housekeeping.forget_choice(outcome.choice)
    assert len(_choice(person, outcome.choice).options) == 2
    with time_machine.travel(clock.now() + timedelta(minutes=31), tick=True):
        with pytest.raises(ChooseAgain, match="half an hour"):
            _choice(person, outcome.choice)
        assert choosing.abandoned() == [outcome.choice]
        housekeeping.forget_choice(outcome.choice)
        assert choosing.abandoned() == []
        assert len(withdrawing.due()) == 0
    assert "nobody chose" in connections.events(portal.location().id)[0].what


def test_only_who_came_back_from_xero_can_choose_and_only_what_was_offered(ground: Flask, xero: Xero) -> None:
    person, other = portal.ana(), portal.ana()
    outcome = portal.complete(person, portal.allow_two(person, portal.HARBOUR, portal.AU, portal.NZ))
    for stranger in (other, replace(person, session_id=other.session_id)):
        with pytest.raises(ChooseAgain):
            _choice(stranger, outcome.choice)
        with pytest.raises(ChooseAgain):
            _decide(stranger, outcome.choice, xero.tenant(portal.AU))
    with pytest.raises(ChooseAgain, match="that you allowed"):
        _decide(person, outcome.choice, xero.tenant(portal.UK))


def test_an_organisation_that_another_location_uses_is_shared_only_on_a_persons_word(
    ground: Flask, xero: Xero
) -> None:
    person = portal.ana()
    portal.connect(person, portal.HARBOUR, portal.AU)
    outcome = portal.connect(person, portal.KAURI, portal.AU)
    tenant = xero.tenant(portal.AU)
    assert not outcome.ok
    assert "Harbour Studio" in outcome.sentence
    assert _there(portal.KAURI) is None
    (option,) = _choice(person, outcome.choice).options
    assert option.elsewhere == ["Harbour Studio"]
    with pytest.raises(ChooseAgain, match="your word"):
        _decide(person, outcome.choice, tenant)

    assert "is connected" in _decide(person, outcome.choice, tenant, sure=True)
    for hoop_id in (portal.HARBOUR, portal.KAURI):
        there = _there(hoop_id)
        assert there is not None
        assert there.tenant_id == tenant
        assert connections.examine(there.id) == ConnectionState.CONNECTED
    assert "Shared with Harbour Studio" in connections.events(portal.location(portal.KAURI).id)[0].what


def test_disconnecting_one_of_two_that_share_an_organisation_keeps_the_other(
    ground: Flask, xero: Xero
) -> None:
    person = portal.ana()
    portal.connect(person, portal.HARBOUR, portal.AU)
    outcome = portal.connect(person, portal.KAURI, portal.AU)
    _decide(person, outcome.choice, xero.tenant(portal.AU), sure=True)
    connections.disconnect(portal.location(portal.KAURI).id, person.user)
    assert not xero.calls("/connections/")
    there = _there()
    assert there is not None
    assert connections.examine(there.id) == ConnectionState.CONNECTED


def test_an_organisation_that_cannot_be_asked_is_shown_by_its_name(ground: Flask, xero: Xero) -> None:
    person = portal.ana()
    answer = portal.allow_two(person, portal.HARBOUR, portal.AU, portal.NZ)
    xero.fault("503", "Organisation", times=2)
    options = _choice(person, portal.complete(person, answer).choice).options
    assert [each.country for each in options] == [None, None]
    assert all(each.name for each in options)
