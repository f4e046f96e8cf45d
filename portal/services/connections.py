"""A location's link to Xero: where it stands, and what a person or Xero may do to it."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import bell, clock
from portal.config import settings
from portal.errors import ChooseAgain, ConnectAgain, NotNow
from portal.extensions import db
from portal.models import Connection, ConnectionEvent, ConnectionState, Location, User
from portal.services import audit, organisations, outbox, standing, tokens, withdrawing
from portal.services.unit import release, transaction
from portal.xero import oauth
from portal.xero.client import XeroClient
from portal.xero.errors import AccessDenied, ScopeMissing, XeroError
from portal.xero.oauth import ConnectionFact

log = logging.getLogger(__name__)

NOT_CONNECTED = "This location is not connected to Xero. Press Connect first."
GONE = (
    "{name} is no longer connected: it was disconnected inside Xero, or the person who connected it "
    "has left. Reconnect to go on; what waits is sent then."
)
ROLE = (
    "{name} lets the portal in but refuses its requests: the person who connected it may no longer "
    "work there. Reconnect with a person who has the Standard or Adviser role."
)
DEMO_GONE = (
    "Xero no longer has {name} as it was: the demo company starts anew every 28 days, or it was disconnected inside "
    "Xero. Reconnect and choose it again; it then counts as another organisation."
)
LATER = (
    "{name} is disconnected here. Xero could not be told yet; that is tried again by itself until it works."
)
TOO_LATE = (
    "{name} is disconnected here, but Xero had ended our sign-in and could not be told. "
    "If Xero still lists the app under Connected apps, remove it there as well."
)
UNSEEN = "Not looked at: {what} has to be in order first."
ACTIONS = {
    "CreateApprovedInvoice": "approve invoices",
    "CreateInvoicePayment": "record payments",
}


@dataclass(frozen=True)
class Check:
    """One thing that "Test connection" looked at. `ok` is None where it could not be known."""

    name: str
    ok: bool | None
    sentence: str


@dataclass(frozen=True)
class Finding:
    """What Xero itself says of a connection. `reason` is why it needs a person, None where all is well."""

    reason: str | None
    fact: ConnectionFact | None = None


def of(location_id: int) -> Connection | None:
    """The location's connection, whatever its state; None when it never had one."""
    return db.session.scalar(select(Connection).where(Connection.location_id == location_id))


def events(location_id: int, most: int = 20) -> list[ConnectionEvent]:
    """What happened to the location's connection, newest first."""
    found = db.session.scalars(
        select(ConnectionEvent)
        .where(ConnectionEvent.location_id == location_id)
        .order_by(ConnectionEvent.id.desc())
        .limit(most)
    )
    return list(found)


def mark(connection_id: int, state: ConnectionState, reason: str | None) -> None:
    """Give a connection this state for a reason that a person can read. One that is disconnected stays so."""
    with transaction() as session:
        connection = _locked(session, connection_id)
        if connection.state != ConnectionState.DISCONNECTED:
            standing.move(session, connection, state, reason, what=reason or f"Now {state}.")


def pause(location_id: int, user: User) -> None:
    """Stop sending until somebody resumes; what comes meanwhile waits. Raises ChooseAgain."""
    with transaction() as session:
        connection = _of(session, location_id)
        if connection.state != ConnectionState.CONNECTED:
            raise ChooseAgain("Only a connection that sends can be paused.")
        what = f"Paused by {user.name}."
        standing.move(session, connection, ConnectionState.PAUSED, what, what=what, user=user)
        audit.note(session, user, location_id, "connections.pause")


def resume(location_id: int, user: User) -> None:
    """Send again what waited meanwhile. Raises ChooseAgain when the connection is not paused."""
    with transaction() as session:
        connection = _of(session, location_id)
        if connection.state != ConnectionState.PAUSED:
            raise ChooseAgain("This connection is not paused.")
        _go_on(session, connection, f"Resumed by {user.name}.", user)
        audit.note(session, user, location_id, "connections.resume")
        connection_id = connection.id
    bell.ring("jobs.pushes.drain", connection_id)


