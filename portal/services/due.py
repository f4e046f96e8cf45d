"""What wants doing now, asked of the database by state; the ticker rings for it."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import cache

from sqlalchemy import Select, and_, bindparam, or_, select, union_all

from portal import clock
from portal.extensions import db
from portal.models import UNSETTLED, Batch, Connection, ConnectionState, Push
from portal.models.among import among
from portal.models.base import Moment
from portal.services import (
    approvals,
    catching_up,
    choosing,
    cutoff,
    delivering,
    heartbeats,
    intake,
    leases,
    looking_up,
    mailing,
    notices,
    organisations,
    readiness,
    reconciliation,
    retention,
    rollcall,
    tokens,
    withdrawing,
)
from portal.services import connections as links
from portal.services.unit import release

DRAIN = "jobs.pushes.drain"
MINUTE = 60
Job = tuple[str, tuple[int, ...]]


def jobs(second: int) -> Iterator[Job]:
    """Jobs to ring for in this second of the ticker: deliveries, pushes and letters always, the rest now and then."""
    if intake.waiting():
        yield intake.JOB, ()
    for location_id in looking_up.due():
        yield looking_up.JOB, (location_id,)
    for location_id in catching_up.due():
        yield catching_up.JOB, (location_id,)
    for endpoint_id in delivering.due():
        yield delivering.JOB, (endpoint_id,)
    if mailing.waiting():
        yield mailing.JOB, ()
    for connection_id in connections():
        yield DRAIN, (connection_id,)
    if second % 5 == 0:
        for location_id in notices.due(every=second % MINUTE == 0):
            yield notices.JOB, (location_id,)
    if second % MINUTE == 0:
        yield from _slow_jobs()


def connections(some: Sequence[int] | None = None) -> list[int]:
    """Connections, of all or of `some`, with something to do now that nobody works on, the longest waiting first."""
    ids = list(db.session.scalars(_connections(some is not None), leases.moments() | {"ids": some}))
    release()
    return ids


@cache
def _connections(some: bool) -> Select[int]:
    """Asked every second and after each drain, so the statement is made once."""
    moment = bindparam("moment", None, Moment)
    a_day_is_there = or_(Connection.day_used_until.is_(None), Connection.day_used_until <= moment)
    goes = or_(a_day_is_there, Push.updated_at > Connection.day_used_at)
    push_due = (
        select(Push.id)
        .where(
            Push.location_id == Connection.location_id, readiness.ready(moment, Connection.tenant_id), goes
        )
        .exists()
    )
    batch_due = (
        select(Batch.id)
        .where(
            Batch.connection_id == Connection.id,
            Batch.tenant_id == Connection.tenant_id,
            Batch.state.in_(UNSETTLED),
            or_(and_(Batch.resolve_at.is_(None), a_day_is_there), Batch.resolve_at <= moment),
        )
        .exists()
    )
    found = select(Connection.id).where(
        Connection.state == ConnectionState.CONNECTED,
        or_(Connection.rest_until.is_(None), Connection.rest_until <= moment),
        leases.is_free(),
        or_(push_due, batch_due),
        *([among(Connection.id, "ids")] if some else []),
    )
    return found.order_by(Connection.rest_until, Connection.id)


def rests_that_end(within: float) -> list[tuple[float, int]]:
    """Connections whose rest ends in the next seconds, the first one first, with the seconds until then."""
    moment = clock.now()
    soon = moment + timedelta(seconds=within)
    ends = [
        select(ends_at.label("ends_at"), Connection.id).where(
            Connection.state == ConnectionState.CONNECTED, ends_at > moment, ends_at <= soon
        )
        for ends_at in (Connection.rest_until, Connection.day_used_until)
    ]
    rows = db.session.execute(union_all(*ends).order_by("ends_at"))
    found = [((until - moment).total_seconds(), connection_id) for until, connection_id in rows if until]
    release()
    return found


def _slow_jobs() -> Iterator[Job]:
    heartbeats.forget()
    catching_up.start_nightly()
    reconciliation.start_nightly()
    for location_id in reconciliation.due():
        yield reconciliation.JOB, (location_id,)
    if retention.due():
        yield "jobs.housekeeping.forget", ()
    for authorisation_id in tokens.refresh_due():
        yield "jobs.tokens.refresh", (authorisation_id,)
    for connection_id in organisations.stale():
        yield "jobs.housekeeping.facts", (connection_id,)
    for authorisation_id in rollcall.due():
        yield "jobs.housekeeping.roll_call", (authorisation_id,)
    for connection_id in links.doubtful():
        yield "jobs.housekeeping.examine", (connection_id,)
    for connection_id in approvals.due():
        yield approvals.JOB, (connection_id,)
    for withdrawal_id in withdrawing.due():
        yield "jobs.housekeeping.withdraw", (withdrawal_id,)
    for run_id in choosing.abandoned():
        yield "jobs.housekeeping.forget_choice", (run_id,)
    for connection_id in cutoff.unfinished():
        yield "jobs.housekeeping.take_up", (connection_id,)
