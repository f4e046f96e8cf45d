"""The authorize page: who signs in, which organisation, Allow or Cancel (developer.xero.com, OAuth 2.0 auth flow).
Anything wrong with the request is said on the page and never sent back to the app.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from sandbox.xero import scopes
from sandbox.xero.books import Books
from sandbox.xero.dates import parse_moment, stamp
from sandbox.xero.settings import Settings
from sandbox.xero.tokens import CODE_LIFE, Tokens
from sandbox.xero.users import User

_CHALLENGE = re.compile(r"^[A-Za-z0-9_-]{43}$")
_VERIFIER = re.compile(r"^[A-Za-z0-9._~-]{43,128}$")
CARRIED = (
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "acr_values",
    "prompt",
)


@dataclass(frozen=True)
class Wish:
    """What an app asks for on the authorize page."""

    fields: dict[str, str]

    @classmethod
    def read(cls, values: Mapping[str, str]) -> Wish:
        """From the query or from the page's hidden fields."""
        return cls({name: values[name] for name in CARRIED if values.get(name)})

    @property
    def scopes(self) -> list[str]:
        """The scopes asked for, in order."""
        return self.fields.get("scope", "").split()

    def fault(self, settings: Settings) -> tuple[str, str] | None:
        """The OAuth error and a sentence when the request can't be served, else None."""
        get = self.fields.get
        if get("client_id") != settings.client_id:
            return "unauthorized_client", "Unknown client or client not enabled."
        if not settings.redirect_allowed(get("redirect_uri", "")):
            return "unauthorized_client", "Invalid redirect_uri."
        if get("response_type") != "code":
            return "unsupported_response_type", "The response type must be 'code'."
        if not self.scopes:
            return "invalid_scope", "No scope was asked for."
        if bad := scopes.unknown(self.scopes):
            return "invalid_scope", f"This app may not ask for: {' '.join(bad)}."
        return self._challenge_fault()

    def _challenge_fault(self) -> tuple[str, str] | None:
        challenge = self.fields.get("code_challenge", "")
        if not challenge and "code_challenge_method" not in self.fields:
            return None
        if self.fields.get("code_challenge_method") != "S256":
            return "invalid_request", "The code challenge method must be S256."
        return (
            None if _CHALLENGE.match(challenge) else ("invalid_request", "The code challenge is not valid.")
        )


def allow(books: Books, tokens: Tokens, wish: Wish, user: User, tenant: str, now: datetime) -> str:
    """Record the consent; the address to send the browser to, with code and state."""
    event = tokens.consent(user, wish.fields["client_id"], tenant, wish.scopes)
    code = secrets.token_urlsafe(32)
    row = {"code": code, "user": user.key, "event": event, "at": stamp(now), "used": False}
    wanted = ("client_id", "redirect_uri", "code_challenge")
    books.codes.put(row | {name: wish.fields.get(name) for name in wanted})
    _forget_old(books, now)
    return _back(
        wish, {"code": code, "scope": " ".join(wish.scopes), "session_state": secrets.token_urlsafe(16)}
    )


def cancel(wish: Wish) -> str:
    """The address to send the browser to when the person pressed Cancel."""
    return _back(wish, {"error": "access_denied", "error_description": "The resource owner denied access."})


def take_code(books: Books, form: Mapping[str, str], app: str, now: datetime) -> tuple[str, str] | None:
    """Use a code up: (user key, event id), or None when it is unknown, used, older than 5 minutes, or does not
    fit the redirect_uri or the PKCE verifier.
    """
    row = books.codes.get(form.get("code"))
    if row is None or row["used"] or row["client_id"] != app:
        return None
    books.codes.put(row | {"used": True})
    if now - parse_moment(row["at"]) > CODE_LIFE or form.get("redirect_uri") != row["redirect_uri"]:
        return None
    if row["code_challenge"] and not _verified(row["code_challenge"], form.get("code_verifier", "")):
        return None
    return row["user"], row["event"]


def _verified(challenge: str, verifier: str) -> bool:
    if not _VERIFIER.match(verifier):
        return False
    digest = hashlib.sha256(verifier.encode()).digest()
    return secrets.compare_digest(base64.urlsafe_b64encode(digest).rstrip(b"=").decode(), challenge)


def _back(wish: Wish, answer: dict[str, str]) -> str:
    if "state" in wish.fields:
        answer["state"] = wish.fields["state"]
    uri = wish.fields["redirect_uri"]
    return f"{uri}{'&' if '?' in uri else '?'}{urlencode(answer)}"


def _forget_old(books: Books, now: datetime) -> None:
    for row in books.codes.all():
        if now - parse_moment(row["at"]) > 12 * CODE_LIFE:
            books.codes.delete(row["code"])
