"""The last webhook deliveries with what became of each, and a test delivery that the portal sends to itself."""

import secrets as random
from dataclasses import dataclass
from datetime import datetime

import simplejson
from sqlalchemy import func, select

from portal import clock
from portal.extensions import db
from portal.hoopai import knocking, signatures
from portal.models import EventState, InboundEvent, Invoice, Location, Source
from portal.services import sources
from portal.services.intake import TEST
from portal.services.unit import release

MOST = 50
WORDS: dict[EventState, tuple[str, str, str]] = {
    EventState.RECEIVED: ("hourglass-split", "Waiting", "blue"),
    EventState.APPLIED: ("check-circle-fill", "Accepted", "green"),
    EventState.IGNORED: ("dash-circle", "Ignored", "grey"),
    EventState.QUARANTINED: ("exclamation-circle-fill", "Quarantined", "amber"),
    EventState.BROKEN: ("x-circle-fill", "Broken", "red"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One delivery: when, which event, about which invoice, and what became of it."""

    at: datetime
    event: str
    hoop_id: str | None
    number: str | None
    invoice_id: int | None
    icon: str
    word: str
    tone: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class Tried:
    """How a test delivery fared: whether all is well, in a sentence, and how long the answer took (milliseconds)."""

    ok: bool
    sentence: str
    took: int


def recent(location_id: int) -> list[Row]:
    """The newest deliveries, in one query."""
    found = db.session.execute(
        select(
            InboundEvent.received_at,
            InboundEvent.event,
            InboundEvent.hoop_id,
            InboundEvent.state,
            InboundEvent.reason,
            Invoice.number,
            Invoice.id,
        )
        .outerjoin(
            Invoice,
            (Invoice.location_id == InboundEvent.location_id) & (Invoice.hoop_id == InboundEvent.hoop_id),
        )
        .where(InboundEvent.location_id == location_id)
        .order_by(InboundEvent.id.desc())
        .limit(MOST)
    )
    return [
        Row(at, event or "not an event", hoop_id, number, invoice_id, *WORDS[state], reason)
        for at, event, hoop_id, state, reason, number, invoice_id in found
    ]


def counts(location_id: int) -> dict[EventState, int]:
    """How many deliveries are kept in each state."""
    rows = db.session.execute(
        select(InboundEvent.state, func.count())
        .where(InboundEvent.location_id == location_id)
        .group_by(InboundEvent.state)
    )
    found = {EventState(state): count for state, count in rows}
    return {state: found.get(state, 0) for state in EventState}


def send_test(location: Location, source: Source) -> Tried:
    """Send a signed delivery to the location's own public address, over HTTP as HoopAI would."""
    body = simplejson.dumps(
        {
            "type": TEST,
            "locationId": location.hoop_id,
            "webhookId": f"test-{random.token_hex(8)}",
            "timestamp": clock.now().isoformat(),
        }
    ).encode()
    by_secret = source.scheme in sources.BY_SECRET
    headers = {source.scheme: signatures.sign(sources.secret(source), body)} if by_secret else {}
    url = sources.webhook_url(source)
    release()
    answered = knocking.knock(url, body, headers)
    ok, sentence = _judged(answered, by_secret)
    return Tried(ok, sentence, answered.took)


def _judged(answered: knocking.Answered, by_secret: bool) -> tuple[bool, str]:
    if answered.status is None:
        return (
            False,
            f"No answer came from the portal's own address ({answered.text}). HoopAI would not get one either.",
        )
    if by_secret and answered.status == 200:
        return True, "The address answers, and the signature was accepted."
    if not by_secret and answered.status == 401:
        return True, (
            "The address answers, and refused this test as it must: only the vendor can sign with its private key."
        )
    return False, f"The address answered {answered.status}: {answered.text}"
