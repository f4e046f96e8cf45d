"""Drain one connection: everything due for it, in order, in batches, under one lease."""

import logging
from collections import deque
from datetime import datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError

from portal import bell, clock, failpoints
from portal.errors import ConnectAgain, LeaseLost, NotNow
from portal.extensions import db
from portal.models import Connection
from portal.services import (
    due,
    housekeeping,
    leases,
    organisations,
    planning,
    recording,
    resolving,
    resting,
    windows,
)
from portal.services.planning import Plan
from portal.services.sending import Flight
from portal.services.unit import release, transaction
from portal.services.work import Work
from portal.xero.errors import AccessDenied, Busy, ScopeMissing, SignInExpired, XeroError

log = logging.getLogger(__name__)

FRESH_BOOKS = timedelta(seconds=30)
A_DAY = timedelta(days=1)


def drain(connection_id: int) -> None:
    """Carry what is due over this connection, then give way. Does nothing while another worker is at it."""
    fence = leases.take(connection_id)
    if fence is None:
        return
    failpoints.here("after_lease")
    try:
        _drain(connection_id, fence)
    except LeaseLost:
        log.warning("drain.lease_lost", extra={"connection": connection_id, "fence": fence})
    finally:
        leases.release(connection_id, fence)
    if due.connections([connection_id]):
        bell.ring(due.DRAIN, connection_id)


def _drain(connection_id: int, fence: int) -> None:
    try:
        work = Work.begin(connection_id, fence)
        if work is not None:
            _carry(work)
            _read_books_again(work)
    except ConnectAgain:
        log.info("drain.signed_out", extra={"connection": connection_id})
    except NotNow as refusal:
        resting.rest(connection_id, fence, refusal)
    except XeroError as error:
        _stumble(connection_id, fence, error)
    except (LeaseLost, SQLAlchemyError):
        raise
    except Exception as error:
        log.exception("drain.broken", extra={"connection": connection_id})
        _stumble(connection_id, fence, error)
        raise


def _read_books_again(work: Work) -> None:
    """Xero refused an account or a tax rate that we thought good: our copy of its books is old."""
    if not work.books_changed:
        return
    fetched = db.session.get_one(Connection, work.connection_id).facts_fetched_at
    release()
    if fetched is None or fetched < clock.now() - FRESH_BOOKS:
        bell.ring("jobs.housekeeping.facts", work.connection_id)


def _carry(work: Work) -> None:
    """First what is open from before. Then up to five calls are in the air: as one lands, the next takes off."""
    plan = Plan(work, deque(resolving.resolve(work)))
    if work.going:
        _know_the_organisation(work)
    with Flight(work, recording.record) as flight:
        while _take_off(plan, flight) or (work.going and resolving.check_taken(work)):
            if flight.aloft:
                flight.land()
                plan.look_again()
    if flight.trouble is not None:
        raise flight.trouble


def _take_off(plan: Plan, flight: Flight) -> bool:
    """Launch what is written, and write ahead what goes next; whether anything is in the air."""
    while plan.work.going:
        if not plan.written:
            plan.write(flight)
        if not plan.written or not flight.room or not flight.launch(plan.written[0]):
            break
        plan.written.popleft()
    return flight.aloft > 0


def _know_the_organisation(work: Work) -> None:
    """Its books, if they were never read; its contacts once a day: only the list tells which were merged in Xero."""
    row = db.session.get_one(Connection, work.connection_id)
    books, contacts = row.facts_fetched_at, row.contacts_fetched_at
    release()
    if books is None:
        organisations.refresh(work.connection_id)
        work.calls += 4
    if contacts is not None and contacts < clock.now() - A_DAY:
        planning.know_contacts(work)


def _stumble(connection_id: int, fence: int, error: Exception) -> None:
    """Xero, the way to it or we are in trouble: what was sent is on record, so it is a matter of when to go on."""
    log.warning("drain.stumbled", extra={"connection": connection_id, "error": repr(error)})
    with transaction() as session:
        row = leases.hold(session, connection_id, fence)
        row.stumbles += 1
        row.rest_until = max(row.rest_until or clock.now(), _after_stumbling(row.stumbles, error))
        row.rest_reason = _reason(row, error)
    if isinstance(error, SignInExpired | AccessDenied | ScopeMissing):
        housekeeping.examine(connection_id)


def _reason(row: Connection, error: Exception) -> str | None:
    if isinstance(error, Busy):
        return row.rest_reason
    return "trouble" if isinstance(error, XeroError) else "bug"


def _after_stumbling(stumbles: int, error: Exception) -> datetime:
    asked = timedelta(seconds=error.retry_after) if isinstance(error, Busy) and error.retry_after else None
    return clock.now() + (asked or windows.pause(stumbles - 1))
