"""Addresses of other programs that are told of events: add, change the secret, try, remove, and what was delivered."""

import secrets as randomness
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from portal import bell, clock
from portal.config import LOOPBACK, settings
from portal.errors import ChooseAgain, NotFoundHere
from portal.extensions import db
from portal.models import DeliveryState, User, WebhookDelivery, WebhookEndpoint
from portal.services import audit, heralding, paging, secrets
from portal.services.paging import Page
from portal.services.unit import transaction
from portal.webhooks import posting

JOB = "jobs.webhooks.deliver"
MOST = 10
BOTH_COUNT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Shown:
    """A secret that is shown this once."""

    endpoint_id: int
    url: str
    secret: str


def loopback() -> bool:
    """Whether this machine itself may be told: only where the portal is reached on it alone."""
    return urlsplit(settings().base_url).hostname in LOOPBACK


def all_of(location_id: int) -> Sequence[WebhookEndpoint]:
    """The addresses of a location, the oldest first."""
    return db.session.scalars(
        select(WebhookEndpoint)
        .where(WebhookEndpoint.location_id == location_id, WebhookEndpoint.removed_at.is_(None))
        .options(joinedload(WebhookEndpoint.made_by))
        .order_by(WebhookEndpoint.id)
    ).all()


def one(location_id: int, endpoint_id: int) -> WebhookEndpoint:
    """An address of this location. Raises NotFoundHere."""
    return _one(db.session(), location_id, endpoint_id)


def add(location_id: int, user: User, url: str, events: Sequence[str]) -> Shown:
    """Tell this address of these events from now on. Raises ChooseAgain."""
    url, wanted = url.strip(), _wanted(events)
    try:
        posting.check(url, loopback=loopback())
    except posting.BadAddress as refusal:
        raise ChooseAgain(str(refusal), {"url": str(refusal)}) from None
    secret = _new_secret()
    with transaction() as session:
        mine = (WebhookEndpoint.location_id == location_id, WebhookEndpoint.removed_at.is_(None))
        if (session.scalar(select(func.count()).where(*mine)) or 0) >= MOST:
            raise ChooseAgain(f"A location has {MOST} addresses at most. Remove one first.")
        endpoint = WebhookEndpoint(uid=uuid.uuid4().hex, location_id=location_id, url=url, events=wanted)
        endpoint.secret_sealed, endpoint.made_by_id = secrets.seal(secret, endpoint.row), user.id
        session.add(endpoint)
        session.flush()
        audit.note(session, user, location_id, "webhooks_out.add", endpoint.name)
        return Shown(endpoint.id, url, secret)


def rotate(location_id: int, user: User, endpoint_id: int) -> Shown:
    """Make a new secret; for a day those before it sign as well, so that the receiver can be changed in peace."""
    secret = _new_secret()
    with transaction() as session:
        endpoint = _one(session, location_id, endpoint_id)
        secrets.replace(endpoint, secret, BOTH_COUNT)
        audit.note(session, user, location_id, "webhooks_out.rotate", endpoint.name)
        return Shown(endpoint.id, endpoint.url, secret)


def choose(location_id: int, user: User, endpoint_id: int, events: Sequence[str]) -> None:
    """Tell this address of these events and no others. Raises ChooseAgain."""
    wanted = _wanted(events)
    with transaction() as session:
        endpoint = _one(session, location_id, endpoint_id)
        endpoint.events = wanted
        audit.note(session, user, location_id, "webhooks_out.choose", f"{endpoint.name}: {', '.join(wanted)}")


def remove(location_id: int, user: User, endpoint_id: int) -> str:
    """Tell this address nothing any more; what waited for it is given up. Its address."""
    with transaction() as session:
        endpoint = _one(session, location_id, endpoint_id)
        endpoint.removed_at = clock.now()
        waiting = session.scalars(
            select(WebhookDelivery).where(
                WebhookDelivery.endpoint_id == endpoint_id, WebhookDelivery.state == DeliveryState.QUEUED
            )
        )
        for delivery in waiting:
            delivery.state, delivery.settled_at, delivery.next_at = DeliveryState.GIVEN_UP, clock.now(), None
            delivery.answer = "The address was removed."
        audit.note(session, user, location_id, "webhooks_out.remove", endpoint.name)
        return endpoint.url


def send_test(location_id: int, user: User, endpoint_id: int) -> None:
    """Have a delivery sent that tells of nothing."""
    with transaction() as session:
        endpoint = _one(session, location_id, endpoint_id)
        endpoint.rest_until, endpoint.failures = None, 0
        heralding.write(session, endpoint.id, heralding.TEST, {"message": f"A test by {user.name}."})
    bell.ring(JOB, endpoint_id)


def send_again(location_id: int, user: User, endpoint_id: int, delivery_id: int) -> None:
    """Send a settled delivery once more, the same body under the same id. Raises NotFoundHere."""
    with transaction() as session:
        endpoint = _one(session, location_id, endpoint_id)
        delivery = session.get(WebhookDelivery, delivery_id, with_for_update=True)
        if delivery is None or delivery.endpoint_id != endpoint.id:
            raise NotFoundHere("There is no such delivery here.")
        moment = clock.now()
        delivery.state, delivery.tries, delivery.next_at = DeliveryState.QUEUED, 0, moment
        delivery.until, delivery.settled_at = moment + heralding.GIVEN_UP_AFTER, None
        endpoint.rest_until, endpoint.failures = None, 0
        audit.note(session, user, location_id, "webhooks_out.again", f"{delivery.event} to {endpoint.name}")
    bell.ring(JOB, endpoint_id)


def deliveries(endpoint_id: int, number: int = 1) -> Page[WebhookDelivery]:
    """One page of an address's deliveries, the newest first."""
    mine = WebhookDelivery.endpoint_id == endpoint_id
    total = db.session.scalar(select(func.count()).select_from(WebhookDelivery).where(mine)) or 0
    number = min(max(1, number), max(1, -(-total // paging.SIZE)))
    found = db.session.scalars(
        select(WebhookDelivery)
        .where(mine)
        .order_by(WebhookDelivery.id.desc())
        .offset((number - 1) * paging.SIZE)
        .limit(paging.SIZE)
    ).all()
    return Page(found, number, total)


def counts(location_id: int) -> dict[int, dict[DeliveryState, int]]:
    """How many deliveries of each address stand in each state."""
    rows = db.session.execute(
        select(WebhookDelivery.endpoint_id, WebhookDelivery.state, func.count())
        .join(WebhookEndpoint, WebhookEndpoint.id == WebhookDelivery.endpoint_id)
        .where(WebhookEndpoint.location_id == location_id)
        .group_by(WebhookDelivery.endpoint_id, WebhookDelivery.state)
    )
    found: dict[int, dict[DeliveryState, int]] = {}
    for endpoint_id, state, count in rows:
        found.setdefault(endpoint_id, {})[DeliveryState(state)] = count
    return found


def _one(session: Session, location_id: int, endpoint_id: int) -> WebhookEndpoint:
    found = session.scalar(
        select(WebhookEndpoint).where(
            WebhookEndpoint.location_id == location_id,
            WebhookEndpoint.id == endpoint_id,
            WebhookEndpoint.removed_at.is_(None),
        )
    )
    if found is None:
        raise NotFoundHere("There is no such address here.")
    return found


def _wanted(events: Sequence[str]) -> list[str]:
    wanted = [event for event in heralding.EVENTS if event in events]
    if not wanted:
        raise ChooseAgain("Choose what the address is told of.", {"events": "Choose at least one event."})
    return wanted


def _new_secret() -> str:
    return f"whsec_{randomness.token_urlsafe(32)}"
