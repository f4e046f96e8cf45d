"""Who may enter: sessions, closed-unless-listed routes, cross-site refusal, headers."""

import re
import secrets
from datetime import timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit

from flask import Flask, Request, Response, abort, current_app, g, redirect, request, url_for
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask_login import UserMixin, current_user
from werkzeug.routing import IntegerConverter, Map
from werkzeug.wrappers import Response as AnyResponse

from portal import logs
from portal.config import LOOPBACK, Settings
from portal.errors import ChooseAgain, NotAllowed
from portal.extensions import login
from portal.models import Location, Role, Session, User
from portal.services import second_factor, users

PUBLIC = frozenset(
    {
        "static",
        "bootstrap.static",
        "vendor.static",
        "sessions.sign_in",
        "sessions.code",
        "entering.forgot_password",
        "entering.reset_password",
        "entering.invitation",
        "watching.confirm",
        "watching.unsubscribe",
        "hooks.hoopai",
        "operations.healthz",
        "operations.readyz",
        "operations.metrics",
        "api.openapi",
    }
)
# What everybody may do for themselves, rooms and endpoints.
OWN = frozenset({"sessions", "account", "notifications.choose"})
# Posted by mail programs from anywhere; the signed word in the address is what counts.
FROM_ANYWHERE = frozenset({"watching.unsubscribe"})
ASSETS = frozenset({"static", "bootstrap.static", "vendor.static"})
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
API = "api"
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
MOST_ID = 2**31 - 1
MAX_BODY = 4 * 1024 * 1024
LIFETIME = timedelta(hours=12)


class Person(UserMixin):
    """The signed-in person as flask-login sees them: known by the session's key, not by a user id."""

    def __init__(self, key: str, session: Session) -> None:
        self.key = key
        self.session = session

    def get_id(self) -> str:
        """The key that the cookie carries."""
        return self.key


class Sessions(SecureCookieSessionInterface):
    """Flask's signed cookie; who sends none, such as HoopAI and programs, costs no signer."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """What the cookie says; an empty session without one."""
        sent = self.get_cookie_name(app) in request.cookies
        return super().open_session(app, request) if sent else self.session_class()


class Id(IntegerConverter):
    """A number in an address; one that no database can hold is an address that does not exist."""

    def __init__(self, url_map: Map) -> None:
        super().__init__(url_map, max=MOST_ID)


def configure(app: Flask, settings: Settings) -> None:
    """Set cookies, limits and headers, and close every route that is not listed as public."""
    app.config.update(
        SESSION_COOKIE_NAME="__Host-sid" if settings.secure else "sid",
        SESSION_COOKIE_SECURE=settings.secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
        PERMANENT_SESSION_LIFETIME=LIFETIME,
        SESSION_REFRESH_EACH_REQUEST=False,
        MAX_CONTENT_LENGTH=MAX_BODY,
        MAX_FORM_MEMORY_SIZE=MAX_BODY,
        MAX_FORM_PARTS=5000,
        TRUSTED_HOSTS=_hosts(settings),
        WTF_CSRF_TIME_LIMIT=int(LIFETIME.total_seconds()),
        WTF_CSRF_SSL_STRICT=False,
    )
    app.config["SESSION_PROTECTION"] = None
    app.session_interface = Sessions()
    app.url_map.converters["int"] = Id
    app.extensions["portal.headers"] = _on_every_answer(settings)
    login.user_loader(_person)
    app.before_request(_identify)
    app.before_request(_refuse_cross_site)
    app.before_request(_refuse_what_no_database_keeps)
    app.before_request(_close)
    app.before_request(_enter_location)
    app.url_defaults(_same_location)
    app.after_request(_headers)


def person() -> Person | None:
    """The signed-in person, None before signing in."""
    found = getattr(current_user, "is_authenticated", False) and current_user._get_current_object()
    return found if isinstance(found, Person) else None


def me() -> User:
    """The signed-in user."""
    return my_session().user


def my_session() -> Session:
    """The signed-in browser's session."""
    found = person()
    if found is None:
        raise NotAllowed("Sign in first.")
    return found.session


def here() -> Location:
    """The location that the address names; already checked to be one the user may enter."""
    location: Location = g.location
    return location


def admitted(key: str) -> Person:
    """Somebody whose session has this new key, to be signed in. Raises ChooseAgain when it ended meanwhile."""
    begun = users.session_for(key)
    if begun is None:
        raise ChooseAgain("Signing in did not work this time. Try again.")
    return Person(key, begun)


def browser() -> str:
    """What the browser calls itself."""
    return (request.user_agent.string or "")[:200]


