"""What may be done to a connection, and finding out at Xero whether it still holds."""

from decimal import Decimal

import pytest
from flask import Flask
from sqlalchemy import select

from portal import bell, clock
from portal.config import Settings
from portal.errors import ChooseAgain, NotNow
from portal.extensions import db
from portal.models import (
    Authorisation,
    AuthorisationState,
    Connection,
    ConnectionState,
    Document,
    Mapping,
    MappingKind,
    Operation,
    Push,
    PushState,
    User,
)
from portal.services import connections, housekeeping, organisations, outbox, panel, tokens
from portal.services.unit import release, transaction
from tests.portal.conftest import EITHER
from tests.support import portal
from tests.support.xero import Xero


@pytest.fixture
def person(ground: Flask) -> portal.SignedIn:
    """The admin, after connecting Harbour Studio."""
    found = portal.ana()
    assert portal.connect(found).ok
    return found


def _there(hoop_id: str = portal.HARBOUR) -> Connection:
    release()
    found = connections.of(portal.location(hoop_id).id)
    assert found is not None
    return found


def _user(person: portal.SignedIn) -> User:
    return person.user


def _rung(name: str, connection_id: int) -> bool:
    return bool(bell.client().exists(f"bell:{name}:{connection_id}"))


def test_pausing_stops_and_resuming_goes_on_at_once(person: portal.SignedIn) -> None:
    location_id = portal.location().id
    connections.pause(location_id, person.user)
    assert _there().state == ConnectionState.PAUSED
    assert not _there().live
    with pytest.raises(ChooseAgain):
        connections.pause(location_id, person.user)

    bell.client().flushall()
    connections.resume(location_id, person.user)
    assert _there().state == ConnectionState.CONNECTED
    assert _rung("jobs.pushes.drain", _there().id)
    with pytest.raises(ChooseAgain):
        connections.resume(location_id, person.user)
    assert [each.what.split()[0] for each in connections.events(location_id)] == [
        "Resumed",
        "Paused",
        "Connected",
    ]


def test_disconnecting_one_of_two_leaves_the_other_working(person: portal.SignedIn, xero: Xero) -> None:
    portal.connect(person, portal.KAURI, portal.NZ)
    sentence = connections.disconnect(portal.location(portal.HARBOUR).id, person.user)

    assert "disconnected" in sentence
    assert _there(portal.HARBOUR).state == ConnectionState.DISCONNECTED
    assert [call["status"] for call in xero.calls("/connections/")] == [204]
    assert not xero.calls("revocation")
    organisations.refresh(_there(portal.KAURI).id)


@pytest.mark.parametrize("database_url", EITHER, indirect=True)
def test_disconnecting_the_last_one_gives_the_sign_in_back(person: portal.SignedIn, xero: Xero) -> None:
    connections.disconnect(portal.location().id, person.user)
    permit = db.session.scalars(select(Authorisation)).one()
    assert xero.calls("revocation")
    assert permit.state == AuthorisationState.LOST
    assert permit.tokens_sealed == ""
    with pytest.raises(ChooseAgain):
        connections.disconnect(portal.location().id, person.user)


def test_disconnecting_keeps_mappings_and_what_waits(person: portal.SignedIn) -> None:
    location_id, tenant = portal.location().id, _there().tenant_id
    with transaction() as session:
        session.add(
            Mapping(
                location_id=location_id,
                tenant_id=tenant,
                kind=MappingKind.DEFAULT,
                key="account",
                account_id="a",
            )
        )
        outbox.want(
            session, location_id, Document.INVOICE, 1, Operation.CREATE, amount=Decimal("10"), currency="AUD"
        )
    connections.disconnect(location_id, person.user)
    assert db.session.scalars(select(Mapping)).one().account_id == "a"
    assert db.session.scalars(select(Push)).one().state == PushState.QUEUED


def test_disconnecting_what_xero_removed_already_is_no_error(person: portal.SignedIn, xero: Xero) -> None:
    xero.remove_app(_there().tenant_id)
    sentence = connections.disconnect(portal.location().id, person.user)
    assert "is disconnected." in sentence
    assert _there().state == ConnectionState.DISCONNECTED


def test_disconnecting_while_xero_is_down_stops_here_and_says_what_is_left_to_do(
    person: portal.SignedIn, xero: Xero
) -> None:
    xero.fault("503", "/connections", times=5)
    sentence = connections.disconnect(portal.location().id, person.user)
    assert "Xero could not be told yet" in sentence
    assert _there().state == ConnectionState.DISCONNECTED
    assert connections.events(portal.location().id)[0].what == sentence


