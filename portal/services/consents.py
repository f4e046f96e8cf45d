"""Connecting a location to a Xero organisation: from the button to the first fetched chart of accounts.

developer.xero.com, OAuth 2.0 auth flow and Managing connections.
"""

import hashlib
import logging
import secrets as random
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, or_, update

from portal import bell, clock
from portal.config import settings
from portal.errors import ChooseAgain, NotAllowed
from portal.extensions import db
from portal.models import ConsentRun, Location, User
from portal.services import choosing, secrets, settling, standing, tokens, withdrawing
from portal.services.settling import Candidate
from portal.services.settling import Outcome as Outcome
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
CHOOSE = (
    "You allowed several organisations in Xero. Choose the one you mean; nothing is connected until then."
)


@dataclass(frozen=True)
class Run:
    """A started consent, taken out of the database so that no other answer can use it."""

    id: int
    location_id: int
    began_at: datetime
    verifier: str


class Refused(Exception):
    """The consent was understood and is not acted upon; the message is the sentence for the person."""


def begin(location: Location, user: User, session_id: int, *, overpayments: bool = False) -> str:
    """Start a consent and answer the address of Xero's page.

    With `overpayments` Xero is asked for bank transactions as well; what it has allowed before is asked for again.
    It ends with this session, after 10 minutes or with its first use. Raises NotAllowed for people who may
    only look.
    """
    if not user.may_change:
        raise NotAllowed("You can look at this, but connecting needs an administrator.")
    more = overpayments or standing.overpayments_allowed(db.session(), location.id)
    app, state, verifier = settings(), random.token_urlsafe(32), oauth.new_verifier()
    with transaction() as session:
        over = or_(ConsentRun.offered.is_(None), ConsentRun.settled_at.is_not(None))
        old = ConsentRun.expires_at < clock.now() - timedelta(days=1)
        session.execute(delete(ConsentRun).where(old, over))
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
    scopes = (*oauth.NEEDED_SCOPES, *([oauth.OVERPAYMENTS] if more else []))
    return oauth.authorize_url(
        app.xero_authorize_url, app.xero_client_id, app.redirect_uri, scopes, state, verifier
    )


def complete(state: str | None, code: str | None, error: str | None, session_id: int, user: User) -> Outcome:
    """Finish a consent with what Xero's redirect carried.

    Answers an Outcome for every end of a consent that this person began in this session; with `choice` where a
    person has to say which organisation is meant, or that it really is. Raises ChooseAgain when there is no
    such consent: unknown, foreign, used or older than 10 minutes.
    """
    run = _take(state or "", session_id, user)
    try:
        authorisation_id, found = _allowed(run, code, error)
        asked = CHOOSE if len(found) > 1 else settling.doubt(run.location_id, found[0])
        if asked:
            return _ask(run, authorisation_id, found, asked)
        connection_id, sentence = settling.connect(run.location_id, authorisation_id, found[0], user.id)
    except Refused as refused:
        return _outcome(run, str(refused), ok=False)
    sentence += settling.fetch(connection_id)
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
        return Run(
            row.id, row.location_id, row.expires_at - LIFE, secrets.open(row.verifier_sealed, _row(state))
        )


def _allowed(run: Run, code: str | None, error: str | None) -> tuple[int, list[Candidate]]:
    """Whose sign-in it is, and the organisations that were allowed; at least one. Raises Refused."""
    if error == "access_denied":
        raise Refused(CANCELLED)
    if error or not code:
        raise Refused(REFUSED.format(word=(error or "no code")[:60]))
    release()
    token_set = _exchanged(run, code)
    authorisation_id, scopes = _keep(token_set)
    try:
        facts = _granted(run, token_set)
    except XeroError as unheard:
        _give_back(run, authorisation_id, [], now=False)
        raise Refused(NO_ANSWER) from unheard
    lacking = standing.missing(scopes)
    if lacking or not facts:
        _give_back(run, authorisation_id, facts)
        raise Refused(NOT_ENOUGH.format(words=standing.in_words(lacking)) if lacking else NO_ORGANISATION)
    return authorisation_id, [Candidate.of(fact) for fact in facts]


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
        withdrawing.postpone(session, row.id)
        tokens.look_at_scopes(session, row)
        doubtful = [] if standing.missing(row.scopes) else settling.revive(session, row.id)
        authorisation_id, scopes = row.id, list(row.scopes)
    for connection_id in doubtful:
        bell.ring("jobs.housekeeping.examine", connection_id)
    return authorisation_id, scopes


def _granted(run: Run, token_set: TokenSet) -> list[ConnectionFact]:
    """The organisations just allowed: those of this consent's event, else the ones changed since it began."""
    api, access = settings().xero_api_url, token_set.access_token
    if token_set.auth_event_id:
        found = _organisations(oauth.connections(api, access, token_set.auth_event_id))
        if found:
            return found
    since = run.began_at - SKEW
    changed = _organisations(oauth.connections(api, access))
    return [each for each in changed if each.updated_at and each.updated_at >= since]


def _organisations(found: list[ConnectionFact]) -> list[ConnectionFact]:
    return [each for each in found if each.tenant_type == "ORGANISATION"]


def _ask(run: Run, authorisation_id: int, found: list[Candidate], why: str) -> Outcome:
    choice = choosing.offer(run.id, authorisation_id, found)
    return Outcome(db.session.get_one(Location, run.location_id), why, False, choice)


def _give_back(run: Run, authorisation_id: int, facts: list[ConnectionFact], *, now: bool = True) -> None:
    """What this consent made at Xero and is not acted upon: its organisations, or the unused sign-in alone."""
    unwanted = [(fact.id, fact.tenant_name) for fact in facts] or [("", "")]
    with transaction() as session:
        plans = [
            withdrawing.plan(session, run.location_id, authorisation_id, xero_id, name)
            for xero_id, name in unwanted
        ]
    for withdrawal_id in plans if now else []:
        withdrawing.carry_out(withdrawal_id)


def _outcome(run: Run, sentence: str, *, ok: bool) -> Outcome:
    return Outcome(db.session.get_one(Location, run.location_id), sentence, ok)


def _row(state: str) -> str:
    return f"consent_runs:{_hash(state)}"


def _hash(state: str) -> str:
    return hashlib.sha256(state.encode()).hexdigest()
