"""Connecting a location to a Xero organisation: from the button to the first fetched chart of accounts.

developer.xero.com, OAuth 2.0 auth flow and Managing connections.
"""

import hashlib
import logging
import secrets as random
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from portal import bell, clock
from portal.config import settings
from portal.errors import ChooseAgain, ConnectAgain, NotAllowed, NotNow
from portal.extensions import db
from portal.models import Connection, ConnectionState, ConsentRun, Location, User
from portal.services import audit, organisations, outbox, secrets, standing, tokens, withdrawing
from portal.services.unit import release, transaction
from portal.xero import oauth
from portal.xero.errors import AppMisconfigured, GrantLost, IdentityUnavailable, XeroError
from portal.xero.oauth import ConnectionFact, TokenSet

log = logging.getLogger(__name__)

LIFE = timedelta(minutes=10)
SKEW = timedelta(minutes=2)
STALE = "This sign-in to Xero can no longer be finished here. Press Connect to start again."
CANCELLED = "You chose Cancel in Xero, so nothing was connected. Press Connect when you want to go on."
REFUSED = (
    "Xero ended the sign-in without connecting ({word}). Nothing has changed. Press Connect to try again."
)
TOO_LATE = (
    "Xero no longer accepts this sign-in: its code was used already or is older than five minutes. "
    "Nothing has changed. Press Connect again."
)
OUR_FAULT = (
    "Xero does not accept the portal's own settings ({word}). Nothing is wrong with your account. "
    "The portal's operator has to correct them; press Connect after that."
)
NO_ANSWER = "Xero did not answer in time, so nothing was connected. Press Connect again in a minute."
NO_ORGANISATION = (
    "Xero signed you in, but names no organisation that you allowed. Press Connect, choose the organisation "
    "and press Allow access; you need a role in Xero that may connect apps (Standard or Adviser)."
)
NOT_ENOUGH = "Xero did not allow the portal to {words}. Press Connect and allow everything it asks for."


@dataclass(frozen=True)
class Outcome:
    """How a consent ended: for which location, in words with the next step, and whether it is connected."""

    location: Location
    sentence: str
    ok: bool


@dataclass(frozen=True)
class Run:
    """A started consent, taken out of the database so that no other answer can use it."""

    location_id: int
    began_at: datetime
    verifier: str


class Refused(Exception):
    """The consent was understood and is not acted upon; the message is the sentence for the person."""


def begin(location: Location, user: User, session_id: int) -> str:
    """Start a consent and answer the address of Xero's page.

    It ends with this session, after 10 minutes or with its first use. Raises NotAllowed for people who may
    only look.
    """
    if not user.may_change:
        raise NotAllowed("You can look at this, but connecting needs an administrator.")
    app, state, verifier = settings(), random.token_urlsafe(32), oauth.new_verifier()
    with transaction() as session:
        session.execute(delete(ConsentRun).where(ConsentRun.expires_at < clock.now() - timedelta(days=1)))
        session.add(
            ConsentRun(
                state_hash=_hash(state),
                verifier_sealed=secrets.seal(verifier, _row(state)),
                location_id=location.id,
                session_id=session_id,
                user_id=user.id,
                expires_at=clock.now() + LIFE,
            )
        )
    return oauth.authorize_url(
        app.xero_authorize_url, app.xero_client_id, app.redirect_uri, oauth.NEEDED_SCOPES, state, verifier
    )


def complete(state: str | None, code: str | None, error: str | None, session_id: int, user: User) -> Outcome:
    """Finish a consent with what Xero's redirect carried.

    Answers an Outcome for every end of a consent that this person began in this session. Raises ChooseAgain
    when there is no such consent: unknown, foreign, used or older than 10 minutes.
    """
    run = _take(state or "", session_id, user)
    try:
        connection_id, sentence = _connect(run, code, error, user.id)
    except Refused as refused:
        return _outcome(run, str(refused), ok=False)
    sentence += _fetch(connection_id)
    bell.ring("jobs.pushes.drain", connection_id)
    return _outcome(run, sentence, ok=True)


