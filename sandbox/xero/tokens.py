"""Tokens: signed access tokens, rotating refresh tokens with their grace, single-use codes
(developer.xero.com, OAuth 2.0 auth flow and token best practices).
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import simplejson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from sandbox.xero.books import Books, Doc
from sandbox.xero.dates import parse_moment, stamp
from sandbox.xero.users import User

ACCESS_LIFE = timedelta(minutes=30)
IDENTITY_LIFE = timedelta(minutes=5)
CODE_LIFE = timedelta(minutes=5)
REFRESH_LIFE = timedelta(days=60)
GRACE = timedelta(minutes=30)
ISSUER = "https://identity.xero.com"


class Tokens:
    """Issues, rotates and reads tokens over the books' tables."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self._key: rsa.RSAPrivateKey | None = None

    def consent(self, user: User, app: str, tenant: str, scopes: list[str]) -> str:
        """Record a consent: connection made or renewed, scopes added up. Returns its authentication event id."""
        event = str(uuid.uuid4())
        kept = self.books.consents.get(f"{user.id}:{app}")
        before: list[str] = kept["scopes"] if kept else []
        granted = before + [scope for scope in scopes if scope not in before]
        self.books.consents.put({"id": f"{user.id}:{app}", "user": user.id, "app": app, "scopes": granted})
        self._connect(user, app, tenant, event)
        return event

    def supersede(self, user: User, app: str) -> None:
        """Drop the refresh tokens of this user's earlier token set."""
        for row in self.books.refresh_tokens.all():
            if row["user"] == user.id and row["app"] == app:
                self.books.refresh_tokens.delete(row["hash"])

    def new_set(self, user: User, app: str, event: str, now: datetime) -> Doc:
        """The reply to a code exchange: a new token set which supersedes the user's earlier one."""
        self.supersede(user, app)
        return self._reply(Grant(user, app, event, str(uuid.uuid4()), _seconds(now)), now)

    def refreshed(self, row: Doc, user: User, now: datetime) -> Doc:
        """The reply to a refresh: both tokens new, the used one good for 30 more minutes."""
        for sibling in self.books.refresh_tokens.find("set", row["set"]):
            if sibling["used_at"] is None:
                self.books.refresh_tokens.put(sibling | {"used_at": stamp(now)})
            elif now - parse_moment(sibling["used_at"]) > GRACE:
                self.books.refresh_tokens.delete(sibling["hash"])
        return self._reply(Grant(user, row["app"], row["event"], row["set"], row["auth_time"]), now)

    def usable(self, refresh_token: str, app: str, now: datetime) -> Doc | None:
        """The row of a refresh token which may still be used: not expired, and not used before the grace."""
        row = self.books.refresh_tokens.get(_hash(refresh_token))
        if row is None or row["app"] != app or now >= parse_moment(row["expires_at"]):
            return None
        if row["used_at"] is not None and now - parse_moment(row["used_at"]) > GRACE:
            return None
        return row

    def revoke(self, refresh_token: str, app: str) -> None:
        """End the token's user's set and drop every connection of that user with the app."""
        row = self.books.refresh_tokens.get(_hash(refresh_token))
        if row is None or row["app"] != app:
            return
        for other in self.books.refresh_tokens.all():
            if (other["user"], other["app"]) == (row["user"], app):
                self.books.refresh_tokens.delete(other["hash"])
        for connection in self.books.connections.find("user", (row["user"], app)):
            self.books.connections.delete(connection["id"])
        self.books.consents.delete(f"{row['user']}:{app}")

    def read(self, token: str) -> Doc | None:
        """The claims of a token we signed, or None; expiry is not looked at."""
        try:
            head, body, signature = token.split(".")
            self.key.public_key().verify(
                _unbase64(signature), f"{head}.{body}".encode(), padding.PKCS1v15(), hashes.SHA256()
            )
            claims: Doc = simplejson.loads(_unbase64(body))
        except (ValueError, InvalidSignature):
            return None
        return claims

    @property
    def key(self) -> rsa.RSAPrivateKey:
        """The signing key, made once and kept."""
        if self._key is None:
            kept = self.books.settings.get("signing_key")
            self._key = _loaded(kept["pem"]) if kept else _made()
            if not kept:
                self.books.settings.put({"name": "signing_key", "pem": _pem(self._key)})
        return self._key

    def forget_key(self) -> None:
        """Read the key anew next time (after a reset)."""
        self._key = None

    def jwks(self) -> Doc:
        """The public key as a key set."""
        numbers = self.key.public_key().public_numbers()
        key = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "sandbox-1"}
        return {"keys": [key | {"n": _number(numbers.n), "e": _number(numbers.e)}]}

    def _connect(self, user: User, app: str, tenant: str, event: str) -> None:
        now = stamp(self.books.clock.now())
        old = next(
            (row for row in self.books.connections.find("user", (user.id, app)) if row["tenant"] == tenant),
            None,
        )
        fresh = {"id": str(uuid.uuid4()), "user": user.id, "app": app, "tenant": tenant, "created": now}
        self.books.connections.put((old or fresh) | {"event": event, "updated": now})

    def _reply(self, grant: Grant, now: datetime) -> Doc:
        consent = self.books.consents.get(f"{grant.user.id}:{grant.app}")
        scopes: list[str] = consent["scopes"] if consent else []
        access = self._access_token(grant, scopes, now)
        reply: Doc = {
            "access_token": access,
            "expires_in": 1800,
            "token_type": "Bearer",
            "scope": " ".join(scopes),
        }
        if "openid" in scopes:
            reply["id_token"] = self._id_token(grant, scopes, access, now)
        if "offline_access" in scopes:
            reply["refresh_token"] = self._refresh_token(grant, now)
        return reply

    def _access_token(self, grant: Grant, scopes: list[str], now: datetime) -> str:
        return self._signed(
            {
                "nbf": _seconds(now),
                "exp": _seconds(now + ACCESS_LIFE),
                "iss": ISSUER,
                "aud": f"{ISSUER}/resources",
                "client_id": grant.app,
                "sub": _subject(grant.user),
                "auth_time": grant.auth_time,
                "xero_userid": grant.user.id,
                "global_session_id": uuid.uuid5(uuid.UUID(grant.set), "session").hex,
                "jti": uuid.uuid4().hex,
                "authentication_event_id": grant.event,
                "scope": scopes,
            }
        )

    def _id_token(self, grant: Grant, scopes: list[str], access: str, now: datetime) -> str:
        session = uuid.uuid5(uuid.UUID(grant.set), "session").hex
        claims: Doc = {
            "nbf": _seconds(now),
            "exp": _seconds(now + IDENTITY_LIFE),
            "iss": ISSUER,
            "aud": grant.app,
            "iat": _seconds(now),
            "at_hash": _base64(hashlib.sha256(access.encode()).digest()[:16]),
            "sid": session,
            "sub": _subject(grant.user),
            "auth_time": grant.auth_time,
            "xero_userid": grant.user.id,
            "global_session_id": session,
            "amr": ["ssn"],
        }
        if "email" in scopes:
            claims["email"] = grant.user.email
        if "profile" in scopes:
            claims["preferred_username"] = grant.user.email
            claims |= {"given_name": grant.user.given, "family_name": grant.user.family}
        return self._signed(claims)

    def _refresh_token(self, grant: Grant, now: datetime) -> str:
        token = secrets.token_urlsafe(32)
        row = {
            "hash": _hash(token),
            "set": grant.set,
            "user": grant.user.id,
            "app": grant.app,
            "event": grant.event,
        }
        times = {"auth_time": grant.auth_time, "used_at": None, "expires_at": stamp(now + REFRESH_LIFE)}
        self.books.refresh_tokens.put(row | times)
        return token

    def _signed(self, claims: dict[str, Any]) -> str:
        head = _base64(b'{"alg":"RS256","kid":"sandbox-1","typ":"JWT"}')
        text = f"{head}.{_base64(simplejson.dumps(claims).encode())}"
        return f"{text}.{_base64(self.key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


@dataclass(frozen=True)
class Grant:
    """Whose tokens for which app, from which consent, in which token set."""

    user: User
    app: str
    event: str
    set: str
    auth_time: int


def expired(claims: Doc, now: datetime) -> str | None:
    """The words of the 401 when the access token is past its life, else None."""
    if _seconds(now) < claims["exp"]:
        return None
    return f"TokenExpired: token expired at {datetime.fromtimestamp(claims['exp'], UTC):%m/%d/%Y %H:%M:%S}"


def _subject(user: User) -> str:
    return uuid.UUID(user.id).hex


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


@cache
def _made() -> rsa.RSAPrivateKey:
    """This process's new key: making one takes longer than all else that a sandbox begins with."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _loaded(pem: str) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def _pem(key: rsa.RSAPrivateKey) -> str:
    form, wrapping = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, wrapping).decode()


def _number(value: int) -> str:
    return _base64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _unbase64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
