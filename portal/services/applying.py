"""Applying what webhooks have brought, oldest first, a location at a time."""

import logging

from sqlalchemy import Select, select
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from portal import bell, clock, failpoints
from portal.extensions import db
from portal.hoopai import envelopes, people
from portal.hoopai.envelopes import Delivery
from portal.hoopai.invoices import BadInvoice, mention, said
from portal.hoopai.reading import BadValue
from portal.models import Connection, EventState, InboundEvent, Invoice, InvoiceStatus, Location
from portal.services import contacts_in, invoices_in, looking_up
from portal.services.unit import transaction

log = logging.getLogger(__name__)

CHUNK = 50


def apply() -> int:
    """Apply what has been received, oldest first; how many deliveries were settled. Called by a job."""
    settled = 0
    while locations := _locations_with_news():
        for location_id in locations:
            done = _apply_chunk(location_id)
            failpoints.here("after_apply")
            settled += done
            if done:
                _ring(location_id)
    return settled


def waiting() -> bool:
    """Whether anything received still waits to be applied."""
    return db.session.scalar(_received().limit(1)) is not None


def _received() -> Select[int]:
    return select(InboundEvent.location_id).where(InboundEvent.state == EventState.RECEIVED)


def _locations_with_news() -> list[int]:
    return list(db.session.scalars(_received().distinct().limit(100)))


def _apply_chunk(location_id: int) -> int:
    with transaction() as session:
        location = looking_up.guarded(session, location_id)
        events = session.scalars(
            select(InboundEvent)
            .where(InboundEvent.location_id == location_id, InboundEvent.state == EventState.RECEIVED)
            .order_by(InboundEvent.id)
            .limit(CHUNK)
        ).all()
        for event in events:
            _apply_one(session, location, event)
        return len(events)


def _apply_one(session: Session, location: Location, event: InboundEvent) -> None:
    try:
        with session.begin_nested():
            reason = _understand(session, location, envelopes.read(event.body))
            state = EventState.IGNORED if reason else EventState.APPLIED
    except BadInvoice as error:
        state, reason = EventState.BROKEN, f"The invoice cannot be understood: {error}"
    except BadValue as error:
        state, reason = EventState.BROKEN, f"The contact cannot be understood: {error}"
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception("intake.broken", extra={"event": event.id})
        state, reason = EventState.BROKEN, "Something broke on our side while it was applied."
    event.state, event.reason, event.applied_at = state, reason[:300] if reason else None, clock.now()


def _understand(session: Session, location: Location, delivery: Delivery) -> str | None:
    if not delivery.is_invoice:
        return contacts_in.told(session, location.id, people.said(delivery.payload))
    told = mention(delivery.payload, delivery.event)
    if told.status and InvoiceStatus(told.status).final:
        return invoices_in.end(session, location, told)
    return invoices_in.take(session, location, said(delivery.payload, delivery.event))


def _ring(location_id: int) -> None:
    held = select(Invoice.id).where(Invoice.location_id == location_id, Invoice.look_up_at <= clock.now())
    if db.session.scalar(held.limit(1)) is not None:
        bell.ring(looking_up.JOB, location_id)
    connection_id = db.session.scalar(select(Connection.id).where(Connection.location_id == location_id))
    if connection_id is not None:
        bell.ring("jobs.pushes.drain", connection_id)
