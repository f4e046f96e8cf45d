"""Reconciling a location with its organisation: every night and on demand, and never changing Xero by itself.

A run goes step by step over many short jobs; its row says where to go on. Nobody sleeps for Xero's limits.
"""

import logging
from datetime import date, datetime, timedelta
from functools import cache, partial

from sqlalchemy import Select, bindparam, delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from portal import bell, clock
from portal.errors import ChooseAgain, ConnectAgain, NotFoundHere, NotNow
from portal.extensions import db
from portal.models import (
    Connection,
    ConnectionState,
    Difference,
    Invoice,
    Location,
    Reconciliation,
    RunStage,
    RunState,
    User,
    XeroSeen,
)
from portal.services import audit, long_runs, reconciling
from portal.services.reconciling import Here, Step
from portal.services.unit import release, transaction
from portal.xero.errors import XeroError

log = logging.getLogger(__name__)

JOB = "jobs.reconciliation.go_on"
BUSY = timedelta(seconds=150)
AGAIN = timedelta(seconds=60)
MOST_TRIES = 30
QUIET_HOURS = range(1, 5)
SETTLING = timedelta(hours=4)
LONGEST = 400
KEPT_RUNS = 30
READABLE = (ConnectionState.CONNECTED, ConnectionState.PAUSED)
MOVED = "The location was connected to another organisation meanwhile."


def start(
    location_id: int, user: User | None = None, first: date | None = None, last: date | None = None
) -> int:
    """Begin to reconcile documents of these days, or name the run that goes on already; its id.

    Without days: from the first of the month before last, or the cut-off, until today. Raises ChooseAgain.
    """
    connection = db.session.scalar(select(Connection).where(Connection.location_id == location_id))
    if connection is None or connection.state not in READABLE:
        raise ChooseAgain("Xero's books can be read only while the location is connected. Connect it first.")
    first, last = _days(location_id, connection, first, last)
    run_id = _begin(location_id, connection.id, connection.tenant_id, user, first, last)
    bell.ring(JOB, location_id)
    return run_id


def cancel(location_id: int, user: User) -> bool:
    """Stop the run that goes on; whether one did."""
    with transaction() as session:
        run = _running(session, location_id)
        if run is None:
            return False
        _finish(session, run, RunState.CANCELLED, f"Stopped by {user.name}.")
        audit.note(session, user, location_id, "reconciliation.cancel")
    return True


def one(location_id: int, run_id: int) -> Reconciliation:
    """A run of this location. Raises NotFoundHere."""
    found = db.session.scalar(
        select(Reconciliation)
        .where(Reconciliation.location_id == location_id, Reconciliation.id == run_id)
        .options(joinedload(Reconciliation.started_by))
    )
    if found is None:
        raise NotFoundHere("There is no such reconciliation here.")
    return found


def latest(location_id: int, state: RunState | None = None) -> Reconciliation | None:
    """The last run, or the last one in this state."""
    found = select(Reconciliation).where(Reconciliation.location_id == location_id)
    if state is not None:
        found = found.where(Reconciliation.state == state)
    return db.session.scalar(
        found.options(joinedload(Reconciliation.started_by)).order_by(Reconciliation.id.desc()).limit(1)
    )


def agreed_at(location_id: int) -> datetime | None:
    """When the books were last read and nothing was amiss; None where the last whole run found something."""
    row = db.session.execute(_last_whole(), {"location": location_id}).one_or_none()
    return row.started_at if row is not None and row.differing == 0 else None


@cache
def _last_whole() -> Select[datetime, int]:
    """Every page asks this: made once."""
    return (
        select(Reconciliation.started_at, Reconciliation.differing)
        .where(Reconciliation.location_id == bindparam("location"), Reconciliation.state == RunState.DONE)
        .order_by(Reconciliation.id.desc())
        .limit(1)
    )


def due() -> list[int]:
    """Locations whose run can go on now and that no worker has in hand."""
    return long_runs.due(Reconciliation)


def start_nightly() -> list[int]:
    """Begin tonight's runs where it is a quiet hour; the locations. Called about once a minute."""
    able = (
        select(Location.id, Location.timezone)
        .join(Connection, Connection.location_id == Location.id)
        .where(Connection.state.in_(READABLE), Connection.connected_at < clock.now() - SETTLING)
    )
    tonight = long_runs.tonight(Reconciliation, able, QUIET_HOURS)
    for location_id in tonight:
        start(location_id)
    return tonight


def go_on(location_id: int) -> bool:
    """Go on for a quarter of a minute at most; whether the run has ended. Called by a job."""
    run_id = long_runs.claim(Reconciliation, location_id, BUSY)
    if run_id is None:
        return True
    try:
        more = long_runs.carry_on(partial(_step, run_id))
    except NotNow as wait:
        _pause(run_id, str(wait), wait.retry_at)
        return False
    except ConnectAgain as refusal:
        _end(run_id, str(refusal))
        return True
    except XeroError as error:
        log.info("reconciliation.stumbled", extra={"run_id": run_id, "error": repr(error)})
        _pause(run_id, error.message, None)
        return False
    except Exception:
        log.exception("reconciliation.broken", extra={"run_id": run_id})
        _pause(run_id, "Something broke on our side.", None)
        return False
    if more:
        long_runs.set_free(Reconciliation, run_id)
        bell.ring(JOB, location_id)
    return not more


