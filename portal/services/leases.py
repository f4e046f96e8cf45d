"""Who works on a connection: a lease in the database with a number that only grows.

A worker that was frozen past its lease wakes with an old number, and every write of it is refused.
"""

import os
import socket
from datetime import datetime, timedelta
from functools import cache
from typing import TypeVar

from sqlalchemy import ColumnElement, Select, Update, bindparam, or_, select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningUpdate

from portal import clock
from portal.config import settings
from portal.errors import LeaseLost
from portal.models import Batch, Connection
from portal.models.base import Moment
from portal.services.unit import transaction

T = TypeVar("T")
SLACK = 60


def owner() -> str:
    """A name for this process, for people who look."""
    return f"{socket.gethostname()}:{os.getpid()}"


def take(connection_id: int) -> int | None:
    """Take the free or expired lease of a connection; its fencing number, or None when another holds it."""
    with transaction() as session:
        mine = {"connection": connection_id, "owner": owner(), "until": until()}
        return session.scalar(_taking(), mine | moments())


def renew(connection_id: int, fence: int) -> None:
    """Keep the lease for another while. Raises LeaseLost when it has gone to another."""
    with transaction() as session:
        hold(session, connection_id, fence).lease_until = until()


def release(connection_id: int, fence: int) -> None:
    """Give the lease back, if it is still ours."""
    with transaction() as session:
        session.execute(_giving_back(), {"connection": connection_id, "held": fence})


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


@cache
def is_free() -> ColumnElement[bool]:
    """Nobody holds the connection: no lease, one that has run out, or one that a clock which jumped back left behind.

    Asked with `moments`.
    """
    ends = Connection.lease_until
    return or_(
        ends.is_(None), ends < bindparam("moment", None, Moment), ends > bindparam("absurd", None, Moment)
    )


def moments() -> dict[str, datetime]:
    """What tells a free lease: `moment` is now, `absurd` is later than any lease that was taken by a clock like ours.

    The slack is for the time between reckoning this and getting the lock.
    """
    moment = clock.now()
    return {"moment": moment, "absurd": moment + timedelta(seconds=SLACK + settings().timings.lease)}


@cache
def _taking() -> ReturningUpdate[int]:
    return (
        update(Connection)
        .where(Connection.id == bindparam("connection"), is_free())
        .values(lease_owner=bindparam("owner"), lease_until=bindparam("until"), fence=Connection.fence + 1)
        .returning(Connection.fence)
        .execution_options(synchronize_session=False)
    )


@cache
def _giving_back() -> Update:
    return (
        update(Connection)
        .where(Connection.id == bindparam("connection"), Connection.fence == bindparam("held"))
        .values(lease_owner=None, lease_until=None)
        .execution_options(synchronize_session=False)
    )