def _take(state: str, session_id: int, user: User) -> Run:
    mine = (
        ConsentRun.state_hash == _hash(state),
        ConsentRun.session_id == session_id,
        ConsentRun.user_id == user.id,
        ConsentRun.used_at.is_(None),
        ConsentRun.expires_at > clock.now(),
    )
    with transaction() as session:
        used = update(ConsentRun).where(*mine).values(used_at=clock.now())
        taken = session.scalar(used.returning(ConsentRun.id).execution_options(synchronize_session=False))
        if taken is None:
            raise ChooseAgain(STALE)
        row = session.get_one(ConsentRun, taken)
        return Run(row.location_id, row.expires_at - LIFE, secrets.open(row.verifier_sealed, _row(state)))


def _connect(run: Run, code: str | None, error: str | None, user_id: int) -> tuple[int, str]:
    if error == "access_denied":
        raise Refused(CANCELLED)
    if error or not code:
        raise Refused(REFUSED.format(word=(error or "no code")[:60]))
    release()
    token_set = _exchanged(run, code)
    authorisation_id, scopes = _keep(token_set)
    fact = _granted(run, token_set)
    if fact is None:
        withdrawing.give_back_if_unused(authorisation_id)
        raise Refused(NO_ORGANISATION)
    refusal = (
        NOT_ENOUGH.format(words=standing.in_words(lacking)) if (lacking := standing.missing(scopes)) else None
    )
    connection_id, sentence = None, refusal or ""
    if refusal is None:
        connection_id, sentence = _settle(run, authorisation_id, fact, user_id)
    if connection_id is None:
        withdrawing.undo(authorisation_id, fact)
        raise Refused(sentence)
    return connection_id, sentence


def _exchanged(run: Run, code: str) -> TokenSet:
    app = settings()
    try:
        return oauth.exchange(
            app.xero_identity_url,
            app.xero_client_id,
            app.xero_client_secret,
            code,
            app.redirect_uri,
            run.verifier,
        )
    except GrantLost as error:
        raise Refused(TOO_LATE) from error
    except AppMisconfigured as error:
        log.critical("consents.app_misconfigured", extra={"error": error.error})
        raise Refused(OUR_FAULT.format(word=error.error)) from error
    except IdentityUnavailable as error:
        raise Refused(NO_ANSWER) from error


def _keep(token_set: TokenSet) -> tuple[int, list[str]]:
    with transaction() as session:
        row = tokens.keep(session, token_set)
        if not standing.missing(row.scopes):
            _revive(session, row.id)
        return row.id, list(row.scopes)


def _granted(run: Run, token_set: TokenSet) -> ConnectionFact | None:
    """The organisation just allowed: that of this consent's event, else the one changed since it began."""
    api, access = settings().xero_api_url, token_set.access_token
    try:
        if token_set.auth_event_id:
            found = _organisations(oauth.connections(api, access, token_set.auth_event_id))
            if found:
                return found[0]
        since = run.began_at - SKEW
        changed = _organisations(oauth.connections(api, access))
        return next((each for each in changed if each.updated_at and each.updated_at >= since), None)
    except XeroError as error:
        log.warning("consents.no_connections", extra={"error": type(error).__name__, "status": error.status})
        raise Refused(NO_ANSWER) from error


def _organisations(found: list[ConnectionFact]) -> list[ConnectionFact]:
    return [each for each in found if each.tenant_type == "ORGANISATION"]


def _settle(run: Run, authorisation_id: int, fact: ConnectionFact, user_id: int) -> tuple[int | None, str]:
    """Connect in one transaction; the connection's id and a sentence, or None and why not."""
    with transaction() as session:
        user, location = session.get_one(User, user_id), session.get_one(Location, run.location_id)
        there = session.scalar(select(Connection).where(Connection.location_id == location.id))
        if refusal := _other_organisation(there, fact) or _taken_by_another(session, location, fact):
            standing.tell(session, location.id, f"Not connected: {refusal}", user)
            return None, refusal
        connection = there or _new(session, location, fact)
        sentence = _sentence(there, fact)
        _connected(session, connection, authorisation_id, fact, user, sentence)
        return connection.id, sentence


