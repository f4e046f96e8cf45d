"""Runs that go on over many short jobs: one a location, in one worker's hand, begun by themselves at night."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, or_, select, update

from portal import clock
from portal.extensions import db
from portal.models import CatchUp, Location, Reconciliation
from portal.services.unit import release, transaction

Kind = type[CatchUp] | type[Reconciliation]
RUNNING = "running"
QUANTUM = 15.0
NIGHTLY = timedelta(hours=20)


def running(kind: Kind, location_id: int) -> ColumnElement[bool]:
    """The condition that a run is the one that goes on at this location."""
    return and_(kind.location_id == location_id, kind.state == RUNNING)


def due(kind: Kind) -> list[int]:
    """Locations whose run can go on now and that no worker has in hand."""
    found = db.session.scalars(
        select(kind.location_id)
        .where(kind.state == RUNNING, _free(kind, clock.now()))
        .order_by(kind.next_at)
        .limit(100)
    )
    return list(found)


def claim(kind: Kind, location_id: int, busy: timedelta) -> int | None:
    """Take the location's run in hand for a while; its id, or None when there is none or another has it."""
    moment = clock.now()
    wanted = select(kind.id).where(running(kind, location_id), _free(kind, moment)).with_for_update()
    with transaction() as session:
        run_id = session.scalar(wanted)
        if run_id is not None:
            session.execute(update(kind).where(kind.id == run_id).values(busy_until=moment + busy))
        return run_id


def carry_on(step: Callable[[], bool]) -> bool:
    """Do step after step for a quarter of a minute at most; whether there is more to do."""
    began = time.monotonic()
    while time.monotonic() - began < QUANTUM:
        if not step():
            return False
    return True


def set_free(kind: Kind, run_id: int) -> None:
    """Let go of a run; whoever rings for it next goes on."""
    with transaction() as session:
        session.execute(update(kind).where(kind.id == run_id).values(busy_until=None))


def tonight(kind: Kind, able: Select[int, str], hours: range) -> list[int]:
    """Which locations' nightly run begins now; `able` selects id and time zone of those that could have one.

    It is one of these hours there, and none has begun by itself in the last twenty.
    """
    moment = clock.now()
    had = select(kind.location_id).where(kind.started_by_id.is_(None), kind.started_at >= moment - NIGHTLY)
    rows = db.session.execute(able.where(Location.id.not_in(had))).all()
    release()
    return [location_id for location_id, zone in rows if moment.astimezone(clock.zone(zone)).hour in hours]


def _free(kind: Kind, moment: datetime) -> ColumnElement[bool]:
    waits = or_(kind.next_at.is_(None), kind.next_at <= moment)
    return and_(waits, or_(kind.busy_until.is_(None), kind.busy_until < moment))
