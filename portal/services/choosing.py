"""After coming back from Xero: when it is not clear what was meant, a person chooses and confirms.

Several organisations allowed at once, another organisation than before, or one that another location uses already:
nothing happens until somebody says so. What is not chosen is given back at Xero.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import bell, clock
from portal.errors import ChooseAgain, ConnectAgain, NotNow
from portal.extensions import db
from portal.models import (
    Connection,
    ConnectionState,
    ConsentRun,
    Document,
    Link,
    Location,
    Mapping,
    PushState,
    User,
)
from portal.services import audit, organisations, outbox, settling, standing, withdrawing
from portal.services.organisations import Address
from portal.services.settling import Candidate, Outcome
from portal.services.unit import transaction
from portal.xero import replies
from portal.xero.client import XeroClient
from portal.xero.errors import XeroError

log = logging.getLogger(__name__)

LIFE = timedelta(minutes=30)
MOST = 20
OVER = "This choice is over: it was made already, or half an hour has passed. Press Connect to start again."
NONE_SUCH = "Choose one of the organisations that you allowed in Xero."


@dataclass(frozen=True)
class Present:
    """The organisation that the location is linked to now."""

    tenant_id: str
    name: str
    country: str
    currency: str
    demo: bool
    connected_at: datetime
    last_sync: datetime | None
    documents: int
    mappings: int
    waiting: int


@dataclass(frozen=True)
class Option:
    """One organisation to choose: what Xero says of it, and what it would mean. None where Xero could not be asked."""

    tenant_id: str
    name: str
    country: str | None
    currency: str | None
    demo: bool | None
    last_sync: datetime | None
    documents: int
    mappings: int
    elsewhere: list[str]
    present: bool
    other: bool

    @property
    def needs_word(self) -> bool:
        """Whether it has to be confirmed that this is meant."""
        return self.other or bool(self.elsewhere)


@dataclass(frozen=True)
class Choice:
    """What a person has to decide, and until when."""

    id: int
    location: Location
    until: datetime
    present: Present | None
    options: list[Option]

    def option(self, tenant_id: str) -> Option | None:
        """The option of this organisation; the only one where there is no other."""
        if len(self.options) == 1 and not tenant_id:
            return self.options[0]
        return next((each for each in self.options if each.tenant_id == tenant_id), None)


def offer(run_id: int, authorisation_id: int, found: list[Candidate]) -> int:
    """Keep these organisations for a person to choose from; the id of the choice. Asks Xero what each one is."""
    known = [_look(authorisation_id, each) for each in found[:MOST]]
    with transaction() as session:
        row = session.get_one(ConsentRun, run_id, with_for_update=True, populate_existing=True)
        row.authorisation_id, row.offered = authorisation_id, [each.kept() for each in known]
        row.expires_at = clock.now() + LIFE
    return run_id


def choice(run_id: int, session_id: int, user: User) -> Choice:
    """What this person has to choose. Raises ChooseAgain when there is nothing to choose any more."""
    row = _mine(db.session(), run_id, session_id, user.id)
    location = row.location
    there = db.session.scalar(select(Connection).where(Connection.location_id == location.id))
    options = [_option(location, there, Candidate(**each)) for each in row.offered or []]
    return Choice(row.id, location, row.expires_at, _present(there), options)


def decide(run_id: int, tenant_id: str, session_id: int, user: User, *, sure: bool) -> Outcome:
    """Link the location to the chosen organisation. `sure` is the person's word where one is needed.

    Raises ChooseAgain when the choice is over, the organisation was not offered, or the word is missing.
    """
    with transaction() as session:
        row = _mine(session, run_id, session_id, user.id, lock=True)
        offered = [Candidate(**each) for each in row.offered or []]
        chosen = next((each for each in offered if each.tenant_id == tenant_id), None)
        if chosen is None or row.authorisation_id is None:
            raise ChooseAgain(NONE_SUCH)
        location_id = row.location_id
        connection_id, sentence = settling.connect(
            location_id, row.authorisation_id, chosen, row.user_id, sure=sure
        )
        unwanted = _settle(session, row, [each for each in offered if each != chosen])
    _tell_xero(unwanted)
    sentence += settling.fetch(connection_id)
    bell.ring("jobs.pushes.drain", connection_id)
    return Outcome(db.session.get_one(Location, location_id), sentence, True)


def decline(run_id: int, session_id: int, user: User) -> Outcome:
    """Leave everything as it was, and give back at Xero what was allowed. Raises ChooseAgain when it is over."""
    with transaction() as session:
        row = _mine(session, run_id, session_id, user.id, lock=True)
        location_id = row.location_id
        names = ", ".join(each["name"] for each in row.offered or [])
        unwanted = _settle(session, row, [Candidate(**each) for each in row.offered or []])
        what = f"Not connected to {names}: {user.name} kept things as they were."
        standing.tell(session, location_id, what, user)
        audit.note(session, user, location_id, "connections.decline", names)
    _tell_xero(unwanted)
    sentence = "Nothing was changed. What you allowed in Xero just now is given back."
    return Outcome(db.session.get_one(Location, location_id), sentence, False)


def abandoned() -> list[int]:
    """Choices that nobody made in time."""
    found = db.session.scalars(
        select(ConsentRun.id).where(
            ConsentRun.offered.is_not(None),
            ConsentRun.settled_at.is_(None),
            ConsentRun.expires_at <= clock.now(),
        )
    )
    return list(found)


def give_up(run_id: int) -> None:
    """Nobody chose in time: give back what was allowed."""
    with transaction() as session:
        row = session.get_one(ConsentRun, run_id, with_for_update=True, populate_existing=True)
        if row.settled_at is not None or row.offered is None or row.expires_at > clock.now():
            return
        what = "Not connected: nobody chose an organisation within half an hour."
        standing.tell(session, row.location_id, what)
        unwanted = _settle(session, row, [Candidate(**each) for each in row.offered])
    _tell_xero(unwanted)


def _look(authorisation_id: int, candidate: Candidate) -> Candidate:
    address = Address(0, authorisation_id, candidate.tenant_id)
    try:
        fact = replies.organisation_facts(organisations.ask(address, XeroClient.organisation))
    except (XeroError, NotNow, ConnectAgain) as error:
        log.info("choosing.not_seen", extra={"tenant": candidate.tenant_id, "error": type(error).__name__})
        return candidate
    return settling.seen(
        candidate, name=fact.name, country=fact.country, currency=fact.base_currency, demo=fact.is_demo
    )


def _mine(session: Session, run_id: int, session_id: int, user_id: int, *, lock: bool = False) -> ConsentRun:
    wanted = select(ConsentRun).where(
        ConsentRun.id == run_id,
        ConsentRun.session_id == session_id,
        ConsentRun.user_id == user_id,
        ConsentRun.offered.is_not(None),
        ConsentRun.settled_at.is_(None),
        ConsentRun.expires_at > clock.now(),
    )
    row = session.scalar(wanted.with_for_update() if lock else wanted)
    if row is None:
        raise ChooseAgain(OVER)
    return row


def _settle(session: Session, row: ConsentRun, unwanted: list[Candidate]) -> list[int]:
    """The choice is made, and what was not chosen goes back; the withdrawals."""
    row.settled_at = clock.now()
    permit = row.authorisation_id or 0
    return [
        withdrawing.plan(session, row.location_id, permit, each.xero_connection_id, each.name)
        for each in unwanted
    ]


def _tell_xero(withdrawals: list[int]) -> None:
    for withdrawal_id in withdrawals:
        bell.ring("jobs.housekeeping.withdraw", withdrawal_id)


def _present(there: Connection | None) -> Present | None:
    if there is None:
        return None
    about = there.organisation
    waiting = outbox.counts(there.location_id)
    on_the_way = sum(waiting[state] for state in (*outbox.OPEN, PushState.SENDING))
    return Present(
        there.tenant_id, there.name, str(about.get("country") or "–"), str(about.get("base_currency") or "–"),
        there.demo, there.connected_at, _last_sync(there.location_id, there.tenant_id),
        _documents(there.location_id, there.tenant_id), _mappings(there.location_id, there.tenant_id), on_the_way,
    )  # fmt: skip


def _option(location: Location, there: Connection | None, candidate: Candidate) -> Option:
    tenant = candidate.tenant_id
    known = there is not None and there.state != ConnectionState.DISCONNECTED and there.tenant_id == tenant
    return Option(
        tenant, candidate.name, candidate.country, candidate.currency, candidate.demo,
        _last_sync(location.id, tenant), _documents(location.id, tenant), _mappings(location.id, tenant),
        settling.sharers(db.session(), location, tenant), known, there is not None and there.tenant_id != tenant,
    )  # fmt: skip


def _last_sync(location_id: int, tenant_id: str) -> datetime | None:
    return db.session.scalar(
        select(func.max(Link.linked_at)).where(Link.location_id == location_id, Link.tenant_id == tenant_id)
    )


def _documents(location_id: int, tenant_id: str) -> int:
    return _count(Link, location_id, tenant_id, Link.document == Document.INVOICE)


def _mappings(location_id: int, tenant_id: str) -> int:
    return _count(Mapping, location_id, tenant_id)


def _count(table: type[Link] | type[Mapping], location_id: int, tenant_id: str, *more: object) -> int:
    wanted = select(func.count()).where(table.location_id == location_id, table.tenant_id == tenant_id, *more)  # type: ignore[arg-type]
    return db.session.scalar(wanted) or 0
