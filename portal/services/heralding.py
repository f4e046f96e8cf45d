"""What other programs are told of, written down in the transaction of the change itself.

The outbox and the connections' standing call here. Where a location has no address to tell, one look a transaction is
all that it costs.
"""

import uuid
from collections.abc import Iterable, Sequence
from datetime import timedelta
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session

from portal import clock
from portal.models import (
    Connection,
    ConnectionState,
    DeliveryState,
    Document,
    Push,
    WebhookDelivery,
    WebhookEndpoint,
)

SENT, BLOCKED = "sent", "blocked"
LOST = "connection.lost"
TEST = "test"
EVENTS = (*(f"{document}.{verb}" for document in Document for verb in (SENT, BLOCKED)), LOST)
GIVEN_UP_AFTER = timedelta(hours=24)
DOWN = (ConnectionState.ATTENTION, ConnectionState.DISCONNECTED)
CACHE = "heralding"


def sent(session: Session, push_ids: Sequence[int]) -> None:
    """These pushes of one location are in Xero."""
    if not push_ids:
        return
    with session.no_autoflush:
        first = session.scalar(_listened_to(), {"push_id": push_ids[0]})
    if first is None:
        return
    rows = session.execute(select(Push.id, Push.document, Push.operation).where(Push.id.in_(push_ids)))
    for push_id, document, operation in rows:
        facts = {"operation": str(operation), "state": SENT, "kind": None, "message": None}
        _tell(session, first, f"{document}.{SENT}", facts, push_id)


@cache
def _listened_to() -> Select[int]:
    """The location of a push, if anybody is to be told of it."""
    return (
        select(WebhookEndpoint.location_id)
        .join(Push, Push.location_id == WebhookEndpoint.location_id)
        .where(Push.id == bindparam("push_id"), WebhookEndpoint.removed_at.is_(None))
        .limit(1)
    )


def push(session: Session | None, push: Push, verb: str) -> None:
    """One push is in Xero, or somebody has to act; the same cause of the same push is told once."""
    if session is None or not _listening(session, push.location_id):
        return
    session.flush()
    facts = {
        "operation": str(push.operation), "state": verb, "kind": str(push.failure) if push.failure else None,
        "message": push.message,
    }  # fmt: skip
    _tell(session, push.location_id, f"{push.document}.{verb}", facts, push.id)


def connection(session: Session, connection: Connection, was: ConnectionState) -> None:
    """A connection has come to stand elsewhere: it is told when it was lost."""
    if connection.state not in DOWN or was in DOWN or not _listening(session, connection.location_id):
        return
    facts = {"state": str(connection.state), "reason": connection.reason, "organisation": connection.name}
    _tell(session, connection.location_id, LOST, facts)


def write(
    session: Session, endpoint_id: int, event: str, facts: dict[str, Any], push_id: int | None = None
) -> None:
    """Write down one delivery, due at once."""
    moment = clock.now()
    session.add(
        WebhookDelivery(
            uid=str(uuid.uuid4()), endpoint_id=endpoint_id, event=event, push_id=push_id, facts=facts,
            state=DeliveryState.QUEUED, at=moment, next_at=moment, until=moment + GIVEN_UP_AFTER,
        )
    )  # fmt: skip


def _tell(
    session: Session, location_id: int, event: str, facts: dict[str, Any], push_id: int | None = None
) -> None:
    for endpoint_id, events in _listening(session, location_id):
        if event in events and not _told_already(session, endpoint_id, event, facts, push_id):
            write(session, endpoint_id, event, facts, push_id)


def _told_already(
    session: Session, endpoint_id: int, event: str, facts: dict[str, Any], push_id: int | None
) -> bool:
    """What is checked again every day is blocked again every day, and is news only the first time."""
    if push_id is None or not event.endswith(BLOCKED):
        return False
    last = session.execute(
        select(WebhookDelivery.event, WebhookDelivery.facts)
        .where(WebhookDelivery.endpoint_id == endpoint_id, WebhookDelivery.push_id == push_id)
        .order_by(WebhookDelivery.id.desc())
        .limit(1)
    ).one_or_none()
    return last is not None and last.event == event and last.facts.get("message") == facts["message"]


def _listening(session: Session, location_id: int) -> Iterable[tuple[int, list[str]]]:
    """The location's addresses with the events they want; asked once in a transaction."""
    present = session.get_transaction()
    kept = session.info.get(CACHE)
    if present is None or kept is None or kept[0] is not present:
        kept = session.info[CACHE] = (present, {})
    found: dict[int, list[tuple[int, list[str]]]] = kept[1]
    if location_id not in found:
        rows = session.execute(
            select(WebhookEndpoint.id, WebhookEndpoint.events).where(
                WebhookEndpoint.location_id == location_id, WebhookEndpoint.removed_at.is_(None)
            )
        )
        found[location_id] = [(endpoint_id, list(events)) for endpoint_id, events in rows]
    return found[location_id]
