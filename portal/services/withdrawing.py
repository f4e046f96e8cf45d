"""Taking our hands off an organisation at Xero: one connection, or the whole sign-in when it was the last.

What is to be withdrawn is written down in the transaction that stops using it; Xero is told after that, again and
again until it has heard. developer.xero.com, Managing connections: one is deleted by its own id; revoking ends all
of a user's.
"""

import logging
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from portal import clock
from portal.config import settings
from portal.errors import ConnectAgain, NotNow
from portal.extensions import db
from portal.models import Authorisation, Connection, ConnectionState, ConsentRun, Withdrawal
from portal.services import tokens
from portal.services.unit import release, transaction
from portal.xero import oauth
from portal.xero.errors import SignInExpired, XeroError

log = logging.getLogger(__name__)

FIRST = timedelta(seconds=30)
LONGEST = timedelta(hours=1)
TOLD = "Xero was told."
STILL_USED = "Still used by a location, so nothing was withdrawn."
TOO_LATE = "Xero had ended the sign-in before it could be told."
USED_AGAIN = "Connected again meanwhile."


@dataclass(frozen=True)
class Plan:
    """A withdrawal as read while a transaction was open."""

    id: int
    authorisation_id: int
    xero_connection_id: str


def plan(
    session: Session, location_id: int, authorisation_id: int, xero_connection_id: str, name: str
) -> int:
    """Write down that a connection of ours at Xero is no longer wanted; the withdrawal's id for `carry_out`.

    With an empty `xero_connection_id` only the sign-in is given back, if nothing uses it.
    """
    row = Withdrawal(
        location_id=location_id, authorisation_id=authorisation_id, xero_connection_id=xero_connection_id,
        name=name[:255], next_try_at=clock.now() + FIRST,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row.id


def carry_out(withdrawal_id: int) -> bool:
    """Tell Xero now. True when it holds nothing of it any more or never can; False when it is tried again later.

    A connection that another location uses stays, and the sign-in is revoked only when nothing uses it.
    """
    wanted = _begin(withdrawal_id)
    if wanted is None:
        return True
    try:
        outcome = _tell(wanted)
    except ConnectAgain:
        outcome = TOLD if _given_back(wanted.authorisation_id) else TOO_LATE
    except (XeroError, NotNow) as error:
        log.warning(
            "withdrawing.not_told", extra={"withdrawal": withdrawal_id, "error": type(error).__name__}
        )
        return False
    with transaction() as session:
        row = session.get_one(Withdrawal, withdrawal_id, with_for_update=True, populate_existing=True)
        row.done_at, row.outcome, row.next_try_at = row.done_at or clock.now(), row.outcome or outcome, None
    return True


def outcome(withdrawal_id: int) -> str | None:
    """How a withdrawal ended: TOLD, STILL_USED, TOO_LATE or USED_AGAIN; None while it is open."""
    found = db.session.scalar(select(Withdrawal.outcome).where(Withdrawal.id == withdrawal_id))
    release()
    return found


def due() -> list[int]:
    """Withdrawals that Xero should be told of now."""
    found = db.session.scalars(
        select(Withdrawal.id)
        .where(Withdrawal.done_at.is_(None), Withdrawal.next_try_at <= clock.now())
        .order_by(Withdrawal.id)
    )
    return list(found)


def spare(session: Session, xero_connection_id: str) -> None:
    """This connection at Xero is used again: what was to be withdrawn stays."""
    session.execute(
        update(Withdrawal)
        .where(Withdrawal.xero_connection_id == xero_connection_id, Withdrawal.done_at.is_(None))
        .values(done_at=clock.now(), outcome=USED_AGAIN, next_try_at=None)
        .execution_options(synchronize_session=False)
    )


def postpone(session: Session, authorisation_id: int) -> None:
    """The person has signed in anew: let that be settled first, then go on, also with what had to be given up."""
    session.execute(
        update(Withdrawal)
        .where(Withdrawal.authorisation_id == authorisation_id, Withdrawal.done_at.is_(None))
        .values(next_try_at=clock.now() + 2 * FIRST)
        .execution_options(synchronize_session=False)
    )


def _begin(withdrawal_id: int) -> Plan | None:
    with transaction() as session:
        row = session.get_one(Withdrawal, withdrawal_id, with_for_update=True, populate_existing=True)
        if row.done_at is not None:
            return None
        row.next_try_at = clock.now() + min(FIRST * 2**row.tries, LONGEST)
        row.tries = min(row.tries + 1, 20)
        return Plan(row.id, row.authorisation_id, row.xero_connection_id)


def _tell(wanted: Plan) -> str:
    used = bool(wanted.xero_connection_id) and _connection_used(wanted.xero_connection_id)
    if wanted.xero_connection_id and not used:
        _delete(wanted)
    if not _sign_in_used(wanted.authorisation_id):
        _revoke(wanted.authorisation_id)
    return STILL_USED if used else TOLD


def _delete(wanted: Plan) -> None:
    access = tokens.access_token(wanted.authorisation_id)
    try:
        oauth.delete_connection(settings().xero_api_url, access, wanted.xero_connection_id)
    except SignInExpired:
        access = tokens.renew(wanted.authorisation_id, access)
        oauth.delete_connection(settings().xero_api_url, access, wanted.xero_connection_id)


def _revoke(authorisation_id: int) -> None:
    app = settings()
    refresh = tokens.refresh_token(authorisation_id)
    oauth.revoke(app.xero_identity_url, app.xero_client_id, app.xero_client_secret, refresh)
    with transaction() as session:
        tokens.forget(session, authorisation_id)


def _connection_used(xero_connection_id: str) -> bool:
    """Whether a location lives on it, or somebody is just being asked about it."""
    if _any(Connection.xero_connection_id == xero_connection_id):
        return True
    asked = db.session.scalars(select(ConsentRun.offered).where(*_being_asked())).all()
    release()
    return any(
        each["xero_connection_id"] == xero_connection_id for offered in asked for each in offered or []
    )


def _sign_in_used(authorisation_id: int) -> bool:
    if _any(Connection.authorisation_id == authorisation_id):
        return True
    asked = db.session.scalar(
        select(ConsentRun.id).where(ConsentRun.authorisation_id == authorisation_id, *_being_asked()).limit(1)
    )
    release()
    return asked is not None


def _any(condition: ColumnElement[bool]) -> bool:
    found = db.session.scalar(
        select(Connection.id).where(condition, Connection.state != ConnectionState.DISCONNECTED).limit(1)
    )
    release()
    return found is not None


def _being_asked() -> tuple[ColumnElement[bool], ...]:
    return (
        ConsentRun.offered.is_not(None),
        ConsentRun.settled_at.is_(None),
        ConsentRun.expires_at > clock.now(),
    )


def _given_back(authorisation_id: int) -> bool:
    """Whether the sign-in was revoked by ourselves, which ended everything of that person."""
    row = db.session.get_one(Authorisation, authorisation_id, populate_existing=True)
    return not row.tokens_sealed
