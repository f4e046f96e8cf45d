"""Carrying webhooks to their addresses: a few at a time, each try written down, for a day at most."""

import logging
import time
from datetime import timedelta
from decimal import Decimal
from typing import Any

import simplejson
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from portal import bell, clock
from portal.extensions import db
from portal.filters import plain_amount
from portal.models import (
    Connection,
    DeliveryState,
    Document,
    Invoice,
    Link,
    Payment,
    Push,
    Refund,
    WebhookDelivery,
    WebhookEndpoint,
)
from portal.services import heralding, secrets, webhooks_out
from portal.services.unit import release, transaction
from portal.webhooks import posting, signing
from portal.webhooks.posting import Answer, BadAddress, NotDelivered

log = logging.getLogger(__name__)

JOB = webhooks_out.JOB
BACKOFF = (10, 30, 120, 600, 1800, 3600, 7200)
QUANTUM = 20.0
BUSY = timedelta(seconds=60)
REST, LONGEST_REST = 30, 900
MOST_IN_A_ROW = 3
BROKEN = "Something broke on our side while this was prepared. Nothing was sent."

Letter = tuple[str, dict[str, str], bytes]
"""An address, the headers and the body."""


def due() -> list[int]:
    """Addresses with something to deliver now."""
    moment = clock.now()
    found = db.session.scalars(
        select(WebhookDelivery.endpoint_id)
        .join(WebhookEndpoint, WebhookEndpoint.id == WebhookDelivery.endpoint_id)
        .where(
            WebhookDelivery.state == DeliveryState.QUEUED,
            WebhookDelivery.next_at <= moment,
            or_(WebhookDelivery.busy_until.is_(None), WebhookDelivery.busy_until < moment),
            or_(WebhookEndpoint.rest_until.is_(None), WebhookEndpoint.rest_until <= moment),
        )
        .distinct()
        .limit(100)
    )
    ids = list(found)
    release()
    return ids


def deliver(endpoint_id: int) -> int:
    """Deliver what is due for one address, the oldest first, for a while; how many were taken. Called by a job.

    An address that does not answer, or refuses three times in a row, rests for longer and longer, up to a quarter of
    an hour, so that it does not keep a worker from its other work.
    """
    began, taken = time.monotonic(), 0
    while time.monotonic() - began < QUANTUM:
        claimed = _claim(endpoint_id)
        if claimed is None:
            return taken
        taken += _try(claimed)
    bell.ring(JOB, endpoint_id)
    return taken


def _claim(endpoint_id: int) -> int | None:
    """Take the next delivery; its row."""
    moment = clock.now()
    with transaction() as session:
        endpoint = session.get_one(WebhookEndpoint, endpoint_id, with_for_update=True)
        resting = endpoint.rest_until is not None and endpoint.rest_until > moment
        delivery = session.scalar(
            select(WebhookDelivery)
            .where(
                WebhookDelivery.endpoint_id == endpoint_id,
                WebhookDelivery.state == DeliveryState.QUEUED,
                WebhookDelivery.next_at <= moment,
                or_(WebhookDelivery.busy_until.is_(None), WebhookDelivery.busy_until < moment),
            )
            .order_by(WebhookDelivery.id)
            .limit(1)
        )
        if resting or delivery is None:
            return None
        delivery.busy_until = moment + BUSY
        return delivery.id


def _try(delivery_id: int) -> bool:
    """Send one delivery; whether it was taken. One that cannot be written holds up none behind it."""
    try:
        url, headers, body = _written(delivery_id)
    except Exception:
        log.exception("delivering.broken", extra={"delivery": delivery_id})
        _note(delivery_id, None, BROKEN, left=False)
        return False
    try:
        answer = posting.post(url, body, headers, loopback=webhooks_out.loopback())
    except NotDelivered as error:
        _note(delivery_id, None, str(error), hopeless=isinstance(error, BadAddress))
        return False
    _note(delivery_id, answer, answer.text)
    return answer.ok


