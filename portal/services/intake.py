"""HoopAI's webhook: verify on the raw bytes, keep durably, answer. What was kept is applied by a job (`applying`)."""

import hashlib
import logging
from dataclasses import dataclass

from portal import clock, failpoints
from portal.hoopai import envelopes, signatures
from portal.hoopai.envelopes import Delivery, NotAnEvent, NotJson
from portal.hoopai.signatures import Headers, Scheme
from portal.models import EventState
from portal.services import chime, inbox, listening
from portal.services.applying import apply, waiting
from portal.services.chime import JOB
from portal.services.listening import Listener

__all__ = ["JOB", "MAX_BYTES", "TEST", "Answer", "apply", "receive", "waiting"]

log = logging.getLogger(__name__)

MAX_BYTES = 1_048_576
TEST = "PortalTest"
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


def receive(token: str, body: bytes, headers: Headers) -> Answer:
    """Take one webhook delivery: verified on its raw bytes, stored durably, answered at once.

    401 and nothing stored when the signature is missing or wrong; 200 for whatever is kept, ignored or already
    known; 429 when it could not be stored, whatever the cause. Never raises.
    """
    try:
        return _receive(token, body, headers)
    except Exception:
        log.exception("intake.not_stored")
        return Answer(429, "Could not be stored just now. Please send it again.", retry_after=30)


def _receive(token: str, body: bytes, headers: Headers) -> Answer:
    if len(body) > MAX_BYTES:
        return Answer(413, "A delivery may have at most 1 MiB.")
    listener = listening.listener(token[:100])
    if listener is None:
        return Answer(404, "No location listens at this address.")
    verdict = listener.judge(body, headers)
    if not verdict.ok:
        reason = _why(listener, verdict.reason, body, headers)
        inbox.count_refusal(listener.source_id, reason)
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
    if not inbox.store(listener, row):
        log.info("intake.repeated", extra={"source": listener.source_id})


def _why(listener: Listener, reason: str, body: bytes, headers: Headers) -> str:
    """A refusal in words that help: which other signature came, or that a workflow sent it."""
    if reason == "mismatch" and listener.scheme in (Scheme.GHL, Scheme.WH):
        reason = "wrong-key"
    sentence = REASONS.get(reason, reason).format(scheme=listener.scheme)
    if others := signatures.others(listener.scheme, headers):
        return f"{sentence} It carried {' and '.join(others)} instead."
    if reason == "missing" and envelopes.is_workflow(body):
        return f"{sentence} {envelopes.WORKFLOW}"
    return sentence