def disconnect(location_id: int, user: User) -> str:
    """Disconnect here and at Xero; a sentence that says what happened. Raises ChooseAgain when not connected.

    Mappings, links and waiting documents are kept. Other locations of the same Xero user go on working. Nothing is
    sent from here on; where Xero cannot be told now, a job tells it later.
    """
    user_id = user.id
    with transaction() as session:
        connection = _of(session, location_id)
        name = connection.name
        what = f"Disconnected from {name} by {user.name}."
        standing.move(session, connection, ConnectionState.DISCONNECTED, what, what=what, user=user)
        connection.doubted_at = None
        audit.note(session, user, location_id, "connections.disconnect", f"{name} ({connection.tenant_id})")
        withdrawal_id = withdrawing.plan(
            session, location_id, connection.authorisation_id, connection.xero_connection_id, name
        )
    told = withdrawing.carry_out(withdrawal_id)
    if told and withdrawing.outcome(withdrawal_id) != withdrawing.TOO_LATE:
        return f"{name} is disconnected. Your mapping is kept, and what waits is sent when you reconnect."
    sentence = (TOO_LATE if told else LATER).format(name=name)
    with transaction() as session:
        standing.tell(session, location_id, sentence, session.get(User, user_id))
    return sentence


def examine(connection_id: int) -> ConnectionState:
    """Find out at Xero whether a connection still holds, and mark it; after an odd 401 or 403, and daily.

    Renews the sign-in once, looks at the list of connections, the permissions and the organisation itself;
    only what these say counts, never the one odd answer. Raises NotNow when it cannot be known at the moment.
    """
    connection = db.session.get_one(Connection, connection_id, populate_existing=True)
    state, name = ConnectionState(connection.state), connection.name
    if state == ConnectionState.DISCONNECTED:
        return state
    demo, address = connection.demo, organisations.address_of(connection_id)
    try:
        finding = _look(address, name, demo)
    except ConnectAgain:
        return ConnectionState(db.session.get_one(Connection, connection_id, populate_existing=True).state)
    except (XeroError, NotNow) as error:
        _doubt(connection_id)
        log.warning(
            "connections.unknown", extra={"connection_id": connection_id, "error": type(error).__name__}
        )
        raise NotNow("Xero did not say whether the connection holds.") from error
    now = conclude(connection_id, finding)
    if now == ConnectionState.CONNECTED != state:
        bell.ring("jobs.pushes.drain", connection_id)
    return now


def doubtful() -> list[int]:
    """Connections that met a refusal which could not be explained yet."""
    found = db.session.scalars(
        select(Connection.id).where(
            Connection.doubted_at.is_not(None),
            Connection.state.in_((ConnectionState.CONNECTED, ConnectionState.PAUSED)),
        )
    )
    return list(found)


def gone(connection: Connection) -> str:
    """Why a connection that Xero no longer lists is gone, in words."""
    return (DEMO_GONE if connection.demo else GONE).format(name=connection.name)


def test(location: Location) -> list[Check]:
    """Look at sign-in, organisation, permissions and role one by one and say what each one found.

    Changes nothing. Raises ChooseAgain when the location is not connected.
    """
    connection = of(location.id)
    if connection is None or connection.state == ConnectionState.DISCONNECTED:
        raise ChooseAgain(NOT_CONNECTED)
    name, scopes = connection.name, list(connection.authorisation.scopes)
    missing, address = gone(connection), organisations.address_of(connection.id)
    sign_in = _tried("Sign-in", lambda: _test_credential(address))
    if sign_in.ok is False:
        unseen = UNSEEN.format(what="the sign-in")
        return [
            sign_in,
            Check("Organisation", None, unseen),
            _test_scopes(scopes),
            Check("Role", None, unseen),
        ]
    organisation = _tried("Organisation", lambda: _test_organisation(address, name, missing))
    if organisation.ok is False:
        role = Check("Role", None, UNSEEN.format(what="the organisation"))
    else:
        role = _tried("Role", lambda: _test_role(address, name))
    return [sign_in, organisation, _test_scopes(scopes), role]


def note_checked(connection_id: int) -> None:
    """Write down that the connection was looked at just now and holds."""
    with transaction() as session:
        _locked(session, connection_id).checked_at = clock.now()