def _other_organisation(there: Connection | None, fact: ConnectionFact) -> str | None:
    if there is None or there.tenant_id == fact.tenant_id:
        return None
    return (
        f"This location belongs to the Xero organisation {there.name}, and you allowed {fact.tenant_name}. "
        f"It stays with {there.name}, because documents already sent there would be sent twice. "
        f"Press Connect again and choose {there.name}."
    )


def _taken_by_another(session: Session, location: Location, fact: ConnectionFact) -> str | None:
    other = session.scalar(
        select(Location.name)
        .join(Connection, Connection.location_id == Location.id)
        .where(
            Location.agency_id == location.agency_id,
            Location.id != location.id,
            Connection.tenant_id == fact.tenant_id,
            Connection.state != ConnectionState.DISCONNECTED,
        )
    )
    if other is None:
        return None
    return (
        f"{fact.tenant_name} is connected to your location {other} already, and two locations would mix "
        f"their invoices in it. Press Connect again and choose another one, or disconnect {other} first."
    )


def _new(session: Session, location: Location, fact: ConnectionFact) -> Connection:
    connection = Connection(location_id=location.id, tenant_id=fact.tenant_id, cut_off=clock.now())
    connection.organisation = {"name": fact.tenant_name}
    connection.fence = 0
    session.add(connection)
    return connection


def _sentence(there: Connection | None, fact: ConnectionFact) -> str:
    if there is None:
        return f"{fact.tenant_name} is connected. Invoices created from now on are sent to it."
    return f"{fact.tenant_name} is connected again. What was waiting is sent now; nothing is sent twice."


def _connected(
    session: Session,
    connection: Connection,
    authorisation_id: int,
    fact: ConnectionFact,
    user: User,
    said: str,
) -> None:
    connection.authorisation_id = authorisation_id
    connection.xero_connection_id = fact.id
    connection.connected_by_id, connection.connected_at = user.id, clock.now()
    connection.rest_until = connection.rest_reason = None
    verb = "Connected" if connection.id is None else "Reconnected"
    what = f"{verb} to {fact.tenant_name} by {user.name}."
    if not standing.move(session, connection, ConnectionState.CONNECTED, what=what, user=user):
        standing.tell(session, connection.location_id, what, user)
    audit.note(session, user, connection.location_id, "connections.connect", f"{said} ({fact.tenant_id})")
    session.flush()
    outbox.free(session, connection.location_id, ["connection"])


def _revive(session: Session, authorisation_id: int) -> None:
    """What was signed out with this Xero user's old token set lives on with the new one."""
    for other in standing.all_of(session, authorisation_id):
        if other.state == ConnectionState.ATTENTION and other.reason == standing.SIGNED_OUT:
            what = "Connected again: the same person signed in to Xero."
            standing.move(session, other, ConnectionState.CONNECTED, what=what)
            outbox.free(session, other.location_id, ["connection"])


def _fetch(connection_id: int) -> str:
    """Fetch the chart of accounts at once, so that the mapping page has choices; a job does it otherwise."""
    try:
        organisations.refresh(connection_id)
        return ""
    except (XeroError, NotNow, ConnectAgain) as error:
        log.warning(
            "consents.no_facts", extra={"connection_id": connection_id, "error": type(error).__name__}
        )
        bell.ring("jobs.housekeeping.facts", connection_id)
        return " Its chart of accounts is still being fetched."


def _outcome(run: Run, sentence: str, *, ok: bool) -> Outcome:
    return Outcome(db.session.get_one(Location, run.location_id), sentence, ok)


def _row(state: str) -> str:
    return f"consent_runs:{_hash(state)}"


def _hash(state: str) -> str:
    return hashlib.sha256(state.encode()).hexdigest()
