"""Applying what webhooks have brought, oldest first, a location at a time."""

import logging
from collections.abc import Iterable, Sequence

from sqlalchemy import Select, select, update
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from portal import bell, clock, failpoints
from portal.extensions import db
from portal.hoopai import envelopes, people
from portal.hoopai.invoices import BadInvoice, InvoiceMention, InvoiceSaid, Reader, ends, mention
from portal.hoopai.people import ContactSaid
from portal.hoopai.reading import BadValue
from portal.models import Connection, EventState, InboundEvent, Invoice, Location
from portal.models.among import among
from portal.services import contacts_in, invoices_in, looking_up, shelf
from portal.services.unit import transaction

log = logging.getLogger(__name__)

CHUNK = 300
Told = InvoiceSaid | InvoiceMention | ContactSaid | BadInvoice | BadValue
Verdict = tuple[EventState, str | None]


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
    """Apply the oldest deliveries of a location: all together, or one by one where that stumbles over one of them."""
    try:
        return _apply_together(location_id)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        log.warning("intake.one_by_one", extra={"location": location_id, "error": type(error).__name__})
        return _apply_singly(location_id)


def _apply_together(location_id: int) -> int:
    """With everything at hand that they are about; the database is asked and written to once for all of them."""
    with transaction() as session:
        location = looking_up.guarded(session, location_id)
        events = _oldest(session, location_id)
        reader = Reader()
        told = [_read(reader, body) for _, body in events]
        about = [each for each in told if not isinstance(each, ValueError)]
        with shelf.laid_out(session, location_id, _invoices(about), _contacts(about)):
            invoices_in.at_hand(
                session, location_id, [each for each in about if isinstance(each, InvoiceSaid)]
            )
            reasons = [_follow(session, location, each) for each in told]
        _settle(session, [event_id for event_id, _ in events], reasons)
        return len(events)


def _apply_singly(location_id: int) -> int:
    """Each with a way back of its own, so that what breaks one harms no other."""
    with transaction() as session:
        location = looking_up.guarded(session, location_id)
        events = _oldest(session, location_id)
        reasons = [_alone(session, location, event_id, body) for event_id, body in events]
        _settle(session, [event_id for event_id, _ in events], reasons)
        return len(events)


def _oldest(session: Session, location_id: int) -> Sequence[tuple[int, bytes]]:
    rows = session.execute(
        select(InboundEvent.id, InboundEvent.body)
        .where(InboundEvent.location_id == location_id, InboundEvent.state == EventState.RECEIVED)
        .order_by(InboundEvent.id)
        .limit(CHUNK)
    )
    return [(event_id, body) for event_id, body in rows]


def _read(reader: Reader, body: bytes) -> Told:
    """What a delivery says, or why it cannot be understood."""
    try:
        delivery = envelopes.read(body)
        if not delivery.is_invoice:
            return people.said(delivery.payload)
        hear = mention if ends(delivery.payload, delivery.event) else reader.said
        return hear(delivery.payload, delivery.event)
    except (BadInvoice, BadValue) as error:
        return error


def _invoices(told: Iterable[Told]) -> set[str]:
    return {each.hoop_id for each in told if isinstance(each, (InvoiceMention, InvoiceSaid))}


def _contacts(told: Iterable[Told]) -> set[str]:
    named = (each.contact if isinstance(each, InvoiceSaid) else each for each in told)
    return {contacts_in.key(each) for each in named if isinstance(each, ContactSaid)}


def _alone(session: Session, location: Location, event_id: int, body: bytes) -> Verdict:
    try:
        with session.begin_nested():
            return _follow(session, location, _read(Reader(), body))
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception("intake.broken", extra={"event": event_id})
        return EventState.BROKEN, "Something broke on our side while it was applied."


def _follow(session: Session, location: Location, told: Told) -> Verdict:
    """Do what a delivery says; what became of it."""
    if isinstance(told, BadInvoice):
        return EventState.BROKEN, f"The invoice cannot be understood: {told}"
    if isinstance(told, BadValue):
        return EventState.BROKEN, f"The contact cannot be understood: {told}"
    if isinstance(told, ContactSaid):
        reason = contacts_in.told(session, location.id, told)
    elif isinstance(told, InvoiceMention):
        reason = invoices_in.end(session, location, told)
    else:
        reason = invoices_in.take(session, location, told)
    return EventState.IGNORED if reason else EventState.APPLIED, reason


def _settle(session: Session, ids: Sequence[int], verdicts: Sequence[Verdict]) -> None:
    alike: dict[Verdict, list[int]] = {}
    for event_id, verdict in zip(ids, verdicts, strict=True):
        alike.setdefault(verdict, []).append(event_id)
    for (state, reason), of_them in alike.items():
        settled = {"state": state, "reason": reason[:300] if reason else None, "applied_at": clock.now()}
        session.execute(
            update(InboundEvent)
            .where(among(InboundEvent.id, of_them))
            .values(settled)
            .execution_options(synchronize_session=False)
        )


def _ring(location_id: int) -> None:
    here = (
        Invoice.location_id + 0 == location_id
    )  # not by the index of all invoices that the location ever had
    held = select(Invoice.id).where(here, Invoice.look_up_at <= clock.now())
    if db.session.scalar(held.limit(1)) is not None:
        bell.ring(looking_up.JOB, location_id)
    connection_id = db.session.scalar(select(Connection.id).where(Connection.location_id == location_id))
    if connection_id is not None:
        bell.ring("jobs.pushes.drain", connection_id)
