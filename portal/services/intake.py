"""HoopAI's webhook: verify on the raw bytes, keep durably, answer. What was kept is applied by a job (`applying`)."""

import hashlib
import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

from sqlalchemy import Connection, Table, bindparam, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import Insert

from portal import clock, database, failpoints
from portal.extensions import db
from portal.hoopai import envelopes, signatures
from portal.hoopai.envelopes import Delivery, NotAnEvent, NotJson
from portal.hoopai.signatures import Scheme
from portal.models import EventState, InboundEvent, Source
from portal.services import chime, listening
from portal.services.applying import apply, waiting
from portal.services.chime import JOB
from portal.services.listening import Listener

__all__ = ["JOB", "MAX_BYTES", "TEST", "Answer", "apply", "receive", "waiting"]

log = logging.getLogger(__name__)

EVENTS: Table = InboundEvent.metadata.tables["inbound_events"]
SOURCES: Table = Source.metadata.tables["sources"]
_MARK = update(SOURCES).where(SOURCES.c.id == bindparam("source")).values(last_delivery_at=bindparam("at"))
MAX_BYTES = 1_048_576
TEST = "PortalTest"
MARK_EVERY = 2.0
CONTACTS = frozenset({"ContactCreate", "ContactUpdate"})
REASONS = {
    "missing": "It carried no {scheme} header.",
    "malformed": "Its {scheme} header is no signature of that kind.",
    "mismatch": "Its {scheme} signature does not fit; is the secret in HoopAI the one shown here?",
    "wrong-key": "Its {scheme} signature does not fit the public key that counts here.",
    "no-secret": "No secret is kept for this location.",
    "bad-key": "The public key kept for this location cannot be used.",
    "unknown-scheme": "The way of signing chosen for this location is not known.",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What HoopAI is told. Only 429 is tried again by every documented sender, so trouble of ours is a 429."""

    status: int
    text: str
    retry_after: int | None = None


def receive(token: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Take one webhook delivery: verified on its raw bytes, stored durably, answered at once.

    401 and nothing stored when the signature is missing or wrong; 200 for whatever is kept, ignored or already
    known; 429 when it could not be stored, whatever the cause. Never raises.
    """
    try:
        return _receive(token, body, headers)
    except Exception:
        log.exception("intake.not_stored")
        return Answer(429, "Could not be stored just now. Please send it again.", retry_after=30)


def _receive(token: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    if len(body) > MAX_BYTES:
        return Answer(413, "A delivery may have at most 1 MiB.")
    listener = listening.listener(token[:100])
    if listener is None:
        return Answer(404, "No location listens at this address.")
    verdict = listener.judge(body, headers)
    if not verdict.ok:
        reason = _why(listener, verdict.reason, body, headers)
        _count_refusal(listener.source_id, reason)
        return Answer(401, f"The signature was not accepted. {reason}")
    return _keep(listener, body)


def _keep(listener: Listener, body: bytes) -> Answer:
    try:
        delivery = envelopes.read(body)
    except NotJson as error:
        return Answer(400, str(error))
    except NotAnEvent as error:
        _store(listener, body, None, EventState.IGNORED, str(error))
        return Answer(200, f"Kept, but it changes nothing. {error}")
    state, reason = _judge(listener, delivery)
    _store(listener, body, delivery, state, reason)
    failpoints.here("after_store")
    if state == EventState.RECEIVED:
        chime.soon()
    return Answer(200, f"Kept, but it changes nothing. {reason}" if reason else "Received.")


def _judge(listener: Listener, delivery: Delivery) -> tuple[EventState, str | None]:
    if delivery.location_id not in (None, listener.hoop_id):
        return EventState.QUARANTINED, f"It belongs to location {delivery.location_id}, not to this one."
    if delivery.event == TEST:
        return EventState.IGNORED, "A test that the portal sent to itself."
    if not delivery.is_invoice and delivery.event not in CONTACTS:
        known = delivery.event in envelopes.EVENTS or delivery.event is None
        other = "is not about an invoice." if known else "is not an event that this portal knows."
        return EventState.IGNORED, f"{delivery.event or 'This event'} {other}"
    return EventState.RECEIVED, None


def _store(
    listener: Listener, body: bytes, delivery: Delivery | None, state: EventState, reason: str | None
) -> None:
    known = delivery.webhook_id if delivery else None
    row = {
        "source_id": listener.source_id,
        "location_id": listener.location_id,
        "dedupe": f"id:{known}"[:80] if known else "sha:" + hashlib.sha256(body).hexdigest(),
        "received_at": clock.now(),
        "event": (delivery.event or "")[:60] or None if delivery else None,
        "shape": delivery.shape if delivery else None,
        "hoop_id": delivery.document_id[:64] or None if delivery else None,
        "body": body,
        "state": state,
        "reason": reason[:300] if reason else None,
    }
    with _writing() as line:
        known_already = not line.execute(_insert(line.dialect.name), row).rowcount
        if time.monotonic() - listener.marked > MARK_EVERY:
            line.execute(_MARK, {"source": listener.source_id, "at": row["received_at"]})
            listener.marked = time.monotonic()
    if known_already:
        log.info("intake.repeated", extra={"source": listener.source_id})


@contextmanager
def _writing() -> Iterator[Connection]:
    """A connection whose statements are durable once it is closed. PostgreSQL commits each by itself, in one go."""
    if db.engine.dialect.name == "postgresql":
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as line:
            yield line
        return
    token = database.writing.set(True)
    try:
        with db.engine.begin() as line:
            yield line
    finally:
        database.writing.reset(token)


@cache
def _insert(dialect: str) -> Insert:
    """Store an event unless it is known; compiled once."""
    make = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return make(EVENTS).on_conflict_do_nothing(index_elements=["source_id", "dedupe"])


def _why(listener: Listener, reason: str, body: bytes, headers: Mapping[str, str]) -> str:
    """A refusal in words that help: which other signature came, or that a workflow sent it."""
    if reason == "mismatch" and listener.scheme in (Scheme.GHL, Scheme.WH):
        reason = "wrong-key"
    sentence = REASONS.get(reason, reason).format(scheme=listener.scheme)
    if others := signatures.others(listener.scheme, headers):
        return f"{sentence} It carried {' and '.join(others)} instead."
    if reason == "missing" and envelopes.is_workflow(body):
        return f"{sentence} {envelopes.WORKFLOW}"
    return sentence


def _count_refusal(source_id: int, reason: str) -> None:
    with _writing() as line:
        line.execute(
            update(SOURCES)
            .where(SOURCES.c.id == source_id)
            .values(
                refused_count=SOURCES.c.refused_count + 1, refused_at=clock.now(), refused_reason=reason[:200]
            )
        )
