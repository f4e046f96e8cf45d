"""From HoopAI's webhook to our tables: verify, keep, answer; then apply in a job."""

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Select, insert, select, update
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from portal import bell, clock, failpoints
from portal.extensions import db
from portal.hoopai import envelopes, signatures
from portal.hoopai.envelopes import Delivery, NotAnEvent, NotJson
from portal.hoopai.invoices import BadInvoice, mention, said
from portal.models import Connection, EventState, InboundEvent, InvoiceStatus, Location, Source
from portal.services import invoices_in, outbox, secrets
from portal.services.unit import transaction

log = logging.getLogger(__name__)

MAX_BYTES = 1_048_576
CHUNK = 50
JOB = "jobs.intake.apply"


@dataclass(frozen=True, slots=True)
class Answer:
    """What HoopAI is told. Only 429 is tried again by every documented sender, so trouble of ours is a 429."""

    status: int
    text: str
    retry_after: int | None = None


@dataclass(frozen=True, slots=True)
class _Verified:
    id: int
    location_id: int
    hoop_id: str


def receive(token: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Take one webhook delivery: verified on its raw bytes, stored durably, answered at once.

    401 and nothing stored when the signature is missing or wrong; 200 for whatever is kept, ignored or already
    known; 429 when it could not be stored.
    """
    try:
        return _receive(token, body, headers)
    except SQLAlchemyError:
        log.exception("intake.not_stored")
        return Answer(429, "Could not be stored just now. Please send it again.", retry_after=30)


def apply() -> int:
    """Apply what has been received, oldest first; how many deliveries were settled. Called by a job."""
    settled = 0
    for location_id in _locations_with_news():
        try:
            settled += _apply_all(location_id)
        except SQLAlchemyError:
            log.exception("intake.not_applied", extra={"location": location_id})
    return settled


def _apply_all(location_id: int) -> int:
    settled = 0
    while done := _apply_chunk(location_id):
        failpoints.here("after_apply")
        settled += done
        _ring_drain(location_id)
    return settled


def waiting() -> bool:
    """Whether anything received still waits to be applied."""
    return db.session.scalar(_received().limit(1)) is not None


def _receive(token: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    if len(body) > MAX_BYTES:
        return Answer(413, "A delivery may have at most 1 MiB.")
    source = db.session.scalar(select(Source).where(Source.hook_token == token))
    if source is None:
        return Answer(404, "No location listens at this address.")
    verdict = signatures.verify(source.scheme, secrets.hook_secrets(source), body, headers)
    if not verdict.ok:
        _count_refusal(source.id, verdict.reason)
        return Answer(401, f"The signature was not accepted: {verdict.reason}.")
    hoop_id = db.session.get_one(Location, source.location_id).hoop_id
    return _keep(_Verified(source.id, source.location_id, hoop_id), body)


def _keep(source: _Verified, body: bytes) -> Answer:
    try:
        delivery = envelopes.read(body)
    except NotJson as error:
        return Answer(400, str(error))
    except NotAnEvent as error:
        _store(source, body, None, EventState.IGNORED, str(error))
        return Answer(200, "Kept, but it is not an event that this portal uses.")
    state, reason = _judge(source, delivery)
    _store(source, body, delivery, state, reason)
    failpoints.here("after_store")
    if state == EventState.RECEIVED:
        bell.ring(JOB)
    return Answer(200, "Received.")


def _judge(source: _Verified, delivery: Delivery) -> tuple[EventState, str | None]:
    if delivery.location_id not in (None, source.hoop_id):
        return EventState.QUARANTINED, f"It belongs to location {delivery.location_id}, not to this one."
    if not delivery.is_invoice:
        return EventState.IGNORED, f"{delivery.event or 'This event'} is not about an invoice."
    return EventState.RECEIVED, None


def _store(
    source: _Verified, body: bytes, delivery: Delivery | None, state: EventState, reason: str | None
) -> None:
    known = delivery.webhook_id if delivery else None
    row = {
        "source_id": source.id,
        "location_id": source.location_id,
        "dedupe": f"id:{known}"[:80] if known else "sha:" + hashlib.sha256(body).hexdigest(),
        "received_at": clock.now(),
        "event": (delivery.event or "")[:60] or None if delivery else None,
        "hoop_id": str(delivery.payload.get("_id") or "")[:64] or None if delivery else None,
        "body": body,
        "state": state,
        "reason": reason[:300] if reason else None,
    }
    try:
        with transaction() as session:
            session.execute(insert(InboundEvent).values(**row))
            session.execute(
                update(Source).where(Source.id == source.id).values(last_delivery_at=row["received_at"])
            )
    except IntegrityError:
        log.info("intake.repeated", extra={"source": source.id})


def _count_refusal(source_id: int, reason: str) -> None:
    with transaction() as session:
        session.execute(
            update(Source)
            .where(Source.id == source_id)
            .values(
                refused_count=Source.refused_count + 1, refused_at=clock.now(), refused_reason=reason[:200]
            )
        )


def _received() -> Select[int]:
    return select(InboundEvent.location_id).where(InboundEvent.state == EventState.RECEIVED)


def _locations_with_news() -> list[int]:
    return list(db.session.scalars(_received().distinct().limit(100)))


def _apply_chunk(location_id: int) -> int:
    with transaction() as session:
        location = session.get_one(Location, location_id, with_for_update=True)
        outbox.guard(session, location_id)
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
    except DataError:
        state, reason = EventState.BROKEN, "The invoice holds something longer or larger than can be kept."
    except SQLAlchemyError:
        raise
    except Exception:
        log.exception("intake.broken", extra={"event": event.id})
        state, reason = EventState.BROKEN, "Something broke on our side while it was applied."
    event.state, event.reason, event.applied_at = state, reason[:300] if reason else None, clock.now()


def _understand(session: Session, location: Location, delivery: Delivery) -> str | None:
    told = mention(delivery.payload, delivery.event)
    if told.status and InvoiceStatus(told.status).final:
        return invoices_in.end(session, location, told)
    return invoices_in.take(session, location, said(delivery.payload, delivery.event))


def _ring_drain(location_id: int) -> None:
    connection_id = db.session.scalar(select(Connection.id).where(Connection.location_id == location_id))
    if connection_id is not None:
        bell.ring("jobs.pushes.drain", connection_id)
