"""What the Xero panel tells about a connection, and testing it now."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime

from portal.errors import ConnectAgain, NotNow
from portal.models import AuthorisationState, Connection, ConnectionState, Location
from portal.services import calling, connections, organisations, standing
from portal.xero.errors import XeroError


@dataclass(frozen=True, slots=True)
class Quota:
    """Calls to Xero left today, of how many; None where nobody knows yet."""

    left: int
    limit: int
    resets_at: datetime | None

    @property
    def percent(self) -> int:
        """How much is left, 0 to 100."""
        return max(0, min(100, round(100 * self.left / self.limit))) if self.limit else 0


@dataclass(frozen=True, slots=True)
class Facts:
    """The connection in words."""

    organisation: str
    country: str
    currency: str
    connected_by: str
    connected_at: datetime
    cut_off: datetime
    sign_in_ok: bool
    sign_in_checked: datetime
    scopes: str
    locked_to: date | None
    quota: Quota | None
    facts_fetched_at: datetime | None


def facts(connection: Connection) -> Facts:
    """What is known of a connection, without asking Xero."""
    about, permit = connection.organisation, connection.authorisation
    user = connection.connected_by
    locks = [about.get("period_lock_date"), about.get("end_of_year_lock_date")]
    return Facts(
        connection.name,
        str(about.get("country") or "–"),
        str(about.get("base_currency") or "–"),
        user.name if user else "–",
        connection.connected_at,
        connection.cut_off,
        permit.state == AuthorisationState.ACTIVE and connection.state != ConnectionState.DISCONNECTED,
        permit.refreshed_at,
        standing.in_words([scope for scope in permit.scopes if scope.startswith("accounting.")]),
        max((date.fromisoformat(str(lock)[:10]) for lock in locks if lock), default=None),
        quota(connection),
        connection.facts_fetched_at,
    )


def quota(connection: Connection) -> Quota | None:
    """What is left of today's calls, as Redis and Xero's own headers last told."""
    left = calling.left(connection.tenant_id)
    if left is None or left.day is None or not left.day_limit:
        return None
    return Quota(left.day, left.day_limit, left.resets_at)


def test(location: Location) -> list[connections.Check]:
    """Look at the connection now and, where all is well, fetch its accounts and tax rates again.

    Raises ChooseAgain when the location is not connected.
    """
    connection = connections.of(location.id)
    connection_id = connection.id if connection else 0
    checks = connections.test(location)
    if all(check.ok for check in checks):
        checks.append(_fetch(connection_id))
    elif any(check.ok is False for check in checks):
        _examine(connection_id)
    return checks


def _fetch(connection_id: int) -> connections.Check:
    name = "Accounts and tax rates"
    try:
        organisations.refresh(connection_id)
    except (NotNow, ConnectAgain, XeroError) as error:
        return connections.Check(name, None, f"Not fetched this time: {error}")
    return connections.Check(name, True, "Fetched again just now.")


def _examine(connection_id: int) -> None:
    with suppress(NotNow, ConnectAgain):
        connections.examine(connection_id)
