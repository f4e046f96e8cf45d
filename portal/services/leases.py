"""Who works on a connection: a lease in the database with a number that only grows.

A worker that was frozen past its lease wakes with an old number, and every write of it is refused.
"""

import os
import socket
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import ColumnElement, Select, bindparam, or_, select, update
from sqlalchemy.orm import Session

from portal import clock
from portal.config import settings
from portal.errors import LeaseLost
from portal.models import Connection
from portal.services.unit import transaction

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
    afresh = {"populate_existing": True}
    row = session.scalars(_row(), {"connection_id": connection_id}, execution_options=afresh).one()
    if row.fence != fence:
        raise LeaseLost("Another worker has taken over this connection.")
    return row


def hold_live(session: Session, connection_id: int, fence: int) -> Connection:
    """The same, and raises LeaseLost too when the connection was paused, disconnected or lost meanwhile."""
    row = hold(session, connection_id, fence)
    if not row.live:
        raise LeaseLost(f"The connection is {row.state} now; nothing more is sent.")
    return row


@cache
def _row() -> Select[Connection]:
    return select(Connection).where(Connection.id == bindparam("connection_id")).with_for_update()


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
