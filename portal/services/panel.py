"""What the Xero panel tells about a connection, and testing it now."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from portal import clock
from portal.errors import ConnectAgain, NotNow
from portal.models import AuthorisationState, Connection, ConnectionState, Location
from portal.services import calling, connections, cutoff, organisations, standing, tokens
from portal.xero.errors import XeroError

LOCKS = {"period_lock_date": "for all but advisers", "end_of_year_lock_date": "for everybody"}


@dataclass(frozen=True, slots=True)
class Quota:
    """Calls to Xero left today, of how many, and left in this minute."""

    left: int
    limit: int
    resets_at: datetime | None
    minute: int

    @property
    def percent(self) -> int:
        """How much is left, 0 to 100."""
        return max(0, min(100, round(100 * self.left / self.limit))) if self.limit else 0


class Health(StrEnum):
    """How the sign-in to Xero is."""

    VALID = "valid"
    RENEWING = "renewing"
    ENDED = "ended"
    GIVEN_BACK = "given back"


@dataclass(frozen=True, slots=True)
class SignIn:
    """The sign-in in words; `next_renewal` is when it is renewed by itself at the latest, None where it is not."""

    health: Health
    sentence: str
    renewed_at: datetime
    next_renewal: datetime | None

    @property
    def ok(self) -> bool:
        """Whether nothing is to be done about it."""
        return self.health == Health.VALID


@dataclass(frozen=True, slots=True)
class Facts:
    """The connection in words. `may` are the permissions that Xero has given, `lacks` those that are missing."""

    organisation: str
    country: str
    currency: str
    demo: bool
    connected_by: str
    signed_in_as: str
    connected_at: datetime
    cut_off: datetime
    before: int
    sign_in: SignIn
    may: list[str]
    lacks: list[str]
    locks: dict[str, date]
    quota: Quota | None
    backlog_waits_until: datetime | None
    facts_fetched_at: datetime | None
    checked_at: datetime | None


def facts(connection: Connection) -> Facts:
    """What is known of a connection, without asking Xero."""
    about, permit = connection.organisation, connection.authorisation
    user = connection.connected_by
    return Facts(
        organisation=connection.name,
        country=str(about.get("country") or "–"),
        currency=str(about.get("base_currency") or "–"),
        demo=connection.demo,
        connected_by=user.name if user else "–",
        signed_in_as=", ".join(filter(None, (permit.name, permit.email))) or "–",
        connected_at=connection.connected_at,
        cut_off=connection.cut_off,
        before=cutoff.count(connection.location_id),
        sign_in=_sign_in(connection),
        may=[words for scope, words in standing.WORDS.items() if scope in permit.scopes],
        lacks=[standing.in_words([scope]) for scope in standing.missing(permit.scopes)],
        locks={
            name: date.fromisoformat(str(about[key])[:10]) for key, name in LOCKS.items() if about.get(key)
        },
        quota=quota(connection),
        backlog_waits_until=connection.day_used_until if connection.day_used(clock.now()) else None,
        facts_fetched_at=connection.facts_fetched_at,
        checked_at=connection.checked_at,
    )


def _sign_in(connection: Connection) -> SignIn:
    permit = connection.authorisation
    health, sentence = _health(connection)
    renews = health in (Health.VALID, Health.RENEWING)
    at = permit.expires_at - tokens.AHEAD if connection.live else permit.refreshed_at + tokens.KEEP_ALIVE
    return SignIn(health, sentence, permit.refreshed_at, at if renews else None)


def _health(connection: Connection) -> tuple[Health, str]:
    permit = connection.authorisation
    if connection.state == ConnectionState.DISCONNECTED:
        return Health.GIVEN_BACK, "Given back when the location was disconnected."
    if permit.state == AuthorisationState.LOST:
        return Health.ENDED, "Xero no longer honours it. Reconnect to go on."
    if permit.failing_reason == "app":
        return (
            Health.RENEWING,
            "Xero does not accept the portal's own settings. Its operator has to correct them.",
        )
    if permit.failing_reason:
        return (
            Health.RENEWING,
            "Xero's sign-in does not answer. It is tried again by itself; nothing is lost.",
        )
    return Health.VALID, "Xero accepts it, and it is renewed by itself."


def quota(connection: Connection) -> Quota | None:
    """What is left of today's calls, as Redis and Xero's own headers last told."""
    left = calling.left(connection.tenant_id)
    if left is None or left.day is None or not left.day_limit:
        return None
    return Quota(left.day, left.day_limit, left.resets_at, left.minute)


def test(location: Location) -> list[connections.Check]:
    """Look at the connection now and, where all is well, fetch its accounts and tax rates again.

    Raises ChooseAgain when the location is not connected.
    """
    checks = look(location)
    connection = connections.of(location.id)
    if connection is not None and all(check.ok for check in checks):
        checks.append(fetch(connection.id))
    return checks


def look(location: Location) -> list[connections.Check]:
    """The same without the fetching. Raises ChooseAgain when the location is not connected."""
    connection = connections.of(location.id)
    connection_id = connection.id if connection else 0
    checks = connections.test(location)
    if all(check.ok for check in checks):
        connections.note_checked(connection_id)
    elif any(check.ok is False for check in checks):
        _examine(connection_id)
    return checks


def fetch(connection_id: int) -> connections.Check:
    """Fetch accounts, tax rates, currencies and lock dates again, and say how that went."""
    name = "Accounts and tax rates"
    try:
        organisations.refresh(connection_id)
    except (NotNow, ConnectAgain, XeroError) as error:
        return connections.Check(name, None, f"Not fetched this time: {error}")
    return connections.Check(name, True, "Fetched again just now.")


def _examine(connection_id: int) -> None:
    with suppress(NotNow, ConnectAgain):
        connections.examine(connection_id)
