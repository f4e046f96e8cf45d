"""A location moves to another Xero organisation: the old one keeps everything of its own, nothing is made twice."""

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from portal import clock
from portal.models import (
    UNSETTLED,
    Batch,
    BatchState,
    Connection,
    DirectoryContact,
    LedgerAccount,
    Push,
    PushState,
    TaxRate,
    TrackingOption,
)
from portal.services import following, outbox

UNKNOWN = (
    "It was on its way when this location moved to another Xero organisation, and no answer had come. "
    "Look for it in the organisation before; it is not sent to the new one."
)
CLOSED = "left with the organisation before"


def move(session: Session, connection: Connection, tenant_id: str, name: str) -> int:
    """Turn the connection to this organisation, with a cut-off of now; how many documents were left out.

    What had not been sent to the old organisation is skipped, with the reason. Its accounts and contacts are
    fetched anew; mappings and links stay with the organisation they were made for. A worker that is at it loses
    its lease, so that nothing of the old organisation is written over the new one.
    """
    left = _leave_out(session, connection)
    _forget_the_books(session, connection.id)
    connection.tenant_id, connection.organisation = tenant_id, {"name": name}
    connection.cut_off = clock.now()
    connection.facts_fetched_at = connection.contacts_fetched_at = None
    connection.last_success_at = connection.checked_at = connection.doubted_at = None
    connection.lease_owner = connection.lease_until = None
    connection.fence += 1
    session.flush()
    return left


def _leave_out(session: Session, connection: Connection) -> int:
    left_already = _close_batches(session, connection.id)
    states = (*outbox.OPEN, PushState.SENDING)
    found = session.scalars(
        select(Push).where(Push.location_id == connection.location_id, Push.state.in_(states))
    ).all()
    for push in found:
        perhaps_there = push.batch_id in left_already
        push.batch_id = None
        if perhaps_there:
            outbox.cancel(push, UNKNOWN)
        else:
            outbox.leave_out(session, push, following.LEFT_BEHIND)
    return len(found)


def _close_batches(session: Session, connection_id: int) -> set[int | None]:
    """Close what was under way; the batches of which something may have reached the old organisation."""
    perhaps_there: set[int | None] = set()
    found = session.scalars(
        select(Batch).where(Batch.connection_id == connection_id, Batch.state.in_(UNSETTLED))
    )
    for batch in found:
        if batch.state == BatchState.SENT:
            perhaps_there.add(batch.id)
        batch.state, batch.closed_at, batch.resolve_at = BatchState.CLOSED, clock.now(), None
        batch.outcome = CLOSED
    return perhaps_there


def _forget_the_books(session: Session, connection_id: int) -> None:
    for table in (LedgerAccount, TaxRate, TrackingOption, DirectoryContact):
        session.execute(delete(table).where(table.connection_id == connection_id))
