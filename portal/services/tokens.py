"""Xero token sets: one refresh at a time over all processes, saved before use, lost only when Xero says so.

The lease is a row's, with a fencing number that only grows; no transaction is open while Xero is asked.
A token set is sealed as JSON `{"access", "refresh"}`, the one before it as `{"refresh", "until"}`.
"""

import json
import logging
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import and_, or_, select, update
from sqlalchemy.orm import Session

from portal import clock
from portal.config import settings
from portal.errors import ConnectAgain, NotNow
from portal.extensions import db
from portal.models import Authorisation, AuthorisationState, Connection, ConnectionState
from portal.services import leases, secrets, standing
from portal.services.unit import release, transaction
from portal.xero import oauth
from portal.xero.errors import AppMisconfigured, GrantLost, IdentityUnavailable
from portal.xero.oauth import TokenSet

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=40)
SPARE = timedelta(seconds=60)
AHEAD = timedelta(minutes=5)
KEEP_ALIVE = timedelta(days=30)
GRACE = timedelta(minutes=30)
LONGEST_WAIT = 20.0
LOOK_EVERY = 0.1
AGAIN_IN = timedelta(seconds=15)
AGAIN_IN_MISCONFIGURED = timedelta(minutes=5)


@dataclass(frozen=True)
class Held:
    """What the row of an authorisation held when it was read; secrets stay out of `repr`."""

    id: int
    version: int
    expires_at: datetime
    leased: bool
    access: str = field(repr=False)
    refresh: str = field(repr=False)
    previous: str | None = field(repr=False)

    @property
    def fresh(self) -> bool:
        """Whether the access token is good for another minute."""
        return self.expires_at - clock.now() >= SPARE


def access_token(authorisation_id: int) -> str:
    """An access token that is good for at least 60 s, refreshed first where needed.

    Raises ConnectAgain when Xero has ended the sign-in, NotNow when it cannot be known at the moment.
    """
    held = _held(authorisation_id)
    return held.access if held.fresh else renew(authorisation_id, held.access)


def renew(authorisation_id: int, used: str) -> str:
    """Another access token than `used`: refreshed now, unless somebody else has replaced it already.

    Any number of threads and processes may ask at once and one of them refreshes; the others wait for its
    result, at most 20 s. Raises ConnectAgain, NotNow.
    """
    give_up = time.monotonic() + LONGEST_WAIT
    while True:
        held = _held(authorisation_id)
        if held.access != used and held.fresh:
            return held.access
        fence = None if held.leased else _take(held)
        if fence is not None and (renewed := _refresh(held, fence)):
            return renewed
        if fence is None:
            _wait(give_up)


def keep_fresh(authorisation_id: int) -> None:
    """Refresh this authorisation if it is due. Whatever hinders it is written down and tried again later."""
    if authorisation_id not in refresh_due():
        return
    try:
        renew(authorisation_id, _held(authorisation_id).access)
    except (ConnectAgain, NotNow) as error:
        log.info("tokens.not_refreshed", extra={"authorisation_id": authorisation_id, "why": str(error)})


def refresh_due() -> list[int]:
    """Authorisations to refresh now: in use and within 5 minutes of the end, or idle for 30 days."""
    moment = clock.now()
    in_use = and_(Connection.state == ConnectionState.CONNECTED, Authorisation.expires_at <= moment + AHEAD)
    idle = and_(
        Connection.state != ConnectionState.DISCONNECTED, Authorisation.refreshed_at <= moment - KEEP_ALIVE
    )
    found = db.session.scalars(
        select(Authorisation.id)
        .join(Connection, Connection.authorisation_id == Authorisation.id)
        .where(Authorisation.state == AuthorisationState.ACTIVE, or_(in_use, idle))
        .distinct()
        .order_by(Authorisation.id)
    )
    return list(found)


