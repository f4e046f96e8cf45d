"""The end of a consent: one transaction in which a location is linked to an organisation."""

import logging
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import bell, clock
from portal.errors import ChooseAgain, ConnectAgain, NotNow
from portal.extensions import db
from portal.models import Connection, ConnectionState, Location, User
from portal.services import audit, organisations, outbox, standing, switching, withdrawing
from portal.services.unit import transaction
from portal.xero.errors import XeroError
from portal.xero.oauth import ConnectionFact

log = logging.getLogger(__name__)

ASK_FIRST = "This needs your word first: read what it means and confirm it."
OTHER = (
    "This location belongs to the Xero organisation {old}, and you allowed {new}. Nothing has changed yet: compare "
    "the two, then decide."
)
SHARED = (
    "{new} is connected to your location {locations} already. Nothing has changed yet: read what sharing it means, "
    "then decide."
)


@dataclass(frozen=True)
class Outcome:
    """How a consent ended: for which location, in words with the next step, and whether it is connected.

    `choice` names what a person has to decide before anything happens.
    """

    location: Location
    sentence: str
    ok: bool
    choice: int | None = None


@dataclass(frozen=True)
class Candidate:
    """An organisation that a consent may have meant; None where Xero could not be asked."""

    xero_connection_id: str
    tenant_id: str
    name: str
    country: str | None = None
    currency: str | None = None
    demo: bool | None = None

    @classmethod
    def of(cls, fact: ConnectionFact) -> "Candidate":
        """What the list of connections tells of it."""
        return cls(fact.id, fact.tenant_id, fact.tenant_name)

    def kept(self) -> dict[str, Any]:
        """As JSON keeps it."""
        return asdict(self)


def doubt(location_id: int, chosen: Candidate) -> str | None:
    """Why linking the location to this organisation needs a person's word first; None where it is plain."""
    location = db.session.get_one(Location, location_id)
    there = db.session.scalar(select(Connection).where(Connection.location_id == location_id))
    if there is not None and _moves(there, chosen.tenant_id):
        return OTHER.format(old=there.name, new=chosen.name)
    if shared := sharers(db.session(), location, chosen.tenant_id):
        return SHARED.format(new=chosen.name, locations=" and ".join(shared))
    return None


def sharers(session: Session, location: Location, tenant_id: str) -> list[str]:
    """The names of the agency's other locations that live on this organisation."""
    found = session.scalars(
        select(Location.name)
        .join(Connection, Connection.location_id == Location.id)
        .where(
            Location.agency_id == location.agency_id,
            Location.id != location.id,
            Connection.tenant_id == tenant_id,
            Connection.state != ConnectionState.DISCONNECTED,
        )
        .order_by(Location.name)
    )
    return list(found)


def connect(
    location_id: int, authorisation_id: int, chosen: Candidate, user_id: int, *, sure: bool = False
) -> tuple[int, str]:
    """Link the location to this organisation, in one transaction; the connection's id and a sentence.

    The same organisation as before keeps its cut-off; another one gets a new one. Raises ChooseAgain where a
    person's word is needed and was not given (`sure`).
    """
    with transaction() as session:
        user, location = session.get_one(User, user_id), session.get_one(Location, location_id)
        there = session.scalar(
            select(Connection).where(Connection.location_id == location_id).with_for_update()
        )
        shared = sharers(session, location, chosen.tenant_id)
        if (_moves(there, chosen.tenant_id) or shared) and not sure:
            raise ChooseAgain(ASK_FIRST)
        withdrawing.spare(session, chosen.xero_connection_id)
        connection = there or _new(session, location, chosen)
        sentence = _turn(session, connection, there is not None, chosen, authorisation_id)
        _connected(session, connection, authorisation_id, chosen, user, sentence, shared)
        return connection.id, sentence


def fetch(connection_id: int) -> str:
    """Fetch the chart of accounts at once, so that the mapping page has choices; words where a job has to do it."""
    try:
        organisations.refresh(connection_id)
        return ""
    except (XeroError, NotNow, ConnectAgain) as error:
        log.warning(
            "settling.no_facts", extra={"connection_id": connection_id, "error": type(error).__name__}
        )
        bell.ring("jobs.housekeeping.facts", connection_id)
        return " Its chart of accounts is still being fetched."


