"""Signing in and connecting as a browser does: every page on the way says what is and what follows."""

import re

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.models import Authorisation, ConnectionState
from portal.services import connections, tokens
from portal.services.unit import transaction
from tests.support import consent, portal
from tests.support.xero import Xero


def test_a_person_signs_in_connects_and_comes_back_connected(seeded: Flask, xero: Xero) -> None:
    client = portal.sign_in(seeded.test_client())
    page = portal.connect_through_pages(client, country=portal.NZ)
    with seeded.app_context():
        there = connections.of(portal.location().id)
        assert there is not None
        assert there.state == ConnectionState.CONNECTED
        assert there.tenant_id == xero.tenant(portal.NZ)
        assert there.name in page


def test_a_callback_without_a_sign_in_connects_nothing(seeded: Flask) -> None:
    answer = seeded.test_client().get("/integrations/xero/callback?state=a&code=b")
    assert answer.status_code in (302, 303)
    assert "/sign-in" in answer.headers["Location"]


def test_a_made_up_callback_is_answered_with_a_sentence(seeded: Flask) -> None:
    client = portal.sign_in(seeded.test_client())
    answer = client.get("/integrations/xero/callback?state=a&code=b", follow_redirects=True)
    assert answer.status_code == 200
    assert "can no longer be finished" in answer.get_data(as_text=True)


def _come_back(client: FlaskClient, country: str, hoop_id: str = portal.HARBOUR) -> str:
    return portal.connect_through_pages(client, hoop_id, country)


def _post(client: FlaskClient, path: str, page: str, **fields: str) -> str:
    form = {"csrf_token": consent.inputs(page)["csrf_token"], **fields}
    return client.post(path, data=form, follow_redirects=True).get_data(as_text=True)


def test_another_organisation_is_compared_and_connected_only_on_a_ticked_box(
    seeded: Flask, xero: Xero
) -> None:
    client = portal.sign_in(seeded.test_client())
    _come_back(client, portal.AU)
    page = _come_back(client, portal.NZ)
    assert "Kauri Fitness Ltd instead of Harbour Studio Pty Ltd?" in page
    for word in (
        "AUD",
        "NZD",
        "Demo company",
        "Ordinary organisation",
        "Nothing is changed until you decide",
    ):
        assert word in page
    path, tenant = _address(page), xero.tenant(portal.NZ)

    unsure = _post(client, path, page, organisation=tenant)
    assert "tick the box" in unsure
    with seeded.app_context():
        assert _tenant() == xero.tenant(portal.AU)
    done = _post(client, path, page, organisation=tenant, sure="yes")
    assert "is connected instead of Harbour Studio Pty Ltd" in done
    with seeded.app_context():
        assert _tenant() == tenant
    assert "This choice is over" in client.get(path, follow_redirects=True).get_data(as_text=True)


def test_keeping_things_as_they_were_changes_nothing(seeded: Flask, xero: Xero) -> None:
    client = portal.sign_in(seeded.test_client())
    _come_back(client, portal.AU)
    page = _come_back(client, portal.NZ)
    done = _post(client, f"{_address(page)}/keep", page)
    assert "Nothing was changed" in done
    with seeded.app_context():
        assert _tenant() == xero.tenant(portal.AU)


def test_a_choice_is_not_there_in_another_location_or_for_another_person(seeded: Flask) -> None:
    client, other = portal.sign_in(seeded.test_client()), portal.sign_in(seeded.test_client())
    _come_back(client, portal.AU)
    path = _address(_come_back(client, portal.NZ))
    assert client.get(path.replace(portal.HARBOUR, portal.KAURI)).status_code == 404
    assert "This choice is over" in other.get(path, follow_redirects=True).get_data(as_text=True)


def test_sharing_an_organisation_is_warned_of(seeded: Flask) -> None:
    client = portal.sign_in(seeded.test_client())
    _come_back(client, portal.AU)
    page = _come_back(client, portal.AU, portal.KAURI)
    assert "Share Harbour Studio Pty Ltd?" in page
    assert "write into the same books" in page


def test_the_panel_tells_everything_about_the_connection(seeded: Flask) -> None:
    client = portal.sign_in(seeded.test_client())
    _come_back(client, portal.NZ)
    page = client.get(f"/locations/{portal.HARBOUR}/settings/integrations/xero").get_data(as_text=True)
    for word in (
        "Kauri Fitness Ltd", "NZ, NZD", "Demo company", "Ana", "signed in to Xero as Mia Bookkeeper",
        "write invoices; write payments; write contacts; read the chart of accounts", "Valid", "is renewed by itself",
        "next <time", "no lock date", "left today", "this minute", "Connected to Kauri Fitness Ltd",
    ):  # fmt: skip
        assert word in page, word


def test_a_missing_permission_is_named_with_a_way_to_reconnect(seeded: Flask) -> None:
    client = portal.sign_in(seeded.test_client())
    _come_back(client, portal.AU)
    with seeded.app_context(), transaction() as session:
        permit = session.scalars(select(Authorisation)).one()
        permit.scopes = [scope for scope in permit.scopes if scope != "accounting.payments"]
        tokens.look_at_scopes(session, permit)
    page = client.get(f"/locations/{portal.HARBOUR}/settings/integrations/xero").get_data(as_text=True)
    assert "Xero does not let the portal write payments." in page
    assert "Missing: write payments" in page
    assert "/settings/integrations/xero/connect" in page


def test_the_cut_off_page_asks_twice_and_the_file_opens(seeded: Flask) -> None:
    client = portal.sign_in(seeded.test_client())
    _come_back(client, portal.AU)
    path = f"/locations/{portal.HARBOUR}/settings/integrations/xero/cut-off"
    page = client.get(f"{path}?day=2026-01-01").get_data(as_text=True)
    assert "nothing would be sent" in page
    assert "Tick the box" in _post(client, path, page, day="2026-01-01", expected="0")
    assert "0 invoices queued" in _post(client, path, page, day="2026-01-01", expected="0", sure="yes")
    file = client.get(f"{path}/xero-import.csv")
    assert file.get_data(as_text=True).startswith("*ContactName,EmailAddress,POAddressLine1")
    assert "attachment" in file.headers["Content-Disposition"]


def _address(page: str) -> str:
    found = re.search(r'action="([^"]*/choose/\d+)"', page)
    assert found, page
    return found[1]


def _tenant() -> str:
    there = connections.of(portal.location().id)
    assert there is not None
    return there.tenant_id