def keep(session: Session, tokens: TokenSet) -> Authorisation:
    """Save what a consent brought: the new set supersedes the old one for all the user's connections."""
    found = session.scalar(
        select(Authorisation)
        .where(Authorisation.xero_user_id == tokens.xero_user_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    row = found or Authorisation(xero_user_id=tokens.xero_user_id, version=0, fence=0)
    row.email, row.name = tokens.email or row.email, tokens.name or row.name
    row.state, row.lost_at = AuthorisationState.ACTIVE, None
    row.previous_sealed = None
    row.lease_owner = row.lease_until = None
    row.fence += 1
    _put(row, tokens)
    session.add(row)
    session.flush()
    return row


def look_at_scopes(session: Session, row: Authorisation) -> None:
    """Compare what Xero has granted with what is needed; name what is missing and stop what needs it."""
    if lacking := standing.missing(row.scopes):
        reason = standing.lacking(lacking)
        standing.need_attention(session, standing.all_of(session, row.id), reason)


def refresh_token(authorisation_id: int) -> str:
    """The refresh token, for revoking it. Raises ConnectAgain when there is none any more."""
    return _held(authorisation_id).refresh


def forget(session: Session, authorisation_id: int) -> None:
    """The sign-in was given back: keep nothing that could be used."""
    row = session.get_one(Authorisation, authorisation_id, with_for_update=True, populate_existing=True)
    row.state, row.lost_at = AuthorisationState.LOST, clock.now()
    row.tokens_sealed, row.previous_sealed = "", None
    row.version += 1
    row.fence += 1
    row.lease_owner = row.lease_until = None


def _held(authorisation_id: int) -> Held:
    release()
    row = db.session.get_one(Authorisation, authorisation_id, populate_existing=True)
    if row.state == AuthorisationState.LOST or not row.tokens_sealed:
        release()
        raise ConnectAgain(standing.SIGNED_OUT)
    held = _opened(row)
    release()
    return held


def _opened(row: Authorisation) -> Held:
    kept = json.loads(secrets.open(row.tokens_sealed, secrets.row_of(row, "tokens_sealed")))
    return Held(
        id=row.id,
        version=row.version,
        expires_at=row.expires_at,
        leased=row.lease_until is not None and row.lease_until >= clock.now(),
        access=kept["access"],
        refresh=kept["refresh"],
        previous=_still_good(row),
    )


def _still_good(row: Authorisation) -> str | None:
    if row.previous_sealed is None:
        return None
    kept = json.loads(secrets.open(row.previous_sealed, secrets.row_of(row, "previous_sealed")))
    return str(kept["refresh"]) if datetime.fromisoformat(kept["until"]) > clock.now() else None


def _take(held: Held) -> int | None:
    moment = clock.now()
    with transaction() as session:
        return session.scalar(
            update(Authorisation)
            .where(
                Authorisation.id == held.id,
                Authorisation.version == held.version,
                Authorisation.state == AuthorisationState.ACTIVE,
                or_(Authorisation.lease_until.is_(None), Authorisation.lease_until < moment),
            )
            .values(lease_owner=leases.owner(), lease_until=moment + LEASE, fence=Authorisation.fence + 1)
            .returning(Authorisation.fence)
            .execution_options(synchronize_session=False)
        )


def _wait(give_up: float) -> None:
    if time.monotonic() >= give_up:
        raise NotNow("The sign-in to Xero is being renewed.", clock.now() + AGAIN_IN)
    time.sleep(LOOK_EVERY)


def _refresh(held: Held, fence: int) -> str | None:
    """The new access token; None when another was faster and the row has to be read again."""
    try:
        tokens = _new_tokens(held)
    except GrantLost:
        _give_up(held, fence)
        return None
    except AppMisconfigured as error:
        _give_back(held, fence, "app")
        log.critical("tokens.app_misconfigured", extra={"authorisation_id": held.id, "error": error.error})
        sentence = "The portal's own Xero settings are not accepted. Its operator has to correct them."
        raise NotNow(sentence, clock.now() + AGAIN_IN_MISCONFIGURED, reason="app") from error
    except IdentityUnavailable as error:
        _give_back(held, fence, "busy")
        log.warning(
            "tokens.identity_unavailable", extra={"authorisation_id": held.id, "status": error.status}
        )
        pause = timedelta(seconds=error.retry_after) if error.retry_after else AGAIN_IN
        raise NotNow("Xero's sign-in does not answer at the moment.", clock.now() + pause) from error
    except BaseException:
        _give_back(held, fence)
        raise
    return tokens.access_token if _save(held, fence, tokens) else None


def _new_tokens(held: Held) -> TokenSet:
    """Ask with the refresh token; where Xero refuses it, with the one before it while its grace lasts."""
    app = settings()
    place = (app.xero_identity_url, app.xero_client_id, app.xero_client_secret)
    try:
        return oauth.refresh(*place, held.refresh)
    except GrantLost:
        if held.previous is None:
            raise
        log.warning("tokens.previous_used", extra={"authorisation_id": held.id})
        return oauth.refresh(*place, held.previous)


def _save(held: Held, fence: int, tokens: TokenSet) -> bool:
    with transaction() as session:
        row = _ours(session, held, fence)
        if row is None:
            return False
        until = (clock.now() + GRACE).isoformat()
        row.previous_sealed = secrets.seal(
            json.dumps({"refresh": held.refresh, "until": until}), secrets.row_of(row, "previous_sealed")
        )
        row.lease_owner = row.lease_until = None
        _put(row, tokens)
        look_at_scopes(session, row)
    return True


def _give_up(held: Held, fence: int) -> None:
    with transaction() as session:
        row = _ours(session, held, fence)
        if row is None:
            return
        row.state, row.lost_at = AuthorisationState.LOST, clock.now()
        row.lease_owner = row.lease_until = None
        standing.need_attention(session, standing.all_of(session, row.id), standing.SIGNED_OUT)
    log.warning("tokens.grant_lost", extra={"authorisation_id": held.id})


def _give_back(held: Held, fence: int, reason: str | None = None) -> None:
    with transaction() as session:
        row = _ours(session, held, fence)
        if row is None:
            return
        row.lease_owner = row.lease_until = None
        if reason is not None:
            row.failing_since, row.failing_reason = row.failing_since or clock.now(), reason


def _ours(session: Session, held: Held, fence: int) -> Authorisation | None:
    row = session.get_one(Authorisation, held.id, with_for_update=True, populate_existing=True)
    return row if row.fence == fence and row.version == held.version else None


def _put(row: Authorisation, tokens: TokenSet) -> None:
    plain = json.dumps({"access": tokens.access_token, "refresh": tokens.refresh_token})
    row.tokens_sealed = secrets.seal(plain, secrets.row_of(row, "tokens_sealed"))
    row.scopes = sorted(tokens.scopes) or row.scopes or []
    row.expires_at, row.refreshed_at = tokens.expires_at, clock.now()
    row.failing_since = row.failing_reason = None
    row.version += 1
