"""Drain one connection: everything due for it, in order, in batches, under one lease."""

import logging
from datetime import datetime, timedelta

from sqlalchemy import select

from portal import bell, clock, failpoints
from portal.errors import ConnectAgain, LeaseLost, NotNow
from portal.extensions import db
from portal.models import Connection, Document, Operation, Push
from portal.services import (
    batching,
    due,
    failing,
    housekeeping,
    leases,
    matching,
    organisations,
    outbox,
    reading_back,
    recording,
    resolving,
    sending,
    windows,
)
from portal.services.unit import release, transaction
from portal.services.work import Work
from portal.xero.errors import AccessDenied, Busy, ScopeMissing, SignInExpired, XeroError

log = logging.getLogger(__name__)

FRESH_BOOKS = timedelta(seconds=30)
A_DAY = timedelta(days=1)
ORDER = (
    (Document.CONTACT, Operation.CREATE),
    (Document.CONTACT, Operation.UPDATE),
    (Document.INVOICE, Operation.CREATE),
    (Document.INVOICE, Operation.UPDATE),
    (Document.INVOICE, Operation.RECODE),
    (Document.PAYMENT, Operation.VOID),
    (Document.PAYMENT, Operation.CREATE),
    (Document.CREDIT_NOTE, Operation.CREATE),
    (Document.REFUND, Operation.CREATE),
    (Document.INVOICE, Operation.VOID),
)


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
        _rest(connection_id, fence, refusal)
    except XeroError as error:
        _stumble(connection_id, fence, error)


def _read_books_again(work: Work) -> None:
    """Xero refused an account or a tax rate that we thought good: our copy of its books is old."""
    if not work.books_changed:
        return
    fetched = db.session.get_one(Connection, work.connection_id).facts_fetched_at
    release()
    if fetched is None or fetched < clock.now() - FRESH_BOOKS:
        bell.ring("jobs.housekeeping.facts", work.connection_id)


def _carry(work: Work) -> None:
    resolving.resolve(work)
    if work.going:
        _know_the_books(work)
    for document, operation in ORDER:
        if (document, operation) == (Document.CONTACT, Operation.CREATE) and work.going:
            _know_the_contacts(work)
        if document == Document.INVOICE and operation in reading_back.CHANGES and work.going:
            reading_back.read(work, operation)
        while work.going and (ids := batching.prepare(work.connection_id, work.fence, document, operation)):
            failpoints.here("after_prepare")
            sending.send(work, ids, recording.record)
        if work.going and (document, operation) == (Document.INVOICE, Operation.CREATE):
            resolving.check_taken(work)


def _know_the_books(work: Work) -> None:
    fetched = db.session.get_one(Connection, work.connection_id).facts_fetched_at
    release()
    if fetched is None:
        organisations.refresh(work.connection_id)
        work.calls += 4


def _know_the_contacts(work: Work) -> None:
    """Where a contact is to go, and once a day: only the directory tells which contacts were merged in Xero."""
    wanted = db.session.scalar(
        select(Push.id)
        .where(
            Push.location_id == work.location_id,
            Push.document == Document.CONTACT,
            outbox.ready(clock.now(), work.tenant_id),
        )
        .limit(1)
    )
    fetched = db.session.get_one(Connection, work.connection_id).contacts_fetched_at
    release()
    old = fetched is not None and fetched < clock.now() - A_DAY
    if wanted is not None or old:
        work.calls += matching.refresh(work.client, work.connection_id, work.fence, force=_clashed(work))


def _clashed(work: Work) -> bool:
    """Whether Xero has said that it knows a contact which the directory does not."""
    found = db.session.scalar(
        select(Push.id)
        .where(
            Push.location_id == work.location_id,
            Push.document == Document.CONTACT,
            Push.message == failing.TAKEN,
        )
        .limit(1)
    )
    release()
    return found is not None


def _rest(connection_id: int, fence: int, refusal: NotNow) -> None:
    with transaction() as session:
        row = leases.hold(session, connection_id, fence)
        row.rest_until = refusal.retry_at or clock.now() + windows.pause(1)
        row.rest_reason = refusal.reason[:20]


def _stumble(connection_id: int, fence: int, error: XeroError) -> None:
    """Xero, or the way to it, is in trouble: what was sent is on record, so it is only a matter of when to go on."""
    log.warning("drain.stumbled", extra={"connection": connection_id, "error": repr(error)})
    with transaction() as session:
        row = leases.hold(session, connection_id, fence)
        row.stumbles += 1
        row.rest_until = max(row.rest_until or clock.now(), _after_stumbling(row.stumbles, error))
        row.rest_reason = row.rest_reason if isinstance(error, Busy) else "trouble"
    if isinstance(error, SignInExpired | AccessDenied | ScopeMissing):
        housekeeping.examine(connection_id)


def _after_stumbling(stumbles: int, error: XeroError) -> datetime:
    asked = timedelta(seconds=error.retry_after) if isinstance(error, Busy) and error.retry_after else None
    return clock.now() + (asked or windows.pause(stumbles - 1))