def _written(delivery_id: int) -> Letter:
    """The letter of a delivery, whose body is written once and signed anew at each try."""
    with transaction() as session:
        delivery = session.get_one(WebhookDelivery, delivery_id)
        endpoint = delivery.endpoint
        delivery.body = delivery.body or body_of(session, endpoint, delivery)
        body, signs = delivery.body.encode(), secrets.hook_secrets(endpoint)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "HoopAI-to-Xero",
            signing.EVENT: delivery.event,
            signing.DELIVERY: delivery.uid,
            signing.SIGNATURE: signing.signature(signs, int(clock.now().timestamp()), body),
        }
        return endpoint.url, headers, body


def _note(
    delivery_id: int, answer: Answer | None, told: str, *, hopeless: bool = False, left: bool = True
) -> None:
    """Write a try down; `left` is whether anything left for the address, which rests where that was in vain."""
    moment = clock.now()
    with transaction() as session:
        delivery = session.get_one(WebhookDelivery, delivery_id, with_for_update=True)
        if left:
            _mark(session.get_one(WebhookEndpoint, delivery.endpoint_id, with_for_update=True), answer)
        delivery.tries += 1
        delivery.busy_until, delivery.status = None, answer.status if answer else None
        delivery.answer = told.replace("\x00", "")[: posting.KEPT]
        if delivery.state != DeliveryState.QUEUED:
            return
        delivery.next_at = moment + timedelta(seconds=BACKOFF[min(delivery.tries, len(BACKOFF)) - 1])
        if answer is not None and answer.ok:
            delivery.state = DeliveryState.DELIVERED
        elif hopeless or delivery.next_at > delivery.until:
            delivery.state = DeliveryState.GIVEN_UP
        if delivery.state != DeliveryState.QUEUED:
            delivery.settled_at, delivery.next_at = moment, None


def _mark(endpoint: WebhookEndpoint, answer: Answer | None) -> None:
    """An address that took something is well; one that did not answer, or refused often, rests."""
    if answer is not None and answer.ok:
        endpoint.failures, endpoint.rest_until = 0, None
        return
    endpoint.failures += 1
    if answer is None or endpoint.failures >= MOST_IN_A_ROW:
        pause = min(REST * 2 ** min(endpoint.failures - 1, 10), LONGEST_REST)
        endpoint.rest_until = clock.now() + timedelta(seconds=pause)


def body_of(session: Session, endpoint: WebhookEndpoint, delivery: WebhookDelivery) -> str:
    """What is told of an event, as JSON."""
    told: dict[str, Any] = {
        "id": delivery.uid,
        "event": delivery.event,
        "at": delivery.at.isoformat().replace("+00:00", "Z"),
        "location_id": endpoint.location.hoop_id,
    }
    if delivery.event == heralding.LOST:
        told["connection"] = delivery.facts
    elif delivery.event == heralding.TEST:
        told["message"] = delivery.facts["message"]
    elif delivery.push_id is not None:
        told |= _of_push(session, session.get_one(Push, delivery.push_id), delivery.facts)
    return simplejson.dumps(told)


def _of_push(session: Session, push: Push, facts: dict[str, Any]) -> dict[str, Any]:
    invoice = _invoice(session, push)
    tenant_id = session.scalar(select(Connection.tenant_id).where(Connection.location_id == push.location_id))
    xero_id = session.scalar(
        select(Link.xero_id).where(
            Link.tenant_id == tenant_id, Link.location_id == push.location_id,
            Link.document == push.document, Link.document_id == push.document_id,
        )
    )  # fmt: skip
    return {
        "document": str(push.document),
        "push": {"id": push.id, **facts},
        "invoice": {"hoop_id": invoice.hoop_id, "number": invoice.number} if invoice else None,
        "amount": _amount(push.amount, push.currency),
        "currency": push.currency,
        "xero_id": xero_id,
    }


def _amount(value: Decimal | None, currency: str | None) -> str | None:
    return plain_amount(value, currency) if value is not None and currency else None


def _invoice(session: Session, push: Push) -> Invoice | None:
    if push.document == Document.INVOICE:
        return session.get(Invoice, push.document_id)
    if push.document == Document.PAYMENT:
        payment = session.get(Payment, push.document_id)
        return payment.invoice if payment else None
    if push.document in (Document.CREDIT_NOTE, Document.REFUND):
        refund = session.get(Refund, push.document_id)
        return refund.invoice if refund else None
    return None