def safe_next(target: str | None) -> str:
    """`target` where it is a plain path of this site, else the overview."""
    if target and target.startswith("/") and not re.match(r"/[/\\]", target):
        parts = urlsplit(target)
        clean = "\\" not in target and all(31 < ord(char) != 127 for char in target)
        if clean and not parts.scheme and not parts.netloc:
            return target
    return url_for("overview.index")


def client_address() -> str:
    """Where the request comes from: the peer, or what the nearest proxy on our own network reports."""
    peer = request.remote_addr or ""
    forwarded = request.headers.get("X-Forwarded-For", "").rsplit(",", 1)[-1].strip()
    return forwarded if _ours(peer) and _is_address(forwarded) else peer


def _hosts(settings: Settings) -> list[str]:
    host = urlsplit(settings.base_url).hostname or "localhost"
    return sorted({host, *(name for name in LOOPBACK if ":" not in name)})


def _person(key: str) -> Person | None:
    session = users.session_for(key)
    return Person(key, session) if session else None


def _identify() -> None:
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
    logs.trace.set(g.request_id)


def _refuse_cross_site() -> None:
    elsewhere = request.blueprint in ("hooks", API) or request.endpoint in FROM_ANYWHERE
    if elsewhere or request.method in SAFE:
        return
    origin = request.headers.get("Origin")
    foreign = origin not in (None, "null") and urlsplit(origin).netloc != request.host
    if foreign or request.headers.get("Sec-Fetch-Site") == "cross-site":
        abort(400, "This form was sent from another site and was not used.")


def _refuse_what_no_database_keeps() -> None:
    """A NUL in an address or a field is nothing that a person types, and PostgreSQL refuses it."""
    if "\0" in request.path or any("\0" in value for value in request.args.values()):
        abort(404)
    if request.blueprint not in ("hooks", API) and any("\0" in value for value in request.form.values()):
        abort(400, "A field holds a character that cannot be kept.")


def _close() -> AnyResponse | None:
    if request.endpoint in PUBLIC or request.endpoint is None or request.blueprint == API:
        return None  # the API has a door of its own, which knows keys and no sessions
    if person() is not None:
        if request.method not in SAFE and not OWN & {request.blueprint, request.endpoint}:
            must_be_able_to_change()
        return _to_the_second_factor()
    returns = request.method in SAFE and not request.path.startswith("/integrations/")
    wanted = request.full_path.rstrip("?") if returns else None
    address = url_for("sessions.sign_in", next=wanted)
    if request.headers.get("HX-Request"):
        return Response(status=401, headers={"HX-Redirect": url_for("sessions.sign_in")})
    return redirect(address, 303)


def _to_the_second_factor() -> AnyResponse | None:
    """Where the agency wants everybody to have one, people without it go nowhere else first."""
    if request.blueprint in OWN or not me().agency.second_factor_required or second_factor.is_on(me().id):
        return None
    if request.headers.get("HX-Request"):
        return Response(status=403, headers={"HX-Redirect": url_for("account.factor")})
    return redirect(url_for("account.factor"), 303)


def must_be_able_to_change() -> None:
    """Raise NotAllowed for people who may only look."""
    if not me().may_change:
        raise NotAllowed("You can look at everything here. Ask an admin of your agency to change it.")


def must_be_agency_admin() -> None:
    """Raise NotAllowed for people who do not run the agency."""
    if me().role != Role.AGENCY_ADMIN:
        raise NotAllowed("This concerns the whole agency. Ask an agency admin.")


def _enter_location() -> None:
    if request.view_args and "location_id" in request.view_args:
        g.location = users.location_for(me(), request.view_args.pop("location_id"))


def _same_location(endpoint: str, values: dict[str, object]) -> None:
    if "location_id" in values or "location" not in g:
        return
    if current_app.url_map.is_endpoint_expecting(endpoint, "location_id"):
        values["location_id"] = here().hoop_id


def _headers(response: Response) -> Response:
    headers = response.headers
    headers.extend(current_app.extensions["portal.headers"])
    headers["X-Request-Id"] = g.get("request_id", "")
    if request.endpoint not in ASSETS:
        headers["Cache-Control"] = "no-store"
        response.vary.add("HX-Request")
    return response


def _on_every_answer(settings: Settings) -> list[tuple[str, str]]:
    always = [
        ("Content-Security-Policy", _policy(settings)),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "same-origin"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ]
    lasting = [("Strict-Transport-Security", "max-age=31536000; includeSubDomains")]
    return always + lasting if settings.secure else always


def _policy(settings: Settings) -> str:
    xero = urlsplit(settings.xero_authorize_url)
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        f"connect-src 'self'; form-action 'self' {xero.scheme}://{xero.netloc}; "
        "frame-ancestors 'none'; base-uri 'none'"
    )


def _ours(address: str) -> bool:
    return _is_address(address) and (ip_address(address).is_loopback or ip_address(address).is_private)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
