import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from portal.xero import errors, oauth

BACK = "http://localhost:8000/integrations/xero/callback"


def jwt(**claims):
    parts = ({"alg": "RS256"}, claims)
    coded = [base64.urlsafe_b64encode(json.dumps(one).encode()).decode().rstrip("=") for one in parts]
    return ".".join([*coded, "c2ln"])


def token_answer(**more):
    access = jwt(
        xero_userid="u-1",
        authentication_event_id="ev-1",
        scope=["accounting.invoices", "accounting.contacts"],
    )
    person = jwt(email="ana@northlight.example", given_name="Ana", family_name="Reyes")
    return {
        "access_token": access,
        "refresh_token": "r-2",
        "expires_in": 1800,
        "token_type": "Bearer",
        "scope": "accounting.invoices accounting.contacts",
        "id_token": person,
        **more,
    }


def exchange(server):
    return oauth.exchange(server.url, "client", "secret", "code-1", BACK, "v" * 60)


def test_the_consent_address_carries_state_and_an_s256_challenge():
    verifier = oauth.new_verifier()
    url = oauth.authorize_url(
        "https://login.xero.com/identity/connect/authorize",
        "client",
        BACK,
        oauth.NEEDED_SCOPES,
        "st",
        verifier,
    )
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    assert query["code_challenge"] == digest
    assert query["code_challenge_method"] == "S256"
    assert (query["state"], query["redirect_uri"], query["response_type"]) == ("st", BACK, "code")
    assert set(query["scope"].split()) == set(oauth.NEEDED_SCOPES)
    assert verifier not in url
    assert 43 <= len(verifier) <= 128


def test_a_code_becomes_tokens_and_what_they_say(server, says):
    server.says(says(body=token_answer()))
    tokens = exchange(server)
    heard = server.heard[0]
    form = {name: values[0] for name, values in parse_qs(heard.body.decode()).items()}
    assert heard.path == "/connect/token"
    assert heard.headers["authorization"] == "Basic " + base64.b64encode(b"client:secret").decode()
    assert form == {
        "grant_type": "authorization_code", "code": "code-1", "redirect_uri": BACK, "code_verifier": "v" * 60,
    }  # fmt: skip
    assert (tokens.xero_user_id, tokens.auth_event_id, tokens.email) == (
        "u-1",
        "ev-1",
        "ana@northlight.example",
    )
    assert tokens.name == "Ana Reyes"
    assert tokens.scopes == {"accounting.invoices", "accounting.contacts"}
    assert tokens.missing_scopes == {"accounting.payments", "accounting.settings.read"}
    assert abs(tokens.expires_at - datetime.now(UTC) - timedelta(minutes=30)) < timedelta(seconds=10)


def test_tokens_never_show(server, says):
    server.says(says(body=token_answer()))
    tokens = exchange(server)
    assert tokens.access_token not in repr(tokens)
    assert "r-2" not in repr(tokens)


def test_a_refresh_gives_two_new_tokens_and_works_without_an_id_token(server, says):
    answer = token_answer()
    del answer["id_token"]
    server.says(says(body=answer))
    tokens = oauth.refresh(server.url, "client", "secret", "r-1")
    form = {name: values[0] for name, values in parse_qs(server.heard[0].body.decode()).items()}
    assert form["grant_type"] == "refresh_token"
    assert form["refresh_token"] == "r-1"
    assert (tokens.refresh_token, tokens.email, tokens.name) == ("r-2", None, None)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"status": 400, "body": {"error": "invalid_grant"}}, errors.GrantLost),
        ({"status": 400, "body": {"error": "invalid_client"}}, errors.AppMisconfigured),
        ({"status": 401, "body": {"error": "invalid_client"}}, errors.AppMisconfigured),
        ({"status": 400, "body": {"error": "unauthorized_client"}}, errors.AppMisconfigured),
        ({"status": 400, "body": {"error": "invalid_scope"}}, errors.AppMisconfigured),
        ({"status": 400, "body": {"error": "invalid_request"}}, errors.AppMisconfigured),
        ({"status": 429, "headers": {"Retry-After": "7"}}, errors.IdentityUnavailable),
        ({"status": 500, "body": b"<html>"}, errors.IdentityUnavailable),
        ({"status": 503, "body": b"down"}, errors.IdentityUnavailable),
        ({"status": 302, "headers": {"Location": "https://elsewhere.example/"}}, errors.IdentityUnavailable),
        ({"status": 200, "body": b"<html>"}, errors.IdentityUnavailable),
        (
            {"status": 200, "body": {"access_token": "no-jwt", "token_type": "Bearer"}},
            errors.IdentityUnavailable,
        ),
        ({"status": 200, "body": token_answer(), "cut": 40}, errors.IdentityUnavailable),
        ({"silent": True}, errors.IdentityUnavailable),
    ],
)
def test_only_a_lost_grant_ends_a_sign_in(server, says, answer, error):
    server.says(says(**answer))
    with pytest.raises(error) as caught:
        oauth.refresh(server.url, "client", "secret", "r-1")
    assert "r-1" not in repr(caught.value)
    assert len(server.heard) == 1
    with pytest.raises(error):
        exchange(server)


