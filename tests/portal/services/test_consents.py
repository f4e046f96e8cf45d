"""Connecting a location to a Xero organisation: every way it can end."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select

from portal import clock
from portal.config import Settings
from portal.errors import ChooseAgain, NotAllowed
from portal.extensions import db
from portal.models import (
    AuditEntry,
    Authorisation,
    AuthorisationState,
    Connection,
    ConnectionEvent,
    ConnectionState,
    LedgerAccount,
    Role,
    TaxRate,
)
from portal.services import agencies, connections, consents, demo, organisations, tokens, users
from portal.services.unit import release, transaction
from tests.portal.conftest import EITHER
from tests.support import consent, portal
from tests.support.xero import Xero


def _there(hoop_id: str = portal.HARBOUR) -> Connection:
    found = connections.of(portal.location(hoop_id).id)
    assert found is not None
    return found


def _begin(person: portal.SignedIn, hoop_id: str = portal.HARBOUR) -> str:
    url = consents.begin(portal.location(hoop_id), person.user, person.session_id)
    release()
    return url


def _complete(person: portal.SignedIn, answer: dict[str, str]) -> consents.Outcome:
    return consents.complete(
        answer.get("state"), answer.get("code"), answer.get("error"), person.session_id, person.user
    )


def _none() -> bool:
    release()
    return db.session.scalar(select(func.count()).select_from(Connection)) == 0


@pytest.mark.parametrize("database_url", EITHER, indirect=True)
def test_allowing_connects_the_chosen_organisation_and_fetches_its_accounts(
    ground: Flask, xero: Xero
) -> None:
    before = clock.now()
    outcome = portal.connect(portal.ana(), country=portal.AU)

    there = _there()
    assert outcome.ok
    assert outcome.location.hoop_id == portal.HARBOUR
    assert there.tenant_id == xero.tenant(portal.AU)
    assert there.state == ConnectionState.CONNECTED
    assert there.name in outcome.sentence
    assert before <= there.cut_off <= clock.now()
    assert there.organisation["country"] == "AU"
    assert there.organisation["base_currency"] == "AUD"
    accounts = db.session.scalars(select(LedgerAccount)).all()
    assert any(each.takes_revenue for each in accounts)
    assert any(each.takes_payments for each in accounts)
    assert db.session.scalars(select(TaxRate).where(TaxRate.applies_to_revenue)).all()
    assert "Connected to" in db.session.scalars(select(ConnectionEvent.what)).one()
    assert "connections.connect" in set(db.session.scalars(select(AuditEntry.action)))


def test_who_signed_in_to_xero_is_known(ground: Flask, xero: Xero) -> None:
    portal.connect(portal.ana(), xero_user="tom")
    permit = _there().authorisation
    assert permit.email == "tom@harbour.example"
    assert set(permit.scopes) >= {"accounting.invoices", "offline_access"}


def test_the_redirect_address_comes_from_the_settings_only(ground: Flask) -> None:
    asked = portal.query_of(_begin(portal.ana()))
    assert asked["redirect_uri"] == "http://localhost:8000/integrations/xero/callback"
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["state"]) >= 43


def test_cancelling_connects_nothing_and_says_so(ground: Flask, xero: Xero) -> None:
    person = portal.ana()
    outcome = _complete(person, consent.cancel(_begin(person)))
    assert not outcome.ok
    assert "Cancel" in outcome.sentence
    assert _none()
    assert not xero.calls("connect/token")


def test_another_error_from_xero_is_named(ground: Flask) -> None:
    person = portal.ana()
    state = portal.query_of(_begin(person))["state"]
    outcome = _complete(person, {"state": state, "error": "server_error"})
    assert not outcome.ok
    assert "server_error" in outcome.sentence


def test_a_consent_is_used_once(ground: Flask) -> None:
    person = portal.ana()
    answer = consent.allow(_begin(person), "mia", portal.AU)
    assert _complete(person, answer).ok
    with pytest.raises(ChooseAgain):
        _complete(person, answer)


@pytest.mark.parametrize("state", [None, "", "made-up"])
def test_a_state_nobody_began_is_refused(ground: Flask, state: str | None) -> None:
    person = portal.ana()
    with pytest.raises(ChooseAgain):
        consents.complete(state, "code", None, person.session_id, person.user)


def test_a_consent_ends_after_ten_minutes(ground: Flask) -> None:
    person = portal.ana()
    answer = consent.allow(_begin(person), "mia", portal.AU)
    with time_machine.travel(clock.now() + timedelta(minutes=11), tick=True), pytest.raises(ChooseAgain):
        _complete(person, answer)
    assert _none()


def test_another_session_cannot_finish_a_consent_nor_spoil_it(ground: Flask) -> None:
    person, other_browser = portal.ana(), portal.ana()
    users.add("ben@northlight.example", agencies.named(demo.AGENCY), Role.AGENCY_ADMIN, "ben-long-enough")
    key = users.sign_in("ben@northlight.example", "ben-long-enough", "", "")
    ben = users.session_for(key)
    assert ben is not None
    other_person = portal.SignedIn(ben.user_id, ben.id, key)
    answer = consent.allow(_begin(person), "mia", portal.AU)

    for stranger in (other_browser, other_person, replace(other_person, session_id=person.session_id)):
        with pytest.raises(ChooseAgain):
            _complete(stranger, answer)
    assert _complete(person, answer).ok


def test_a_code_that_xero_refuses_is_explained(ground: Flask) -> None:
    person = portal.ana()
    state = portal.query_of(_begin(person))["state"]
    outcome = _complete(person, {"state": state, "code": "not-a-code"})
    assert not outcome.ok
    assert "five minutes" in outcome.sentence
    assert _none()


def test_a_wrong_client_secret_is_the_operators_matter(ground: Flask, settings: Settings) -> None:
    person = portal.ana()
    answer = consent.allow(_begin(person), "mia", portal.AU)
    ground.extensions["portal.settings"] = replace(settings, xero_client_secret="wrong")
    outcome = _complete(person, answer)
    assert not outcome.ok
    assert "operator" in outcome.sentence
    assert "invalid_client" in outcome.sentence


@pytest.mark.parametrize("path", ["connect/token", "/connections"])
def test_xero_being_down_is_said_and_connects_nothing(ground: Flask, xero: Xero, path: str) -> None:
    person = portal.ana()
    answer = consent.allow(_begin(person), "mia", portal.AU)
    xero.fault("503", path)
    outcome = _complete(person, answer)
    assert not outcome.ok
    assert "did not answer" in outcome.sentence
    assert _none()


def test_an_empty_list_of_organisations_is_explained(ground: Flask, xero: Xero) -> None:
    person = portal.ana()
    answer = consent.allow(_begin(person), "mia", portal.AU)
    xero.remove_app(xero.tenant(portal.AU))
    outcome = _complete(person, answer)
    assert not outcome.ok
    assert "no organisation" in outcome.sentence
    assert _none()


def test_a_permission_that_was_not_given_is_named_and_what_xero_made_is_taken_back(
    ground: Flask, xero: Xero
) -> None:
    person = portal.ana()
    url = _begin(person).replace("accounting.payments", "").replace("accounting.contacts", "")
    outcome = _complete(person, consent.allow(url, "mia", portal.AU))
    assert not outcome.ok
    assert "write payments and write contacts" in outcome.sentence
    assert _none()
    assert [call["method"] for call in xero.calls("/connections/")] == ["DELETE"]
    assert xero.calls("revocation")


def test_the_organisation_just_allowed_is_taken_not_the_first_of_the_list(ground: Flask, xero: Xero) -> None:
    person = portal.ana()
    portal.connect(person, portal.HARBOUR, portal.AU)
    portal.connect(person, portal.KAURI, portal.NZ)
    assert _there(portal.HARBOUR).tenant_id == xero.tenant(portal.AU)
    assert _there(portal.KAURI).tenant_id == xero.tenant(portal.NZ)


def test_two_locations_of_one_bookkeeper_share_the_newest_token_set(ground: Flask, xero: Xero) -> None:
    person = portal.ana()
    portal.connect(person, portal.HARBOUR, portal.AU)
    portal.connect(person, portal.KAURI, portal.NZ)
    first, second = _there(portal.HARBOUR), _there(portal.KAURI)
    assert first.authorisation_id == second.authorisation_id
    tokens.renew(first.authorisation_id, tokens.access_token(first.authorisation_id))
    organisations.refresh(_there(portal.HARBOUR).id)
    organisations.refresh(_there(portal.KAURI).id)


def test_two_bookkeepers_keep_token_sets_of_their_own(ground: Flask) -> None:
    person = portal.ana()
    portal.connect(person, portal.HARBOUR, portal.AU, "mia")
    portal.connect(person, portal.KAURI, portal.NZ, "tom")
    assert _there(portal.HARBOUR).authorisation_id != _there(portal.KAURI).authorisation_id


@pytest.mark.parametrize("way", ["disconnected", "lost"])
def test_reconnecting_to_the_same_organisation_keeps_the_cut_off_and_goes_on(
    ground: Flask, xero: Xero, way: str
) -> None:
    person = portal.ana()
    portal.connect(person)
    first = _there()
    kept = (first.id, first.cut_off, first.tenant_id)
    if way == "disconnected":
        connections.disconnect(portal.location().id, person.user)
    else:
        connections.mark(first.id, ConnectionState.ATTENTION, "Xero has signed us out.")

    outcome = portal.connect(person)
    again = _there()
    assert outcome.ok
    assert "again" in outcome.sentence
    assert (again.id, again.cut_off, again.tenant_id) == kept
    assert again.state == ConnectionState.CONNECTED
    assert again.reason is None
    assert connections.events(portal.location().id)[0].what.startswith("Reconnected")


def test_a_new_consent_wakes_every_location_that_its_person_had_lost(ground: Flask, xero: Xero) -> None:
    person = portal.ana()
    portal.connect(person, portal.HARBOUR, portal.AU)
    portal.connect(person, portal.KAURI, portal.NZ)
    _lose(_there().authorisation_id)
    assert _there(portal.KAURI).state == ConnectionState.ATTENTION

    portal.connect(person, portal.HARBOUR, portal.AU)
    assert _there(portal.KAURI).state == ConnectionState.CONNECTED
    assert _there(portal.HARBOUR).authorisation.state == AuthorisationState.ACTIVE


def test_a_chart_of_accounts_that_cannot_be_fetched_does_not_undo_the_connection(
    ground: Flask, xero: Xero
) -> None:
    person = portal.ana()
    answer = consent.allow(_begin(person), "mia", portal.AU)
    xero.fault("500", "Accounts")
    outcome = _complete(person, answer)
    assert outcome.ok
    assert "still being fetched" in outcome.sentence
    assert _there().state == ConnectionState.CONNECTED
    assert _there().facts_fetched_at is None


def test_a_viewer_cannot_begin(ground: Flask) -> None:
    users.add("vera@northlight.example", agencies.named(demo.AGENCY), Role.VIEWER, "vera-long-enough")
    key = users.sign_in("vera@northlight.example", "vera-long-enough", "", "")
    session = users.session_for(key)
    assert session is not None
    with pytest.raises(NotAllowed):
        consents.begin(portal.location(), session.user, session.id)


def test_no_token_and_no_verifier_is_readable_in_the_database_file(ground: Flask, tmp_path: Path) -> None:
    portal.connect(portal.ana())
    authorisation = _there().authorisation_id
    kept = [tokens.access_token(authorisation), tokens.refresh_token(authorisation)]
    tokens.renew(authorisation, kept[0])
    kept += [tokens.access_token(authorisation), tokens.refresh_token(authorisation)]
    raw = b"".join(path.read_bytes() for path in tmp_path.glob("portal.sqlite3*"))
    assert raw
    assert len(set(kept)) == 4
    assert not [secret for secret in kept if secret.encode() in raw]


def _lose(authorisation_id: int) -> None:
    """Xero forgets the whole sign-in."""
    from portal.config import settings
    from portal.errors import ConnectAgain
    from portal.xero import oauth

    app = settings()
    oauth.revoke(
        app.xero_identity_url,
        app.xero_client_id,
        app.xero_client_secret,
        tokens.refresh_token(authorisation_id),
    )
    with transaction() as session:
        session.get_one(Authorisation, authorisation_id).previous_sealed = None
    with pytest.raises(ConnectAgain):
        tokens.renew(authorisation_id, tokens.access_token(authorisation_id))
