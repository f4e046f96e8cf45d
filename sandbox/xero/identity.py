"""The web side of identity: authorize page, token and revocation endpoints, discovery."""

from __future__ import annotations

import base64
import binascii
import secrets
from urllib.parse import unquote, urlsplit

from flask import Blueprint, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue

from sandbox.xero import scopes, users
from sandbox.xero.authorize import Wish, allow, cancel, take_code
from sandbox.xero.books import Doc
from sandbox.xero.here import here
from sandbox.xero.wire import Answer, json_answer

blueprint = Blueprint("identity", __name__)


class OAuthError(Exception):
    """A refusal of the token endpoint: HTTP 400 `{"error": …}`."""


@blueprint.get("/identity/connect/authorize")
def ask() -> ResponseReturnValue:
    """The page, or what is wrong with the app's request."""
    wish = Wish.read(request.args)
    return _page(wish, "")


@blueprint.post("/identity/connect/authorize")
def decide() -> ResponseReturnValue:
    """Allow or Cancel."""
    wish = Wish.read(request.form)
    if wish.fault(here().settings):
        return _page(wish, "")
    if request.form.get("decision") != "allow":
        return redirect(cancel(wish), 302)
    user, tenant = users.find(request.form.get("user", "")), request.form.get("tenant", "")
    if user is None or here().books.organisation(tenant) is None:
        return _page(wish, "Choose who you are and one organisation.")
    with here().books.writing() as now:
        address = allow(here().books, here().tokens, wish, user, tenant, now)
    return redirect(address, 302)


def _page(wish: Wish, message: str) -> ResponseReturnValue:
    fault = wish.fault(here().settings)
    organisations = here().books.organisations.all()
    words = [scopes.WORDS[scope] for scope in wish.scopes if scope in scopes.WORDS]
    html = render_template(
        "xero/authorize.html",
        wish=wish,
        fault=fault,
        users=users.USERS,
        organisations=organisations,
        words=words,
        app_name=here().settings.app_name,
        message=message,
    )
    response = make_response(html, 400 if fault or message else 200)
    target = urlsplit(wish.fields.get("redirect_uri", ""))
    back = f" {target.scheme}://{target.netloc}" if not fault else ""
    policy = "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'"
    response.headers["Content-Security-Policy"] = f"{policy}; form-action 'self'{back}"
    return response


def token() -> Answer:
    """POST /connect/token: code exchange and refresh; client by Basic or in the form."""
    try:
        app = _client()
        with here().books.writing() as now:
            match request.form.get("grant_type"):
                case "authorization_code":
                    taken = take_code(here().books, request.form, app, now)
                    reply = None if taken is None else _new_set(taken, app)
                case "refresh_token":
                    reply = _refresh(request.form.get("refresh_token", ""), app)
                case None:
                    return json_answer(400, {"error": "invalid_request"})
                case _:
                    return json_answer(400, {"error": "unsupported_grant_type"})
    except OAuthError as refusal:
        return json_answer(400, {"error": str(refusal)})
    if reply is None:
        return json_answer(400, {"error": "invalid_grant"})
    return json_answer(200, reply, Cache_Control="no-store")


def revoke() -> Answer:
    """POST /connect/revocation: 200 and empty, also for a token nobody knows."""
    try:
        app = _client()
    except OAuthError as refusal:
        return json_answer(400, {"error": str(refusal)})
    with here().books.writing():
        here().tokens.revoke(request.form.get("token", ""), app)
    return Answer(200)


@blueprint.get("/.well-known/openid-configuration")
def discovery() -> ResponseReturnValue:
    """Where everything is."""
    root = request.url_root.rstrip("/")
    return {
        "issuer": "https://identity.xero.com",
        "authorization_endpoint": f"{root}/identity/connect/authorize",
        "token_endpoint": f"{root}/connect/token",
        "revocation_endpoint": f"{root}/connect/revocation",
        "jwks_uri": f"{root}/.well-known/openid-configuration/jwks",
        "scopes_supported": list(scopes.WORDS),
        "response_types_supported": ["code"],
        "code_challenge_methods_supported": ["S256"],
    }


@blueprint.get("/.well-known/openid-configuration/jwks")
def keys() -> ResponseReturnValue:
    """The public key."""
    return here().tokens.jwks()


def _new_set(taken: tuple[str, str], app: str) -> Doc | None:
    user = users.find(taken[0])
    return here().tokens.new_set(user, app, taken[1], here().clock.now()) if user else None


def _refresh(refresh_token: str, app: str) -> Doc | None:
    if not refresh_token:
        raise OAuthError("invalid_request")
    now = here().clock.now()
    row = here().tokens.usable(refresh_token, app, now)
    user = users.find(row["user"]) if row else None
    return here().tokens.refreshed(row, user, now) if row and user else None


def _client() -> str:
    if not (request.content_type or "").startswith("application/x-www-form-urlencoded"):
        raise OAuthError("invalid_request")
    name, secret = _basic() or (request.form.get("client_id", ""), request.form.get("client_secret", ""))
    if not name:
        raise OAuthError("invalid_request")
    settings = here().settings
    known = secrets.compare_digest(name.encode(), settings.client_id.encode())
    if not known or not secrets.compare_digest(secret.encode(), settings.client_secret.encode()):
        raise OAuthError("invalid_client")
    return name


def _basic() -> tuple[str, str] | None:
    kind, _, coded = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        name, _, secret = base64.b64decode(coded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise OAuthError("invalid_request") from None
    return unquote(name), unquote(secret)