def test_an_open_line_to_another_machine_is_refused():
    with pytest.raises(ValueError, match="https"):
        oauth.refresh("http://identity.xero.com", "c", "s", "r")
    with pytest.raises(ValueError, match="https"):
        oauth.authorize_url("http://login.xero.com/x", "c", BACK, ["openid"], "s", "v" * 60)


def test_connections_come_newest_first_and_only_of_one_consent_if_asked(server, says):
    rows = [
        {"id": "c1", "tenantId": "t1", "tenantName": "A", "tenantType": "ORGANISATION", "authEventId": "e1",
         "createdDateUtc": "2026-09-01T00:00:00.1234567", "updatedDateUtc": "2026-09-01T00:00:00.1234567"},
        {"id": "c2", "tenantId": "t2", "tenantName": "B", "tenantType": "ORGANISATION", "authEventId": "e2",
         "createdDateUtc": "2026-09-02T00:00:00", "updatedDateUtc": "2026-09-03T00:00:00"},
    ]  # fmt: skip
    server.says(says(body=rows))
    found = oauth.connections(server.url, "token", "e2")
    assert [one.id for one in found] == ["c2", "c1"]
    assert found[0].updated_at == datetime(2026, 9, 3, tzinfo=UTC)
    assert server.heard[0].query == {"authEventId": "e2"}
    assert server.heard[0].headers["authorization"] == "Bearer token"
    server.says(says(body=[]))
    assert oauth.connections(server.url, "token") == []


def test_connections_that_can_not_be_read_are_no_empty_list(server, says):
    for answer in (
        says(body={"a": 1}),
        says(body=b"<html>"),
        says(body=[{"tenantId": "t"}]),
        says(body=b"null"),
    ):
        server.says(answer)
        with pytest.raises(errors.NoAnswer):
            oauth.connections(server.url, "token")
    server.says(says(status=401, body={"Detail": "TokenExpired"}))
    with pytest.raises(errors.SignInExpired):
        oauth.connections(server.url, "token")


def test_disconnecting_twice_is_no_failure(server, says):
    one = "0d4b1a6e-52a9-4d0c-8f4d-7e2f9a1b3c5d"
    server.says(says(status=204, body=b""))
    assert oauth.delete_connection(server.url, "token", one) is True
    assert (server.heard[0].method, server.heard[0].path) == ("DELETE", f"/connections/{one}")
    server.says(says(status=404, body=b""))
    assert oauth.delete_connection(server.url, "token", one) is False


def test_revoking_sends_the_refresh_token_to_the_identity_host(server, says):
    server.says(says(body=b""))
    oauth.revoke(server.url, "client", "secret", "r-9")
    assert (server.heard[0].path, server.heard[0].body) == ("/connect/revocation", b"token=r-9")
    server.says(says(status=400, body={"error": "invalid_client"}))
    with pytest.raises(errors.AppMisconfigured):
        oauth.revoke(server.url, "client", "secret", "r-9")


@pytest.mark.parametrize("text", ["", "a.b", "a.!!.c", "a.bnVsbA.c", "x" * 50])
def test_what_is_no_jwt_is_refused(text):
    with pytest.raises(ValueError, match="JWT"):
        oauth.claims(text)
