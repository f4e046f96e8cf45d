"""Catching up with HoopAI: every night and on demand, everything that a lost webhook could have hidden is read.

A catch-up goes page by page over many short jobs; its row says where to go on. Nobody sleeps for HoopAI's rate limit.
"""

import logging
from datetime import date, datetime, timedelta
from functools import partial

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal import bell, clock
from portal.errors import ChooseAgain, NotNow
from portal.extensions import db
from portal.models import CatchUp, CatchUpState, Connection, Location, Source, Stage, User
from portal.services import audit, catch_up_stages, hoop_reader, long_runs
from portal.services.catch_up_stages import Step
from portal.services.hoop_reader import Reader, TokenRefused
from portal.services.runs import Progress
from portal.services.unit import release, transaction

log = logging.getLogger(__name__)

JOB = "jobs.sources.catch_up"
DRAIN = "jobs.pushes.drain"
BUSY = timedelta(seconds=90)
MOST_TRIES = 20
QUIET_HOURS = range(2, 5)
BACKDATED = timedelta(days=60)
READS = {
    Stage.COLLECTIONS: "collections",
    Stage.PRODUCTS: "products",
    Stage.INVOICES: "invoices",
    Stage.MISSING: "invoices that it no longer lists",
    Stage.TRANSACTIONS: "payments",
}


def start(location_id: int, user: User | None = None) -> int:
    """Begin to catch up, or name the catch-up that runs already; its id. Raises ChooseAgain where it cannot."""
    source = db.session.scalar(select(Source).where(Source.location_id == location_id))
    if source is None or not source.readable:
        raise ChooseAgain("HoopAI cannot be read without an API token that it accepts. Enter one first.")
    cut_off = db.session.scalar(select(Connection.cut_off).where(Connection.location_id == location_id))
    if cut_off is None:
        raise ChooseAgain("Connect to Xero first; there is nothing to catch up with before that.")
    run_id = _begin(location_id, user, (cut_off - BACKDATED).date())
    bell.ring(JOB, location_id)
    return run_id


def cancel(location_id: int, user: User) -> bool:
    """Stop the catch-up that runs; what it has read stays. Whether one ran."""
    with transaction() as session:
        run = _running(session, location_id)
        if run is None:
            return False
        _finish(run, CatchUpState.CANCELLED, f"Stopped by {user.name}.")
        audit.note(session, user, location_id, "catch_up.cancel")
    return True


def latest(location_id: int) -> CatchUp | None:
    """The catch-up that runs, else the last one."""
    return db.session.scalar(
        select(CatchUp).where(CatchUp.location_id == location_id).order_by(CatchUp.id.desc()).limit(1)
    )


def progress(run: CatchUp) -> Progress:
    """How far a catch-up has come, in words."""
    going = run.state == CatchUpState.RUNNING
    now = f"Reading {READS[run.stage]} from HoopAI." if going else run.message or "Done."
    if going and run.next_at is not None and run.message:
        now = run.message
    changed = f"{run.changed:,} document{'' if run.changed == 1 else 's'} brought up to date"
    return Progress(
        total=run.total, done=run.seen, what="read", now=now, sums=(changed,), going=going, until=run.next_at
    )  # fmt: skip


def due() -> list[int]:
    """Locations whose catch-up can go on now and that no worker has in hand."""
    return long_runs.due(CatchUp)


def start_nightly() -> list[int]:
    """Begin tonight's catch-ups where it is a quiet hour; the locations. Called about once a minute."""
    able = (
        select(Location.id, Location.timezone)
        .join(Source, Source.location_id == Location.id)
        .join(Connection, Connection.location_id == Location.id)
        .where(Source.api_token_sealed.is_not(None), Source.api_refused_reason.is_(None))
    )
    tonight = long_runs.tonight(CatchUp, able, QUIET_HOURS)
    for location_id in tonight:
        start(location_id)
    return tonight


