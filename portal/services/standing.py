"""Where a connection stands. This file alone changes its state; each change leaves an event."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.models import Authorisation, Connection, ConnectionEvent, ConnectionState, User
from portal.services import heralding
from portal.xero import oauth

SIGNED_OUT = "Xero has signed us out. Reconnect to go on; what waits is sent then."
WORDS = {
    "accounting.invoices": "write invoices",
    "accounting.payments": "write payments",
    "accounting.contacts": "write contacts",
    "accounting.settings.read": "read the chart of accounts and tax rates",
}

OVERPAYMENTS = oauth.OVERPAYMENTS
NEEDS_MORE = "scope:overpayments"
NO_OVERPAYMENTS = (
    "Xero does not let the portal record overpayments yet. Reconnect from here and allow bank transactions."
)


def move(
    session: Session,
    connection: Connection,
    state: ConnectionState,
    reason: str | None = None,
    *,
    what: str,
    user: User | None = None,
    since: datetime | None = None,
) -> bool:
    """Give a connection this state and reason, with `what` as its event; False when it stood there.

    `since` is when it began where that was before now.
    """
    if connection.state == state and connection.reason == reason:
        return False
    was = connection.state
    if connection.state != state:
        connection.since = since or clock.now()
    connection.state = state
    connection.reason = reason[:300] if reason else None
    tell(session, connection.location_id, what, user)
    heralding.connection(session, connection, was)
    return True


def tell(session: Session, location_id: int, what: str, user: User | None = None) -> None:
    """Add an event to a location's connection history."""
    session.add(
        ConnectionEvent(
            location_id=location_id, at=clock.now(), what=what[:300], user_id=user.id if user else None
        )
    )


def all_of(session: Session, authorisation_id: int) -> list[Connection]:
    """The connections that live on this sign-in, disconnected ones left out."""
    found = session.scalars(
        select(Connection).where(
            Connection.authorisation_id == authorisation_id,
            Connection.state != ConnectionState.DISCONNECTED,
        )
    )
    return list(found)


def need_attention(session: Session, connections: Iterable[Connection], reason: str) -> None:
    """Stop these connections until a person acts, and say why."""
    for connection in connections:
        began = connection.doubted_at
        move(session, connection, ConnectionState.ATTENTION, reason, what=reason, since=began)


def missing(scopes: Iterable[str]) -> list[str]:
    """The permissions that we need and these scopes lack; empty when all is there."""
    granted = set(scopes)
    return [
        scope for scope in oauth.NEEDED_SCOPES if scope.startswith("accounting.") and scope not in granted
    ]


def overpayments_allowed(session: Session, location_id: int) -> bool:
    """Whether the sign-in of this location's connection may record overpayments."""
    scopes = session.scalar(
        select(Authorisation.scopes)
        .join(Connection, Connection.authorisation_id == Authorisation.id)
        .where(Connection.location_id == location_id)
    )
    return OVERPAYMENTS in (scopes or [])


def lacking(scopes: Iterable[str]) -> str:
    """The sentence that names permissions which Xero has not given."""
    return f"Xero does not let the portal {in_words(scopes)}. Reconnect and allow everything it asks for."


def in_words(scopes: Iterable[str]) -> str:
    """Permissions as a person says them: "write invoices and write payments"."""
    named = [WORDS.get(scope, scope) for scope in scopes]
    return " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)
