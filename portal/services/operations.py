"""What operators ask: is the portal ready, and how is it doing."""

from dataclasses import dataclass
from typing import Any

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import current_app
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import InstrumentedAttribute

from portal import bell, clock
from portal.extensions import db
from portal.models import Connection, EventState, InboundEvent, Push, PushState
from portal.services import heartbeats


@dataclass(frozen=True, slots=True)
class Part:
    """One thing the portal needs, whether it is there, and a word about it."""

    name: str
    ok: bool
    word: str


def readiness() -> list[Part]:
    """Database, migrations and Redis, asked now."""
    return [_database(), _migrations(), _redis()]


def numbers() -> dict[str, dict[str, float]]:
    """Gauges for monitoring: metric → label value → number; read from the database at the time of asking."""
    now = clock.now()
    waiting = (PushState.QUEUED, PushState.WAITING, PushState.SENDING)
    oldest = db.session.scalar(select(func.min(Push.updated_at)).where(Push.state == PushState.QUEUED))
    received = select(func.count()).where(InboundEvent.state == EventState.RECEIVED)
    signs = heartbeats.recent()
    lives = {kind: heartbeats.life(kind, signs) for kind in ("worker", "ticker")}
    return {
        "pushes": {state: float(count) for state, count in _by(Push.state)},
        "connections": {state: float(count) for state, count in _by(Connection.state)},
        "processes_alive": {kind: float(life.alive) for kind, life in lives.items()},
        "processes_failing": {kind: float(life.failing) for kind, life in lives.items()},
        "pushes_open": {"": float(sum(count for state, count in _by(Push.state) if state in waiting))},
        "push_queue_age_seconds": {"": (now - oldest).total_seconds() if oldest else 0.0},
        "inbound_events_unapplied": {"": float(db.session.scalar(received) or 0)},
    }


def _by(column: InstrumentedAttribute[Any]) -> list[tuple[str, int]]:
    rows = db.session.execute(select(column, func.count()).group_by(column))
    return [(str(value), count) for value, count in rows]


def _database() -> Part:
    try:
        db.session.execute(text("SELECT 1"))
    except SQLAlchemyError as error:
        return Part("database", False, type(error).__name__)
    return Part("database", True, "answers")


def _migrations() -> Part:
    try:
        directory = current_app.extensions["migrate"].directory
        wanted = set(ScriptDirectory(str(directory)).get_heads())
        with db.engine.connect() as connection:
            found = set(MigrationContext.configure(connection).get_current_heads())
    except (SQLAlchemyError, OSError) as error:
        return Part("migrations", False, type(error).__name__)
    return Part("migrations", found == wanted, "current" if found == wanted else "the database is behind")


def _redis() -> Part:
    answers = bell.alive()
    return Part("redis", answers, "answers" if answers else "does not answer")