def go_on(location_id: int) -> bool:
    """Read on for a quarter of a minute at most; whether the catch-up has ended. Called by a job."""
    run_id = long_runs.claim(CatchUp, location_id, BUSY)
    if run_id is None:
        return True
    reader = hoop_reader.reader(location_id)
    if reader is None:
        _end(run_id, CatchUpState.FAILED, "There is no API token any more.")
        return True
    try:
        more = long_runs.carry_on(partial(_step, reader, run_id))
    except NotNow as wait:
        _pause(run_id, str(wait), wait.retry_at)
        return False
    except TokenRefused as refusal:
        _end(run_id, CatchUpState.FAILED, str(refusal))
        return True
    _ring_drain(location_id)
    if more:
        long_runs.set_free(CatchUp, run_id)
        bell.ring(JOB, location_id)
    return not more


def _begin(location_id: int, user: User | None, since: date) -> int:
    try:
        with transaction() as session:
            run = _running(session, location_id)
            if run is None:
                run = CatchUp(location_id=location_id, started_by_id=user.id if user else None, since=since)
                session.add(run)
                session.flush()
                if user:
                    audit.note(session, user, location_id, "catch_up.start")
            return run.id
    except IntegrityError:
        return db.session.scalars(select(CatchUp.id).where(long_runs.running(CatchUp, location_id))).one()


def _running(session: Session, location_id: int) -> CatchUp | None:
    return session.scalar(select(CatchUp).where(long_runs.running(CatchUp, location_id)).with_for_update())


def _step(reader: Reader, run_id: int) -> bool:
    """Read one page and apply it; whether there is more to do."""
    run = db.session.get_one(CatchUp, run_id)
    if run.state != CatchUpState.RUNNING:
        return False
    here = catch_up_stages.Here(run.location_id, run.stage, run.page, run.since, run.started_at)
    release()
    calls = reader.client.calls
    step = catch_up_stages.read_page(reader, here)
    with transaction() as session:
        run = session.get_one(CatchUp, run_id, with_for_update=True)
        if run.state != CatchUpState.RUNNING:
            return False
        run.calls += reader.client.calls - calls
        return _note(run, step)


def _note(run: CatchUp, step: Step) -> bool:
    if run.page == 0:
        run.total += step.total
    run.seen, run.changed, run.broken = (
        run.seen + step.read,
        run.changed + step.changed,
        run.broken + step.broken,
    )
    run.busy_until, run.next_at, run.tries, run.message = clock.now() + BUSY, None, 0, None
    stages = list(Stage)
    if step.next_page is not None:
        run.page = step.next_page
        return True
    if run.stage == stages[-1]:
        _finish(run, CatchUpState.DONE, None)
        return False
    run.stage, run.page = stages[stages.index(run.stage) + 1], 0
    return True


def _pause(run_id: int, sentence: str, until: datetime | None) -> None:
    with transaction() as session:
        run = session.get_one(CatchUp, run_id, with_for_update=True)
        run.tries += 1
        if run.tries > MOST_TRIES and run.state == CatchUpState.RUNNING:
            _finish(run, CatchUpState.FAILED, f"{sentence} Given up after {MOST_TRIES} tries.")
            return
        run.busy_until, run.message = None, sentence[:300]
        run.next_at = until or clock.now() + timedelta(seconds=30)


def _end(run_id: int, state: CatchUpState, sentence: str) -> None:
    with transaction() as session:
        run = session.get_one(CatchUp, run_id, with_for_update=True)
        if run.state == CatchUpState.RUNNING:
            _finish(run, state, sentence)


def _finish(run: CatchUp, state: CatchUpState, sentence: str | None) -> None:
    run.state, run.message, run.finished_at = state, sentence[:300] if sentence else None, clock.now()
    run.busy_until = run.next_at = None


def _ring_drain(location_id: int) -> None:
    connection_id = db.session.scalar(select(Connection.id).where(Connection.location_id == location_id))
    release()
    if connection_id is not None:
        bell.ring(DRAIN, connection_id)