def revive(session: Session, authorisation_id: int) -> list[int]:
    """What was signed out with this Xero user's old token set lives on with the new one.

    Connections that need a person for another reason are named, for an examination.
    """
    others = [
        each for each in standing.all_of(session, authorisation_id) if each.state == ConnectionState.ATTENTION
    ]
    for other in others:
        if other.reason == standing.SIGNED_OUT:
            what = "Connected again: the same person signed in to Xero."
            standing.move(session, other, ConnectionState.CONNECTED, what=what)
            outbox.free(session, other.location_id, ["connection"])
    return [each.id for each in others if each.state == ConnectionState.ATTENTION]


def _moves(there: Connection | None, tenant_id: str) -> bool:
    return there is not None and there.tenant_id != tenant_id


def _new(session: Session, location: Location, chosen: Candidate) -> Connection:
    connection = Connection(location_id=location.id, tenant_id=chosen.tenant_id, cut_off=clock.now())
    connection.organisation = {"name": chosen.name}
    connection.fence = 0
    session.add(connection)
    return connection


def _turn(
    session: Session, connection: Connection, known: bool, chosen: Candidate, authorisation_id: int
) -> str:
    """Where the connection was linked otherwise before, let go of that; the sentence for the person."""
    if not known:
        return f"{chosen.name} is connected. Choose accounts next; invoices created from now on are sent to it then."
    _let_go(session, connection, chosen, authorisation_id)
    if connection.tenant_id == chosen.tenant_id:
        if connection.state == ConnectionState.PAUSED:
            return f"{chosen.name} is connected again. Sending is still paused; press Resume to go on."
        return f"{chosen.name} is connected again. What was waiting is sent now; nothing is sent twice."
    old = connection.name
    left = switching.move(session, connection, chosen.tenant_id, chosen.name)
    many = f"{left} document{'s' if left != 1 else ''} not sent to {old} {'are' if left != 1 else 'is'} left out. "
    return (
        f"{chosen.name} is connected instead of {old}. Invoices created from now on are sent to it. "
        f"{many if left else ''}Choose accounts for {chosen.name} next."
    )


def _let_go(session: Session, connection: Connection, chosen: Candidate, authorisation_id: int) -> None:
    old = (connection.authorisation_id, connection.xero_connection_id)
    if connection.state == ConnectionState.DISCONNECTED or old == (
        authorisation_id,
        chosen.xero_connection_id,
    ):
        return
    unchanged = connection.xero_connection_id == chosen.xero_connection_id
    withdrawing.plan(session, connection.location_id, old[0], "" if unchanged else old[1], connection.name)


def _connected(
    session: Session,
    connection: Connection,
    authorisation_id: int,
    chosen: Candidate,
    user: User,
    said: str,
    shared: list[str],
) -> None:
    connection.authorisation_id = authorisation_id
    connection.xero_connection_id = chosen.xero_connection_id
    connection.connected_by_id, connection.connected_at = user.id, clock.now()
    connection.checked_at, connection.doubted_at = clock.now(), None
    connection.rest_until = connection.rest_reason = None
    connection.day_used_at = connection.day_used_until = None
    verb = "Connected" if connection.id is None else "Reconnected"
    what = f"{verb} to {chosen.name} by {user.name}."
    if shared:
        what += f" Shared with {', '.join(shared)}."
    paused = connection.state == ConnectionState.PAUSED
    if paused or not standing.move(session, connection, ConnectionState.CONNECTED, what=what, user=user):
        standing.tell(session, connection.location_id, what, user)
    audit.note(session, user, connection.location_id, "connections.connect", f"{said} ({chosen.tenant_id})")
    session.flush()
    if not paused:
        outbox.free(session, connection.location_id, ["connection", standing.NEEDS_MORE])


def seen(candidate: Candidate, **facts: Any) -> Candidate:
    """The candidate with what the organisation itself has told."""
    return replace(candidate, **facts)
