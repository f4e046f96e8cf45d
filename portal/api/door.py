"""The door of the API: a bearer key opens one location; nothing else does, no cookie and no session."""

from flask import Response, g, request

from portal import throttle
from portal.api.problems import Refusal
from portal.models import ApiKey, User
from portal.security import PUBLIC
from portal.services import api_keys

A_MINUTE = 300
CHALLENGE = 'Bearer realm="HoopAI to Xero"'


def enter() -> None:
    """Let a living key in, within its rate; everybody else is told why not."""
    if request.endpoint in PUBLIC:
        return
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    key = api_keys.opened_by(given.strip()) if scheme.lower() == "bearer" else None
    if key is None:
        told = "Send it as `Authorization: Bearer KEY`." if not given else "It is unknown or was revoked."
        raise Refusal("no-key", f"No API key opens this. {told}", WWW_Authenticate=CHALLENGE)
    g.api_key, g.location = key, key.location
    g.allowance = throttle.allowance(f"api:{key.id}", A_MINUTE)
    if not g.allowance.ok:
        seconds = str(g.allowance.reset)
        raise Refusal(
            "too-many", f"A key may ask {A_MINUTE} times a minute. Go on in {seconds} s.", Retry_After=seconds
        )


def tell(response: Response) -> Response:
    """Say in the headers what is left of the rate; never set a cookie."""
    found: throttle.Allowance | None = g.get("allowance")
    if found:
        response.headers["RateLimit-Limit"] = str(found.limit)
        response.headers["RateLimit-Remaining"] = str(found.left)
        response.headers["RateLimit-Reset"] = str(found.reset)
    return response


def key() -> ApiKey:
    """The key that came in."""
    found: ApiKey = g.api_key
    return found


def actor() -> User:
    """The user as whom the key acts."""
    return key().actor


def must_write() -> None:
    """Refuse a key that may only read."""
    if not key().may_write:
        raise Refusal("read-only", "Make a key that may write in Settings > API keys.")
