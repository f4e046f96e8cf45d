"""Who works on a connection: a lease in the database with a number that only grows.

A worker that was frozen past its lease wakes with an old number, and every write of it is refused.
"""

import os
import socket
from datetime import datetime, timedelta
from functools import cache
from typing import TypeVar

from sqlalchemy import ColumnElement, Select, bindparam, or_, select, update
from sqlalchemy.orm import Session

from portal import clock
from portal.config import settings
from portal.errors import LeaseLost
from portal.models import Batch, Connection
from portal.services.unit import transaction

T = TypeVar("T")
SLACK = 60


def owner() -> str:
    """A name for this process, for people who look."""
    return f"{socket.gethostname()}:{os.getpid()}"


def take(connection_id: int) -> int | None:
    """Take the free or expired lease of a connection; its fencing number, or None when another holds it."""
    with transaction() as session:
        fence = session.scalar(
            update(Connection)
            .where(Connection.id == connection_id, is_free())
            .values(lease_owner=owner(), lease_until=until(), fence=Connection.fence + 1)
            .returning(Connection.fence)
        )
    return fence


def renew(connection_id: int, fence: int) -> None:
    """Keep the lease for another while. Raises LeaseLost when it has gone to another."""
    with transaction() as session:
        hold(session, connection_id, fence).lease_until = until()


def release(connection_id: int, fence: int) -> None:
    """Give the lease back, if it is still ours."""
    with transaction() as session:
        session.execute(
            update(Connection)
            .where(Connection.id == connection_id, Connection.fence == fence)
            .values(lease_owner=None, lease_until=None)
        )


def hold(session: Session, connection_id: int, fence: int) -> Connection:
    """The connection's row, locked until the transaction ends. Raises LeaseLost when a newer lease exists."""
    row = _now(session, _connection(), connection_id)
    if row.fence != fence:
        raise LeaseLost("Another worker has taken over this connection.")
    return row


def batch(session: Session, batch_id: int) -> Batch:
    """A batch of a connection that is held, as it stands now and locked like it."""
    return _now(session, _batch(), batch_id)


def hold_live(session: Session, connection_id: int, fence: int) -> Connection:
    """The same, and raises LeaseLost too when the connection was paused, disconnected or lost meanwhile."""
    row = hold(session, connection_id, fence)
    if not row.live:
        raise LeaseLost(f"The connection is {row.state} now; nothing more is sent.")
    return row


def _now(session: Session, asked: Select[T], row_id: int) -> T:
    return session.scalars(asked, {"id": row_id}, execution_options={"populate_existing": True}).one()


@cache
def _connection() -> Select[Connection]:
    return select(Connection).where(Connection.id == bindparam("id")).with_for_update()


@cache
def _batch() -> Select[Batch]:
    return select(Batch).where(Batch.id == bindparam("id")).with_for_update()


def until() -> datetime:
    """When a lease taken or renewed now runs out."""
    return clock.now() + timedelta(seconds=settings().timings.lease)


def is_free() -> ColumnElement[bool]:
    """Nobody holds the connection: no lease, one that has run out, or one that a clock which jumped back left behind.

    The slack is for the time between reckoning this moment and getting the lock.
    """
    moment = clock.now()
    absurd = moment + timedelta(seconds=SLACK + settings().timings.lease)
    return or_(
        Connection.lease_until.is_(None), Connection.lease_until < moment, Connection.lease_until > absurd
    )