def _days(
    location_id: int, connection: Connection, first: date | None, last: date | None
) -> tuple[date, date]:
    zone = db.session.scalar(select(Location.timezone).where(Location.id == location_id)) or "UTC"
    today = clock.now().astimezone(clock.zone(zone)).date()
    if any(day and not 2000 <= day.year <= 2100 for day in (first, last)):
        raise ChooseAgain("There are no books of that time.", {"first": "Choose a day of this century."})
    last = last or _last_day(location_id, today)
    if first is None:
        month = min(today, last).replace(day=1)
        for _ in range(2):
            month = (month - timedelta(days=1)).replace(day=1)
        first = min(max(month, connection.cut_off.astimezone(clock.zone(zone)).date()), last)
    if first > last:
        raise ChooseAgain("The first day comes after the last one.", {"first": "Choose an earlier day."})
    if (last - first).days > LONGEST:
        raise ChooseAgain(
            f"Choose {LONGEST} days at most; Xero's calls are counted.", {"first": "Choose a later day."}
        )
    return first, last


def _last_day(location_id: int, today: date) -> date:
    """Today, or the day of the latest invoice where that is dated ahead, a year at most."""
    ahead = db.session.scalar(
        select(func.max(Invoice.issue_date)).where(
            Invoice.location_id == location_id, Invoice.issue_date <= today + timedelta(days=300)
        )
    )
    return max(today, ahead or today)


def _begin(
    location_id: int, connection_id: int, tenant_id: str, user: User | None, first: date, last: date
) -> int:
    try:
        with transaction() as session:
            run = _running(session, location_id)
            if run is None:
                run = Reconciliation(
                    location_id=location_id, connection_id=connection_id, tenant_id=tenant_id, first=first, last=last,
                    started_by_id=user.id if user else None,
                    total=reconciling.ours_between(session, location_id, first, last),
                )  # fmt: skip
                session.add(run)
                session.flush()
                if user:
                    audit.note(session, user, location_id, "reconciliation.start", f"{first} to {last}")
            return run.id
    except IntegrityError:
        return db.session.scalars(
            select(Reconciliation.id).where(long_runs.running(Reconciliation, location_id))
        ).one()


def _running(session: Session, location_id: int) -> Reconciliation | None:
    going = long_runs.running(Reconciliation, location_id)
    return session.scalar(select(Reconciliation).where(going).with_for_update())


def _step(run_id: int) -> bool:
    """Do one step and put it down; whether there is more to do."""
    run = db.session.get_one(Reconciliation, run_id)
    if run.state != RunState.RUNNING:
        release()
        return False
    moved = db.session.scalar(select(Connection.tenant_id).where(Connection.id == run.connection_id))
    if moved != run.tenant_id:
        raise ConnectAgain(MOVED)
    here = Here(
        run.id, run.location_id, run.connection_id, run.tenant_id, run.stage, run.page, run.first, run.last
    )
    release()
    step = reconciling.step(here)
    with transaction() as session:
        run = session.get_one(Reconciliation, run_id, with_for_update=True)
        if run.state != RunState.RUNNING or (run.stage, run.page) != (here.stage, here.page):
            return False
        step.write(session, run)
        return _note(session, run, step)


def _note(session: Session, run: Reconciliation, step: Step) -> bool:
    if run.page == 0:
        run.total += step.total
    run.seen, run.calls, run.foreign = (
        run.seen + step.read,
        run.calls + step.calls,
        run.foreign + step.foreign,
    )
    run.busy_until, run.next_at, run.tries, run.message = clock.now() + BUSY, None, 0, None
    stages = list(RunStage)
    if step.next_page is not None:
        run.page = step.next_page
        return True
    if run.stage == stages[-1]:
        _finish(session, run, RunState.DONE, None)
        return False
    run.stage, run.page = stages[stages.index(run.stage) + 1], 0
    return True


def _pause(run_id: int, sentence: str, until: datetime | None) -> None:
    with transaction() as session:
        run = session.get_one(Reconciliation, run_id, with_for_update=True)
        if run.state != RunState.RUNNING:
            return
        run.tries += 0 if until else 1
        if run.tries > MOST_TRIES:
            _finish(session, run, RunState.FAILED, f"{sentence} Given up after {MOST_TRIES} tries.")
            return
        run.busy_until, run.message = None, sentence[:300]
        run.next_at = until or clock.now() + AGAIN


def _end(run_id: int, sentence: str) -> None:
    with transaction() as session:
        run = session.get_one(Reconciliation, run_id, with_for_update=True)
        if run.state == RunState.RUNNING:
            _finish(session, run, RunState.FAILED, sentence)


def _finish(session: Session, run: Reconciliation, state: RunState, sentence: str | None) -> None:
    run.state, run.message, run.finished_at = state, sentence[:300] if sentence else None, clock.now()
    run.busy_until = run.next_at = None
    session.execute(delete(XeroSeen).where(XeroSeen.run_id == run.id))
    if state == RunState.DONE:
        _forget_older(session, run)


def _forget_older(session: Session, run: Reconciliation) -> None:
    """Keep the last runs of a location with their differences, and no more."""
    older = list(
        session.scalars(
            select(Reconciliation.id)
            .where(Reconciliation.location_id == run.location_id, Reconciliation.state != RunState.RUNNING)
            .order_by(Reconciliation.id.desc())
            .offset(KEPT_RUNS)
        )
    )
    session.execute(delete(Difference).where(Difference.run_id.in_(older)))
    session.execute(delete(XeroSeen).where(XeroSeen.run_id.in_(older)))
    session.execute(delete(Reconciliation).where(Reconciliation.id.in_(older)))
