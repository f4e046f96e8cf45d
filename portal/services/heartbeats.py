"""Processes that say they are alive; the ticker's heartbeat is also the lease that keeps a second one waiting."""

import logging
from datetime import timedelta

from flask import Flask
from sqlalchemy import delete, func, select
from sqlalchemy.exc import SQLAlchemyError

from portal import clock
from portal.extensions import db
from portal.models import Heartbeat
from portal.services import clocks
from portal.services.unit import transaction

log = logging.getLogger(__name__)

ALIVE = timedelta(seconds=20)
LEAD = timedelta(seconds=5)
FORGOTTEN = timedelta(minutes=10)
TICKER = "ticker"
CHORE = "chore"


def beat(name: str, kind: str, detail: str | None = None) -> None:
    """Say that a process lives; without a `detail` of its own, how far its clock is from Xero's."""
    with transaction() as session:
        row = session.get(Heartbeat, name) or Heartbeat(name=name, kind=kind)
        row.at, row.detail = clock.now(), detail or clocks.said()
        session.add(row)


def safely(app: Flask, name: str, kind: str) -> None:
    """The same from a thread of its own; a database that is away for a moment is only logged."""
    with app.app_context():
        try:
            beat(name, kind)
        except SQLAlchemyError as error:
            log.warning("heartbeat.missed", extra={"error": type(error).__name__})
        finally:
            db.session.remove()


def lead(owner: str) -> bool:
    """Whether this ticker is the one that works: it holds the lease, or takes one that has run out."""
    with transaction() as session:
        row = session.get(Heartbeat, TICKER, with_for_update=True)
        if row is not None and row.detail != owner and row.at > clock.now() - LEAD:
            return False
        row = row or Heartbeat(name=TICKER, kind=TICKER)
        row.at, row.detail = clock.now(), owner
        session.add(row)
    return True


def resign(name: str) -> None:
    """A process ends in order; nobody need wait for its heartbeat to run out."""
    with transaction() as session:
        session.execute(delete(Heartbeat).where(Heartbeat.name == name))


def alive(kind: str) -> int:
    """How many processes of a kind (`worker`, `ticker`) have said lately that they live."""
    found = db.session.scalars(
        select(Heartbeat.name).where(Heartbeat.kind == kind, Heartbeat.at > clock.now() - ALIVE)
    )
    return len(found.all())


def alive_by_kind() -> dict[str, int]:
    """The same for every kind that has any, in one query."""
    living = select(Heartbeat.kind, func.count()).where(Heartbeat.at > clock.now() - ALIVE)
    return {kind: count for kind, count in db.session.execute(living.group_by(Heartbeat.kind))}


def forget() -> None:
    """Drop those that have been silent for long."""
    with transaction() as session:
        silent = (Heartbeat.at < clock.now() - FORGOTTEN) & (Heartbeat.kind != CHORE)
        session.execute(delete(Heartbeat).where(silent))
