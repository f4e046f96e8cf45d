"""Reading HoopAI's REST API: the location's token, and its rate limits, which all workers keep together."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import select, update

from portal import clock
from portal.config import settings
from portal.errors import ChooseAgain, NotNow, PortalError
from portal.extensions import db
from portal.hoopai.client import (
    HoopClient,
    HoopError,
    HoopNotFound,
    HoopRefused,
    HoopTokenRefused,
    HoopUnavailable,
)
from portal.models import Location, Source, User
from portal.services import audit, secrets
from portal.services.unit import release, transaction

T = TypeVar("T")
REFUSED = (
    "HoopAI does not accept the API token: it was revoked, has run out or lacks a scope. Enter a new one."
)
KEEP_BURST = 10
KEEP_DAY = 2_000
PAUSE = 30.0
SCOPES: dict[str, Callable[[HoopClient], object]] = {
    "invoices.readonly": lambda client: client.invoices(limit=1),
    "payments/transactions.readonly": lambda client: client.transactions(limit=1),
    "products.readonly": lambda client: client.products_page(limit=1),
    "products/collection.readonly": lambda client: client.collections_page(limit=1),
}


class TokenRefused(PortalError):
    """HoopAI does not accept the API token any more; a person enters a new one."""


class LacksScope(PortalError):
    """The token was made without the scope for this look-up; everything else goes on."""


class Reader:
    """Asks HoopAI about one location, never faster than it allows.

    Raises NotNow with the time to go on at, TokenRefused, and LacksScope where the letter is marked as one that can
    be done without; HoopNotFound and HoopRefused pass through. Nobody sleeps here: who cannot ask now ends and comes
    back.
    """

    def __init__(self, source: Source, client: HoopClient) -> None:
        self.source_id = source.id
        self.location_id = source.location_id
        self.rest_until = source.api_rest_until
        self.client = client

    def ask(self, letter: Callable[[HoopClient], T], *, dispensable: bool = False) -> T:
        """Make one look-up. No transaction may be open."""
        self._wait_for_rates()
        release()
        try:
            return letter(self.client)
        except HoopTokenRefused as error:
            sentence = _refusal(error)
            if dispensable:
                raise LacksScope(sentence) from None
            _mark(self.source_id, api_refused_reason=sentence, api_checked_at=clock.now())
            raise TokenRefused(sentence) from None
        except HoopUnavailable as error:
            raise self._rest(error.retry_after or PAUSE, error.message) from None

    def _wait_for_rates(self) -> None:
        if self.rest_until and self.rest_until > clock.now():
            raise NotNow("HoopAI's rate limit is used up for now.", self.rest_until, "limit")
        left = self.client.left
        if left is None:
            return
        if left.day <= KEEP_DAY:
            midnight = clock.now().replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
            raise self._rest((midnight - clock.now()).total_seconds(), "Today's look-ups at HoopAI are used.")
        if left.burst <= KEEP_BURST:
            raise self._rest(left.reset, "HoopAI's rate limit is used up for now.")

    def _rest(self, seconds: float, sentence: str) -> NotNow:
        until = clock.now() + timedelta(seconds=max(1.0, seconds))
        self.rest_until = until
        _mark(self.source_id, api_rest_until=until)
        return NotNow(sentence, until)


def reader(location_id: int) -> Reader | None:
    """The location's reader; None without a token that HoopAI accepts."""
    source = db.session.scalar(select(Source).where(Source.location_id == location_id))
    if source is None or not source.readable or source.api_token_sealed is None:
        return None
    location = db.session.get_one(Location, location_id)
    token = secrets.open(source.api_token_sealed, secrets.row_of(source, "api_token_sealed"))
    return Reader(source, HoopClient(settings().hoop_api_url, token, location.hoop_id))


def resting(source: Source) -> datetime | None:
    """Until when nothing is asked, if that lies ahead."""
    return source.api_rest_until if source.api_rest_until and source.api_rest_until > clock.now() else None


def save_token(location_id: int, user: User, token: str) -> list[str]:
    """Keep a new API token once HoopAI accepts it for this location; the scopes that it lacks.

    One call for each scope. Raises ChooseAgain where it does not even read invoices, NotNow when HoopAI is away.
    """
    token = token.strip()
    if not token or len(token) > 500 or not token.isascii() or any(char.isspace() for char in token):
        raise ChooseAgain("Enter the token as HoopAI showed it.", {"token": "This is not an API token."})
    location = db.session.get_one(Location, location_id)
    client = HoopClient(settings().hoop_api_url, token, location.hoop_id)
    release()
    lacking = _lacking(client)
    if "invoices.readonly" in lacking:
        raise ChooseAgain(
            "HoopAI does not accept this token for this location.",
            {"token": "Make one in this location with the scopes listed, and enter it here."},
        )
    with transaction() as session:
        source = session.scalars(
            select(Source).where(Source.location_id == location_id).with_for_update()
        ).one()
        source.api_token_sealed = secrets.seal(token, secrets.row_of(source, "api_token_sealed"))
        source.api_checked_at, source.api_refused_reason, source.api_rest_until = clock.now(), None, None
        source.api_lacks = lacking or None
        audit.note(
            session, user, location_id, "sources.token", "lacks " + ", ".join(lacking) if lacking else ""
        )
    return lacking


def try_token(location_id: int) -> list[str] | None:
    """Try the kept token with one look-up for each scope; the scopes that it lacks, None where there is no token.

    Raises NotNow when HoopAI is away. What was found is kept, so that everybody sees it.
    """
    source = db.session.scalar(select(Source).where(Source.location_id == location_id))
    if source is None or source.api_token_sealed is None:
        return None
    source_id, location = source.id, db.session.get_one(Location, location_id)
    token = secrets.open(source.api_token_sealed, secrets.row_of(source, "api_token_sealed"))
    client = HoopClient(settings().hoop_api_url, token, location.hoop_id)
    release()
    lacking = _lacking(client)
    refused = REFUSED if "invoices.readonly" in lacking else None
    _mark(
        source_id, api_checked_at=clock.now(), api_lacks=lacking or None, api_refused_reason=refused
    )  # fmt: skip
    return lacking


def forget_token(location_id: int, user: User) -> None:
    """Forget the API token; HoopAI is not asked any more."""
    with transaction() as session:
        source = session.scalars(
            select(Source).where(Source.location_id == location_id).with_for_update()
        ).one()
        source.api_token_sealed = source.api_checked_at = source.api_refused_reason = source.api_lacks = None
        audit.note(session, user, location_id, "sources.forget_token")


def _lacking(client: HoopClient) -> list[str]:
    lacking = []
    for scope, letter in SCOPES.items():
        try:
            letter(client)
        except (HoopTokenRefused, HoopRefused, HoopNotFound):
            lacking.append(scope)
        except HoopError as error:
            raise NotNow(f"The token could not be tried: {error.message} Try again in a minute.") from None
    return lacking


def _refusal(error: HoopTokenRefused) -> str:
    scope = " or lacks a scope" if error.status in (401, 403) else ""
    return f"HoopAI does not accept the API token: it was revoked, has run out{scope}. Enter a new one."


def _mark(source_id: int, **values: object) -> None:
    with transaction() as session:
        session.execute(update(Source).where(Source.id == source_id).values(**values))