def test_disconnecting_after_xero_ended_the_sign_in_works_and_says_what_may_be_left(
    person: portal.SignedIn,
) -> None:
    with transaction() as session:
        permit = session.scalars(select(Authorisation)).one()
        permit.state = AuthorisationState.LOST
    sentence = connections.disconnect(portal.location().id, person.user)
    assert "Connected apps" in sentence
    assert _there().state == ConnectionState.DISCONNECTED


def test_one_odd_refusal_disconnects_nobody(person: portal.SignedIn, xero: Xero) -> None:
    for kind in ("token-expired", "403"):
        xero.fault(kind, "Organisation")
        housekeeping.facts(_there().id)
        assert _there().state == ConnectionState.CONNECTED
        assert connections.examine(_there().id) == ConnectionState.CONNECTED


def test_removed_inside_xero_needs_attention_and_reconnecting_mends_it(
    person: portal.SignedIn, xero: Xero
) -> None:
    xero.remove_app(_there().tenant_id)
    assert connections.examine(_there().id) == ConnectionState.ATTENTION
    reason = _there().reason
    assert reason is not None
    assert "disconnected inside Xero" in reason
    assert connections.examine(_there().id) == ConnectionState.ATTENTION
    assert [each.what for each in connections.events(portal.location().id)].count(reason[:300]) == 1

    assert portal.connect(person).ok
    assert _there().state == ConnectionState.CONNECTED
    organisations.refresh(_there().id)


def test_a_role_that_was_taken_away_is_named_and_its_return_goes_on(
    person: portal.SignedIn, xero: Xero
) -> None:
    tenant = _there().tenant_id
    xero.change(tenant, no_permission=True)
    assert connections.examine(_there().id) == ConnectionState.ATTENTION
    assert "Standard or Adviser" in str(_there().reason)

    xero.change(tenant, no_permission=False)
    bell.client().flushall()
    assert connections.examine(_there().id) == ConnectionState.CONNECTED
    assert _rung("jobs.pushes.drain", _there().id)


@pytest.mark.parametrize("path", ["connect/token", "/connections", "Organisation"])
def test_what_cannot_be_known_changes_nothing(person: portal.SignedIn, xero: Xero, path: str) -> None:
    xero.fault("503", path)
    with pytest.raises(NotNow):
        connections.examine(_there().id)
    assert _there().state == ConnectionState.CONNECTED
    xero.fault("503", path)
    housekeeping.examine(_there().id)


def test_a_sign_in_that_xero_ended_is_found_by_examining(
    person: portal.SignedIn, xero: Xero, settings: Settings
) -> None:
    from portal.xero import oauth

    refresh = tokens.refresh_token(_there().authorisation_id)
    oauth.revoke(settings.xero_identity_url, settings.xero_client_id, settings.xero_client_secret, refresh)
    assert connections.examine(_there().id) == ConnectionState.ATTENTION
    assert "signed us out" in str(_there().reason)


def test_a_disconnected_connection_is_left_alone(person: portal.SignedIn, xero: Xero) -> None:
    connections.disconnect(portal.location().id, person.user)
    connections.mark(_there().id, ConnectionState.ATTENTION, "late news")
    assert connections.examine(_there().id) == ConnectionState.DISCONNECTED


def test_testing_a_good_connection_says_so_in_four_checks(person: portal.SignedIn) -> None:
    before = clock.now()
    checks = panel.look(portal.location())
    assert [(check.name, check.ok) for check in checks] == [
        ("Sign-in", True),
        ("Organisation", True),
        ("Permissions", True),
        ("Role", True),
    ]
    checked_at = _there().checked_at
    assert checked_at is not None
    assert checked_at >= before


def test_testing_tells_the_broken_part_from_the_others(
    ground: Flask, person: portal.SignedIn, xero: Xero, settings: Settings
) -> None:
    xero.change(_there().tenant_id, no_permission=True)
    assert {check.name: check.ok for check in connections.test(portal.location())}["Role"] is False
    xero.remove_app(_there().tenant_id)
    found = {check.name: check.ok for check in connections.test(portal.location())}
    assert found == {"Sign-in": True, "Organisation": False, "Permissions": True, "Role": None}
    xero.fault("503", "/connections")
    found = {check.name: check.ok for check in connections.test(portal.location())}
    assert found["Organisation"] is None
    with transaction() as session:
        session.scalars(select(Authorisation)).one().scopes = ["offline_access", "accounting.invoices"]
    found = {check.name: check.sentence for check in connections.test(portal.location())}
    assert "write payments" in found["Permissions"]
    assert _there().state == ConnectionState.CONNECTED


def test_a_location_without_a_connection_cannot_be_tested(ground: Flask) -> None:
    with pytest.raises(ChooseAgain):
        connections.test(portal.location())
    assert connections.of(portal.location().id) is None
