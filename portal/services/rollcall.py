"""The daily look at what Xero lists for each sign-in: removed, renamed or reset organisations are found by it.

developer.xero.com, Managing connections: Xero tells nobody of a disconnect made inside Xero; one call a sign-in
and day finds it, and it counts towards no organisation's limit.
"""

import logging
from datetime import timedelta

from sqlalchemy import or_, select

from portal import clock
from portal.config import settings
from portal.errors import ConnectAgain, NotNow
from portal.extensions import db
from portal.models import Authorisation, AuthorisationState, Connection, ConnectionState
from portal.services import connections, standing, tokens
from portal.services.connections import Finding
from portal.services.unit import release, transaction
from portal.xero import oauth
from portal.xero.errors import SignInExpired, XeroError
from portal.xero.oauth import ConnectionFact

log = logging.getLogger(__name__)

OLD = timedelta(days=1)
TURNS = 10


def due() -> list[int]:
    """Sign-ins in use whose list is older than a day, and whose turn this minute is (one in ten)."""
    found = db.session.scalars(
        select(Authorisation.id)
        .join(Connection, Connection.authorisation_id == Authorisation.id)
        .where(
            Connection.state != ConnectionState.DISCONNECTED,
            Authorisation.state == AuthorisationState.ACTIVE,
            or_(Authorisation.checked_at.is_(None), Authorisation.checked_at < clock.now() - OLD),
        )
        .distinct()
        .order_by(Authorisation.id)
    )
    minute = int(clock.now().timestamp()) // 60
    return [each for each in found if each % TURNS == minute % TURNS]


def call(authorisation_id: int) -> None:
    """Ask Xero which organisations this sign-in reaches and mark its connections by the answer.

    What Xero lists again is examined; what cannot be known changes nothing and is asked again in ten minutes.
    """
    try:
        listed = _listed(authorisation_id)
    except ConnectAgain:
        return
    except (NotNow, XeroError) as error:
        log.info(
            "rollcall.not_known", extra={"authorisation": authorisation_id, "error": type(error).__name__}
        )
        return
    for connection_id, name in _conclude(authorisation_id, listed):
        log.info("rollcall.changed", extra={"connection": connection_id, "organisation": name})
        _examine(connection_id)


def _listed(authorisation_id: int) -> dict[str, ConnectionFact]:
    release()
    token = tokens.access_token(authorisation_id)
    try:
        found = oauth.connections(settings().xero_api_url, token)
    except SignInExpired:
        found = oauth.connections(settings().xero_api_url, tokens.renew(authorisation_id, token))
    return {each.tenant_id: each for each in found}


def _conclude(authorisation_id: int, listed: dict[str, ConnectionFact]) -> list[tuple[int, str]]:
    """Mark what is gone or renamed; the connections that were thought lost and are listed again."""
    with transaction() as session:
        session.get_one(Authorisation, authorisation_id, with_for_update=True).checked_at = clock.now()
        mine = [
            (
                each.id,
                each.name,
                ConnectionState(each.state),
                listed.get(each.tenant_id),
                connections.gone(each),
            )
            for each in standing.all_of(session, authorisation_id)
        ]
        for connection_id, _, state, fact, gone in mine:
            if fact is None:
                connections.conclude(connection_id, Finding(gone))
            elif state != ConnectionState.ATTENTION:
                connections.conclude(connection_id, Finding(None, fact))
    return [
        (each, name) for each, name, state, fact, _ in mine if fact and state == ConnectionState.ATTENTION
    ]


def _examine(connection_id: int) -> None:
    try:
        connections.examine(connection_id)
    except NotNow as error:
        log.info("rollcall.not_known", extra={"connection": connection_id, "error": str(error)})
