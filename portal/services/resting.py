"""When a connection gives way: it rests as a whole, or its backlog does as the day's calls are used."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.errors import NotNow
from portal.models import Batch, BatchState, Connection
from portal.services import attempts, leases, outbox, windows
from portal.services.unit import transaction

DAY = "day"


def rest(connection_id: int, fence: int, refusal: NotNow) -> None:
    """Let nobody take the connection up before the refusal's moment. Raises LeaseLost.

    Where the day is used that holds for the backlog only: what is asked for from now on may still go.
    """
    with transaction() as session:
        row = leases.hold(session, connection_id, fence)
        until = refusal.retry_at or clock.now() + windows.pause(1)
        if refusal.reason == DAY:
            stop_the_backlog(session, row, until)
        else:
            row.rest_until, row.rest_reason = until, refusal.reason[:20]


def stop_the_backlog(session: Session, row: Connection, until: datetime) -> None:
    """Today's calls are used but for the kept share. What is written and has not left is queued again, as it waits."""
    prepared = session.scalars(
        select(Batch).where(Batch.connection_id == row.id, Batch.state == BatchState.PREPARED)
    )
    for batch in prepared:
        outbox.requeue_all(session, [item["push"] for item in batch.items])
        attempts.close(batch, "never sent: today's calls to Xero were used")
    row.day_used_at, row.day_used_until = clock.now(), until