def _tried(name: str, look: Callable[[], tuple[bool, str]]) -> Check:
    try:
        return Check(name, *look())
    except ConnectAgain as error:
        return Check(name, False, str(error))
    except AccessDenied:
        return Check(name, False, "Xero refuses the portal in this organisation. Reconnect.")
    except (NotNow, XeroError) as error:
        return Check(name, None, f"Not known at the moment: {error}")


def _test_credential(address: organisations.Address) -> tuple[bool, str]:
    tokens.access_token(address.authorisation_id)
    return True, "Xero accepts the portal's sign-in."


def _test_organisation(address: organisations.Address, name: str, missing: str) -> tuple[bool, str]:
    token = tokens.access_token(address.authorisation_id)
    listed = oauth.connections(settings().xero_api_url, token)
    if any(each.tenant_id == address.tenant_id for each in listed):
        return True, f"{name} is connected in Xero."
    return False, missing


def _test_scopes(scopes: list[str]) -> Check:
    if lacking := standing.missing(scopes):
        return Check("Permissions", False, standing.lacking(lacking))
    return Check("Permissions", True, "Xero lets the portal do everything it needs.")


def _test_role(address: organisations.Address, name: str) -> tuple[bool, str]:
    if refused := _refused(organisations.ask(address, XeroClient.actions)):
        return (
            False,
            f"In {name}, Xero does not let this person {' or '.join(refused)}. Reconnect with one who may.",
        )
    return True, "The person who connected may write invoices and payments."


def _look(address: organisations.Address, name: str, demo: bool) -> Finding:
    token = tokens.access_token(address.authorisation_id)
    token = tokens.renew(address.authorisation_id, token)
    release()
    listed = oauth.connections(settings().xero_api_url, token)
    fact = next((each for each in listed if each.tenant_id == address.tenant_id), None)
    if fact is None:
        return Finding((DEMO_GONE if demo else GONE).format(name=name))
    try:
        allowed = organisations.ask(address, XeroClient.actions)
    except AccessDenied:
        return Finding(ROLE.format(name=name), fact)
    except ScopeMissing:
        return Finding(standing.lacking(["accounting.settings.read"]), fact)
    return Finding(ROLE.format(name=name) if _refused(allowed) else None, fact)


def _refused(allowed: dict[str, bool]) -> list[str]:
    return [words for action, words in ACTIONS.items() if allowed.get(action) is False]


def conclude(connection_id: int, finding: Finding) -> ConnectionState:
    """Mark a connection by what Xero said of it, a new name of the organisation included; its state now."""
    with transaction() as session:
        connection = _locked(session, connection_id)
        if connection.state == ConnectionState.DISCONNECTED:
            return ConnectionState.DISCONNECTED
        reason = finding.reason or _lacking(connection)
        if reason:
            standing.need_attention(session, [connection], reason)
        else:
            connection.checked_at = connection.last_success_at = clock.now()
            _recover(session, connection)
        if finding.fact is not None:
            connection.xero_connection_id = finding.fact.id
            organisations.take_name(session, connection, finding.fact.tenant_name)
        connection.doubted_at = None
        return ConnectionState(connection.state)


def _doubt(connection_id: int) -> None:
    with transaction() as session:
        connection = _locked(session, connection_id)
        if connection.state != ConnectionState.DISCONNECTED:
            connection.doubted_at = connection.doubted_at or clock.now()


def _lacking(connection: Connection) -> str | None:
    lacking = standing.missing(connection.authorisation.scopes)
    return standing.lacking(lacking) if lacking else None


def _recover(session: Session, connection: Connection) -> None:
    if connection.state == ConnectionState.ATTENTION:
        _go_on(session, connection, "Xero answers again; sending goes on.", None)


def _go_on(session: Session, connection: Connection, what: str, user: User | None) -> None:
    standing.move(session, connection, ConnectionState.CONNECTED, what=what, user=user)
    outbox.free(session, connection.location_id, ["connection"])


def _of(session: Session, location_id: int) -> Connection:
    connection = session.scalar(
        select(Connection).where(Connection.location_id == location_id).with_for_update()
    )
    if connection is None or connection.state == ConnectionState.DISCONNECTED:
        raise ChooseAgain(NOT_CONNECTED)
    return connection


def _locked(session: Session, connection_id: int) -> Connection:
    return session.get_one(Connection, connection_id, with_for_update=True, populate_existing=True)
