"""Taking our hands off an organisation at Xero: one connection, or the whole sign-in when it was the last.

developer.xero.com, Managing connections: one is deleted by its own id; revoking ends all of a user's.
"""

import logging

from sqlalchemy import ColumnElement, select

from portal.config import settings
from portal.errors import ConnectAgain, NotNow
from portal.extensions import db
from portal.models import Connection, ConnectionState
from portal.services import tokens
from portal.services.unit import release, transaction
from portal.xero import oauth
from portal.xero.errors import XeroError
from portal.xero.oauth import ConnectionFact

log = logging.getLogger(__name__)


def withdraw(authorisation_id: int, xero_connection_id: str, leaving: int | None = None) -> bool:
    """Delete a connection at Xero unless another location uses it; revoke the sign-in if it was its last one.

    `leaving` is the connection of ours that no longer counts. True when Xero holds nothing of it any more;
    False when Xero could not be told. Nothing of ours is changed but the sign-in's tokens.
    """
    shared = _used(leaving, Connection.xero_connection_id == xero_connection_id)
    others = _used(leaving, Connection.authorisation_id == authorisation_id)
    try:
        if not shared:
            access = tokens.access_token(authorisation_id)
            oauth.delete_connection(settings().xero_api_url, access, xero_connection_id)
        if not others:
            _revoke(authorisation_id)
        return True
    except (XeroError, NotNow, ConnectAgain) as error:
        log.warning("withdrawing.not_told", extra={"authorisation_id": authorisation_id, "error": str(error)})
        return False


def undo(authorisation_id: int, fact: ConnectionFact) -> None:
    """Give back what a consent made that is not acted upon, unless it served another location before."""
    withdraw(authorisation_id, fact.id)


def give_back_if_unused(authorisation_id: int) -> None:
    """Revoke a sign-in that serves no location."""
    if _used(None, Connection.authorisation_id == authorisation_id):
        return
    try:
        _revoke(authorisation_id)
    except (XeroError, ConnectAgain) as error:
        log.warning("withdrawing.not_told", extra={"authorisation_id": authorisation_id, "error": str(error)})


def _used(leaving: int | None, condition: ColumnElement[bool]) -> bool:
    found = db.session.scalar(
        select(Connection.id)
        .where(
            condition,
            Connection.state != ConnectionState.DISCONNECTED,
            Connection.id != (leaving or 0),
        )
        .limit(1)
    )
    release()
    return found is not None


def _revoke(authorisation_id: int) -> None:
    app = settings()
    refresh = tokens.refresh_token(authorisation_id)
    oauth.revoke(app.xero_identity_url, app.xero_client_id, app.xero_client_secret, refresh)
    with transaction() as session:
        tokens.forget(session, authorisation_id)
