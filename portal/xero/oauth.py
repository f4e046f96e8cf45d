"""Signing in to Xero: consent, tokens, connections (developer.xero.com, OAuth 2.0 auth flow)."""

from __future__ import annotations

import base64
import binascii
import logging
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import requests
from oauthlib.oauth2 import OAuth2Error, WebApplicationClient
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session
from urllib3.exceptions import HTTPError

from portal.xero import numbers, replies
from portal.xero.classify import error_of, retry_after
from portal.xero.errors import AppMisconfigured, GrantLost, IdentityUnavailable, NoAnswer, NotFound, XeroError
from portal.xero.transport import Transport, careful, checked_base, is_loopback

NEEDED_SCOPES: tuple[str, ...] = (
    "offline_access",
    "openid",
    "profile",
    "email",
    "accounting.invoices",
    "accounting.payments",
    "accounting.contacts",
    "accounting.settings.read",
)
OVERPAYMENTS = "accounting.banktransactions"
TIMEOUT = (5.0, 15.0)
_TOKEN_PATH = "/connect/token"
_REVOCATION_PATH = "/connect/revocation"
_APP_ERRORS = (
    "invalid_client",
    "unauthorized_client",
    "invalid_scope",
    "invalid_request",
    "unsupported_grant_type",
)

# Their DEBUG lines print bodies and tokens.
for _name in ("requests_oauthlib", "oauthlib"):
    logging.getLogger(_name).setLevel(logging.INFO)


@dataclass(frozen=True)
class TokenSet:
    """One sign-in of one Xero user to our app. `expires_at` is the access token's end, in UTC.

    `auth_event_id` is that of the consent the tokens stem from. `email` and `name` are None unless an id
    token came.
    """

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: datetime
    scopes: frozenset[str]
    xero_user_id: str
    auth_event_id: str | None
    email: str | None = None
    name: str | None = None

    @property
    def missing_scopes(self) -> frozenset[str]:
        """Scopes this app needs that were not granted; those about the person are never counted."""
        return frozenset(s for s in NEEDED_SCOPES if s.startswith("accounting.")) - self.scopes


@dataclass(frozen=True)
class ConnectionFact:
    """One organisation a Xero user has connected to our app. `id` is what disconnecting wants, not
    `tenant_id`.
    """

    id: str
    tenant_id: str
    tenant_name: str
    tenant_type: str
    auth_event_id: str | None
    created_at: datetime | None
    updated_at: datetime | None


def new_verifier() -> str:
    """A fresh PKCE verifier of 86 unreserved characters (RFC 7636)."""
    return secrets.token_urlsafe(64)


def authorize_url(
    authorize_url: str,
    client_id: str,
    redirect_uri: str,
    scopes: Iterator[str] | Any,
    state: str,
    verifier: str,
) -> str:
    """The address of Xero's consent page, with state and an S256 challenge of `verifier`."""
    with _loopback_permitted(authorize_url):
        session = OAuth2Session(client_id, redirect_uri=redirect_uri, scope=sorted(scopes))
        challenge = WebApplicationClient(client_id).create_code_challenge(verifier, "S256")
        url, _ = session.authorization_url(
            authorize_url, state=state, code_challenge=challenge, code_challenge_method="S256"
        )
    return str(url)


def exchange(
    identity_url: str, client_id: str, client_secret: str, code: str, redirect_uri: str, verifier: str
) -> TokenSet:
    """Turn the code of a consent into tokens. A code works once and for five minutes.

    Raises GrantLost (code used, too old or for another address), AppMisconfigured, IdentityUnavailable.
    """

    def call(session: OAuth2Session, url: str) -> dict[str, Any]:
        token: dict[str, Any] = session.fetch_token(
            url,
            code=code,
            auth=HTTPBasicAuth(client_id, client_secret),
            include_client_id=False,
            code_verifier=verifier,
            timeout=TIMEOUT,
        )
        return token

    return _tokens(identity_url, OAuth2Session(client_id, redirect_uri=redirect_uri), call)


def refresh(identity_url: str, client_id: str, client_secret: str, refresh_token: str) -> TokenSet:
    """New tokens for old. Both tokens are new: save them before using them.

    If the answer gets lost, the same `refresh_token` works again for 30 minutes. Raises GrantLost
    (reconnect), AppMisconfigured (our settings), IdentityUnavailable (try again).
    """

    def call(session: OAuth2Session, url: str) -> dict[str, Any]:
        token: dict[str, Any] = session.refresh_token(
            url, refresh_token=refresh_token, auth=HTTPBasicAuth(client_id, client_secret), timeout=TIMEOUT
        )
        return token

    return _tokens(identity_url, OAuth2Session(client_id), call)


def revoke(identity_url: str, client_id: str, client_secret: str, refresh_token: str) -> None:
    """End the whole sign-in: every organisation this user connected to our app goes with it."""
    url = checked_base(identity_url) + _REVOCATION_PATH
    with careful(requests.Session()) as session:
        try:
            response = session.post(
                url,
                data={"token": refresh_token},
                auth=HTTPBasicAuth(client_id, client_secret),
                timeout=TIMEOUT,
            )
        except (requests.RequestException, HTTPError, OSError) as error:
            raise IdentityUnavailable(
                f"Xero's sign-in service did not answer ({type(error).__name__})."
            ) from None
    _check(response)
    if response.status_code >= 400:
        raise _oauth_error(_error_word(response), response.status_code)


