"""Processes that say they are alive; the ticker's heartbeat is also the lease that keeps a second one waiting."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from flask import Flask
from sqlalchemy import delete, select
from sqlalchemy.exc import SQLAlchemyError

from portal import clock
from portal.extensions import db
from portal.models import Heartbeat
from portal.services import clocks
from portal.services.unit import transaction

log = logging.getLogger(__name__)

ALIVE = timedelta(seconds=20)
IN_A_ROW = 3
LEAD = timedelta(seconds=5)
FORGOTTEN = timedelta(minutes=10)
TICKER = "ticker"
CHORE = "chore"


@dataclass(frozen=True, slots=True)
class Life:
    """How many processes of a kind live, and how many of them only fail: `most` jobs one after another."""

    alive: int = 0
    failing: int = 0
    most: int = 0


def beat(name: str, kind: str, detail: str | None = None, failing: int = 0) -> None:
    """Say that a process lives; without a `detail` of its own, how far its clock is from Xero's.

    `failing` is how many of its jobs failed one after another.
    """
    with transaction() as session:
        row = session.get(Heartbeat, name) or Heartbeat(name=name, kind=kind)
        row.at, row.detail, row.failing = clock.now(), detail or clocks.said(), failing
        session.add(row)


def safely(app: Flask, name: str, kind: str, failing: int = 0) -> None:
    """The same from a thread of its own; a database that is away for a moment is only logged."""
    with app.app_context():
        try:
            beat(name, kind, failing=failing)
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


def recent() -> Sequence[Heartbeat]:
    """The last sign of every process that gave one while its clock counts."""
    return db.session.scalars(select(Heartbeat).where(Heartbeat.at > clock.now() - clocks.KEPT)).all()


def life(kind: str, signs: Sequence[Heartbeat]) -> Life:
    """How the processes of a kind are, by these signs of life."""
    living = [sign for sign in signs if sign.kind == kind and sign.at > clock.now() - ALIVE]
    failing = [sign.failing for sign in living if sign.failing >= IN_A_ROW]
    return Life(len(living), len(failing), max(failing, default=0))


def forget() -> None:
    """Drop those that have been silent for long."""
    with transaction() as session:
        silent = (Heartbeat.at < clock.now() - FORGOTTEN) & (Heartbeat.kind != CHORE)
        session.execute(delete(Heartbeat).where(silent))
