"""Consent, tokens and connections of the stand-in Xero."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import simplejson

from tests.sandbox.xero_world import ALL_SCOPES, APP, CALLBACK, Json, World, fresh, xero_world

VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
ASKED = {
    "response_type": "code",
    "client_id": APP[0],
    "redirect_uri": CALLBACK,
    "scope": ALL_SCOPES,
    "state": "opaque-state",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


@pytest.fixture(scope="module")
def running() -> Iterator[World]:
    with xero_world() as made:
        yield made


@pytest.fixture
def world(running: World) -> World:
    return fresh(running)


def page(world: World, **changes: str) -> requests.Response:
    return requests.get(f"{world.url}/identity/connect/authorize", params=ASKED | changes, timeout=10)


def decide(
    world: World, decision: str = "allow", user: str = "mia", organisation: str = "Harbour", **changes: str
) -> Json:
    shown = page(world, **changes)
    assert shown.status_code == 200, shown.text
    hidden = dict(re.findall(r'type="hidden"\s+name="([^"]+)"\s+value="([^"]*)"', shown.text))
    tenants = re.findall(r'name="tenant"\s+value="([^"]+)"[^>]*>\s*<span>([^<]+)', shown.text)
    tenant = next(value for value, words in tenants if organisation in words)
    form = {key: unescape(value) for key, value in hidden.items()} | {
        "user": user,
        "tenant": tenant,
        "decision": decision,
    }
    answer = requests.post(shown.url.partition("?")[0], data=form, allow_redirects=False, timeout=10)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(CALLBACK)
    return {key: values[0] for key, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}


def exchange(world: World, code: str, **changes: str) -> requests.Response:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    }
    return requests.post(f"{world.url}/connect/token", data=form | changes, auth=APP, timeout=10)


def refresh(world: World, token: str, **more: str) -> requests.Response:
    form = {"grant_type": "refresh_token", "refresh_token": token} | more
    return requests.post(f"{world.url}/connect/token", data=form, auth=APP, timeout=10)


def claims(token: str) -> Json:
    body = token.split(".")[1]
    read: Json = simplejson.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return read


def connections(world: World, token: str, query: str = "") -> list[Json]:
    answer = requests.get(
        f"{world.url}/connections{query}", headers={"Authorization": f"Bearer {token}"}, timeout=10
    )
    assert answer.status_code == 200
    rows: list[Json] = answer.json()
    return rows


def test_the_page_names_people_organisations_and_scopes_in_words(world: World) -> None:
    text = page(world).text
    for words in (
        "Mia Bookkeeper", "Tom Owner", "Harbour Studio Pty Ltd", "Kauri Fitness Ltd", "Thames Makers Ltd",
        "View and manage contacts", "Stay connected while you are away", "Stand-in for Xero - not the real one",
    ):  # fmt: skip
        assert words in text


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"client_id": "SOMEBODYELSE"}, "unauthorized_client"),
        ({"redirect_uri": "http://127.0.0.1:8000/integrations/xero/callback"}, "unauthorized_client"),
        ({"redirect_uri": f"{CALLBACK}/"}, "unauthorized_client"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "offline_access accounting.transactions"}, "invalid_scope"),
        ({"scope": "accounting.everything"}, "invalid_scope"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
    ],
)
def test_a_wrong_request_is_told_on_the_page_and_not_sent_back(
    world: World, changes: Json, error: str
) -> None:
    shown = page(world, **changes)
    assert shown.status_code == 400
    assert error in shown.text
    assert not shown.history
    assert 'name="decision"' not in shown.text


def test_any_local_port_may_be_the_callback_but_no_other_path(world: World) -> None:
    assert page(world, redirect_uri="http://localhost:9123/integrations/xero/callback").status_code == 200
    assert page(world, redirect_uri="http://localhost:9123/other").status_code == 400


def test_cancel_comes_back_as_access_denied_with_the_state(world: World) -> None:
    back = decide(world, "cancel")
    assert (back["error"], back["state"]) == ("access_denied", "opaque-state")
    assert "code" not in back


def test_a_consent_gives_tokens_and_the_connection_of_that_consent(world: World) -> None:
    back = decide(world, organisation="Kauri")
    assert back["state"] == "opaque-state"
    reply = exchange(world, back["code"]).json()
    assert (reply["expires_in"], reply["token_type"]) == (1800, "Bearer")
    access, identity = claims(reply["access_token"]), claims(reply["id_token"])
    assert access["exp"] - access["nbf"] == 1800
    assert "accounting.contacts" in access["scope"]
    assert identity["aud"] == APP[0]
    assert (identity["email"], identity["given_name"]) == ("mia@ledgerly.example", "Mia")
    assert identity["xero_userid"] == access["xero_userid"]
    assert "authentication_event_id" not in identity
    rows = connections(world, reply["access_token"], f"?authEventId={access['authentication_event_id']}")
    assert [row["tenantName"] for row in rows] == ["Kauri Fitness Ltd"]
    assert rows[0]["tenantType"] == "ORGANISATION"
    assert "Z" not in rows[0]["createdDateUtc"]
    assert len(connections(world, reply["access_token"])) == 2


def test_a_code_works_once(world: World) -> None:
    code = decide(world)["code"]
    assert exchange(world, code).status_code == 200
    again = exchange(world, code)
    assert (again.status_code, again.json()) == (400, {"error": "invalid_grant"})


def test_a_code_dies_after_five_minutes(world: World) -> None:
    code = decide(world)["code"]
    world.control("clock", {"advance": 301})
    assert exchange(world, code).json() == {"error": "invalid_grant"}


@pytest.mark.parametrize(
    "changes", [{"redirect_uri": f"{CALLBACK}?x=1"}, {"code_verifier": "w" * 64}, {"code_verifier": ""}]
)
def test_a_code_wants_the_same_callback_and_the_right_verifier(world: World, changes: Json) -> None:
    assert exchange(world, decide(world)["code"], **changes).json() == {"error": "invalid_grant"}


def test_the_client_may_say_who_it_is_in_the_form_or_by_basic(world: World) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": world.refresh_token}
    named = {"client_id": APP[0], "client_secret": APP[1]}
    url = f"{world.url}/connect/token"
    assert requests.post(url, data=form | named, timeout=10).status_code == 200
    assert requests.post(url, data=form, auth=APP, timeout=10).status_code == 200
    assert requests.post(url, data=form, auth=(APP[0], "wrong"), timeout=10).json() == {
        "error": "invalid_client"
    }
    assert requests.post(url, data=form, timeout=10).json() == {"error": "invalid_request"}
    assert requests.post(url, json=form, auth=APP, timeout=10).json() == {"error": "invalid_request"}


def test_both_tokens_rotate_and_the_used_one_has_thirty_minutes_of_grace(world: World) -> None:
    first = world.refresh_token
    second = refresh(world, first).json()
    assert second["refresh_token"] != first
    assert second["access_token"] != world.token
    world.control("clock", {"advance": 29 * 60})
    assert refresh(world, first).status_code == 200
    world.control("clock", {"advance": 2 * 60})
    late = refresh(world, first)
    assert (late.status_code, late.json()) == (400, {"error": "invalid_grant"})


def test_a_chain_of_refreshes_goes_on_and_an_unused_token_dies_after_sixty_days(world: World) -> None:
    token = world.refresh_token
    for _ in range(3):
        world.control("clock", {"advance": 59 * 86_400})
        token = refresh(world, token).json()["refresh_token"]
    world.control("clock", {"advance": 60 * 86_400})
    assert refresh(world, token).json() == {"error": "invalid_grant"}


def test_no_refresh_token_without_offline_access_and_no_id_token_without_openid(world: World) -> None:
    reply = world.grant(user="tom", scope="accounting.contacts")
    assert "refresh_token" not in reply
    assert "id_token" not in reply


def test_a_new_consent_supersedes_the_users_earlier_set_and_adds_up_scopes(world: World) -> None:
    world.grant(user="tom", scope="offline_access accounting.contacts")
    old = world.refresh_token
    reply = world.grant(user="tom", scope="accounting.invoices", tenant="nz")
    assert refresh(world, old).json() == {"error": "invalid_grant"}
    assert set(reply["scope"].split()) == {"offline_access", "accounting.contacts", "accounting.invoices"}


def test_the_other_users_tokens_are_left_alone(world: World) -> None:
    mias = world.refresh_token
    world.grant(user="tom")
    assert refresh(world, mias).status_code == 200


def test_connecting_again_keeps_the_connection_and_renews_its_event(world: World) -> None:
    before = world.connection
    world.control("clock", {"advance": 5})
    world.grant()
    assert world.connection["id"] == before["id"]
    assert world.connection["authEventId"] != before["authEventId"]
    assert world.connection["updatedDateUtc"] > world.connection["createdDateUtc"] == before["createdDateUtc"]


def test_disconnecting_one_organisation_leaves_the_others(world: World) -> None:
    first = world.connection
    world.grant("nz")
    headers = {"Authorization": f"Bearer {world.token}"}
    wrong = requests.delete(f"{world.url}/connections/{first['tenantId']}", headers=headers, timeout=10)
    assert wrong.status_code in (403, 404)
    gone = requests.delete(f"{world.url}/connections/{first['id']}", headers=headers, timeout=10)
    assert (gone.status_code, gone.content) == (204, b"")
    assert (
        requests.delete(f"{world.url}/connections/{first['id']}", headers=headers, timeout=10).status_code
        == 404
    )
    assert [row["tenantName"] for row in connections(world, world.token)] == ["Kauri Fitness Ltd"]
    assert world.ask("GET", "Organisation").status_code == 200
    assert refresh(world, world.refresh_token).status_code == 200


def test_a_removed_app_sees_403_and_an_empty_list_of_connections(world: World) -> None:
    world.control("remove-app", {"tenant": world.tenant})
    answer = world.ask("GET", "Organisation")
    assert answer.status_code == 403
    shape = answer.json()
    assert list(shape) == ["Type", "Title", "Status", "Detail", "Instance", "Extensions"]
    assert (shape["Title"], shape["Status"], shape["Detail"]) == (
        "Forbidden",
        403,
        "AuthenticationUnsuccessful",
    )
    assert connections(world, world.token) == []


def test_revoking_drops_the_set_and_every_connection_of_the_user(world: World) -> None:
    world.grant("nz")
    answer = requests.post(
        f"{world.url}/connect/revocation", data={"token": world.refresh_token}, auth=APP, timeout=10
    )
    assert (answer.status_code, answer.content) == (200, b"")
    assert refresh(world, world.refresh_token).json() == {"error": "invalid_grant"}
    assert connections(world, world.token) == []
    assert world.ask("GET", "Organisation").status_code == 403


def test_an_access_token_expires_after_thirty_minutes(world: World) -> None:
    world.control("clock", {"advance": 1801})
    answer = world.ask("GET", "Organisation")
    assert answer.status_code == 401
    assert re.match(
        r"TokenExpired: token expired at \d\d/\d\d/\d{4} \d\d:\d\d:\d\d$", answer.json()["Detail"]
    )


def test_a_forged_token_and_a_refresh_token_open_nothing(world: World) -> None:
    head, body, _ = world.token.split(".")
    for token in (f"{head}.{body}.AAAA", world.refresh_token, "x"):
        answer = world.ask("GET", "Organisation", Authorization=f"Bearer {token}")
        assert (answer.status_code, answer.json()["Detail"]) == (401, "AuthenticationUnsuccessful")


def test_a_missing_scope_is_401_with_insufficient_scope(world: World) -> None:
    world.grant(user="tom", scope="offline_access accounting.contacts.read accounting.settings.read")
    assert world.ask("GET", "Contacts").status_code == 200
    assert world.ask("GET", "TaxRates").status_code == 200
    for method, path in (("PUT", "Contacts"), ("GET", "Invoices"), ("PUT", "Payments")):
        answer = world.ask(method, path, {})
        assert answer.status_code == 401
        assert "insufficient_scope" in answer.headers["WWW-Authenticate"]


def test_an_unknown_tenant_is_403(world: World) -> None:
    assert (
        world.ask("GET", "Organisation", xero_tenant_id="11111111-1111-1111-1111-111111111111").status_code
        == 403
    )
    assert world.ask("GET", "Organisation", xero_tenant_id="").status_code == 403


def test_the_public_key_is_published(world: World) -> None:
    found = requests.get(f"{world.url}/.well-known/openid-configuration", timeout=10).json()
    key = requests.get(found["jwks_uri"], timeout=10).json()["keys"][0]
    assert (key["kty"], key["alg"]) == ("RSA", "RS256")
    assert found["token_endpoint"] == f"{world.url}/connect/token"


def test_a_lost_reply_to_a_refresh_can_be_asked_again_within_the_grace(world: World) -> None:
    first = world.refresh_token
    world.control("faults", {"kind": "lost_reply", "path": "connect/token"})
    with pytest.raises(requests.ConnectionError):
        refresh(world, first)
    assert refresh(world, first).status_code == 200