def connections(api_url: str, access_token: str, auth_event_id: str | None = None) -> list[ConnectionFact]:
    """The organisations this user has connected, newest change first; with `auth_event_id` those of one
    consent.

    An empty list with a good token means: removed on Xero's side.
    """
    query = {"authEventId": auth_event_id} if auth_event_id else None
    with closing(Transport(api_url, access_token, (5.0, 20.0))) as transport:
        answer = transport.send("GET", "connections", query=query)
    if answer.status != 200:
        raise error_of(answer)
    try:
        found = [_connection(item) for item in numbers.load(answer.raw)]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise NoAnswer("Xero's list of connections could not be read.", status=200) from None
    oldest = datetime(1970, 1, 1, tzinfo=UTC)
    return sorted(found, key=lambda one: one.updated_at or one.created_at or oldest, reverse=True)


def delete_connection(api_url: str, access_token: str, connection_id: str) -> bool:
    """Disconnect one organisation by its connection id; the user's others stay. False if it was gone
    already.
    """
    with closing(Transport(api_url, access_token, (5.0, 20.0))) as transport:
        answer = transport.send("DELETE", f"connections/{UUID(connection_id)}")
    if 200 <= answer.status < 300:
        return True
    error = error_of(answer)
    if isinstance(error, NotFound):
        return False
    raise error


def claims(token: str) -> dict[str, Any]:
    """The claims of a JWT, its signature unchecked: it came straight from Xero's token endpoint over TLS.

    ValueError if it is no JWT.
    """
    parts = token.split(".")
    if len(parts) != 3:
        raise ValueError("not a JWT")
    try:
        raw = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        found = numbers.load(raw)
    except (binascii.Error, ValueError):
        raise ValueError("not a JWT") from None
    if not isinstance(found, dict):
        raise ValueError("not a JWT")
    return found


def _tokens(
    identity_url: str, session: OAuth2Session, call: Callable[[OAuth2Session, str], dict[str, Any]]
) -> TokenSet:
    url = checked_base(identity_url) + _TOKEN_PATH
    careful(session)
    for hook in ("access_token_response", "refresh_token_response"):
        session.register_compliance_hook(hook, _check)
    asked_at = datetime.now(UTC)
    try:
        with session, _loopback_permitted(url):
            token = call(session, url)
    except OAuth2Error as error:
        raise _oauth_error(error.error or "", error.status_code) from None
    except (requests.RequestException, HTTPError, OSError, ValueError) as error:
        raise IdentityUnavailable(
            f"Xero's sign-in service did not answer ({type(error).__name__})."
        ) from None
    return _token_set(token, asked_at)


def _token_set(token: dict[str, Any], asked_at: datetime) -> TokenSet:
    try:
        access = str(token["access_token"])
        facts = claims(access)
        person = claims(str(token["id_token"])) if token.get("id_token") else {}
        return TokenSet(
            access_token=access,
            refresh_token=str(token["refresh_token"]),
            expires_at=asked_at + timedelta(seconds=int(token.get("expires_in") or 1800)),
            scopes=_scopes(facts.get("scope") or token.get("scope") or ()),
            xero_user_id=str(facts["xero_userid"]),
            auth_event_id=facts.get("authentication_event_id") or person.get("authentication_event_id"),
            email=person.get("email") or person.get("preferred_username"),
            name=" ".join(str(person[k]) for k in ("given_name", "family_name") if person.get(k))
            or person.get("name"),
        )
    except (KeyError, ValueError, TypeError):
        raise IdentityUnavailable("Xero's sign-in service sent tokens that could not be read.") from None


def _scopes(said: Any) -> frozenset[str]:
    return frozenset(said.split() if isinstance(said, str) else (str(one) for one in said))


def _check(response: requests.Response) -> requests.Response:
    if response.status_code == 429 or response.status_code >= 500 or 300 <= response.status_code < 400:
        raise IdentityUnavailable(
            "Xero's sign-in service is not available at the moment.",
            status=response.status_code,
            retry_after=retry_after(response.headers),
        )
    return response


def _error_word(response: requests.Response) -> str:
    try:
        return str(numbers.load(response.content).get("error", ""))
    except (ValueError, AttributeError):
        return ""


def _oauth_error(word: str, status: int | None) -> XeroError:
    if word == "invalid_grant":
        return GrantLost("Xero has ended this sign-in.", status=status)
    if word in _APP_ERRORS:
        return AppMisconfigured(
            f"Xero does not accept this app's settings ({word}).", error=word, status=status
        )
    return IdentityUnavailable("Xero's sign-in service gave an answer that could not be read.", status=status)


def _connection(item: dict[str, Any]) -> ConnectionFact:
    return ConnectionFact(
        id=str(item["id"]),
        tenant_id=str(item["tenantId"]),
        tenant_name=str(item.get("tenantName") or ""),
        tenant_type=str(item.get("tenantType") or ""),
        auth_event_id=item.get("authEventId"),
        created_at=replies.parse_moment(item.get("createdDateUtc")),
        updated_at=replies.parse_moment(item.get("updatedDateUtc")),
    )


@contextmanager
def _loopback_permitted(url: str) -> Iterator[None]:
    """Let oauthlib use http, but only ever for this machine; every other address has to be https."""
    checked_base(url)
    if is_loopback(url):
        os.environ.setdefault("OAUTHLIB_INSECURE_TRANSPORT", "1")
    yield
