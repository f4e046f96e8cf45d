"""Which payment methods are sent to Xero."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from portal import bell
from portal.extensions import db
from portal.models import Connection, Payment, User
from portal.services import looking_up, payments_in, preferences
from portal.services.mapping_history import method_name
from portal.services.unit import transaction

ALWAYS = (
    "stripe",
    "paypal",
    "manual:cash",
    "manual:cheque",
    "manual:bank_transfer",
    "manual:card",
    "manual:other",
)
UNKNOWN = frozenset({payments_in.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Method:
    """One payment method, how many payments it brought so far, and whether they are sent."""

    key: str
    name: str
    seen: int
    sent: bool


def methods(location_id: int) -> list[Method]:
    """Every method that has occurred, those by hand included whether they have or not."""
    rows = db.session.execute(
        select(Payment.method, func.count())
        .where(Payment.location_id == location_id)
        .group_by(Payment.method)
    )
    seen = {method: count for method, count in rows}
    wish = preferences.of(db.session(), location_id)
    keys = [*ALWAYS, *sorted(set(seen) - set(ALWAYS) - UNKNOWN)]
    return [Method(key, method_name(key), seen.get(key, 0), not wish.leaves_out(key)) for key in keys]


def save(location_id: int, user: User, sent: Sequence[str], shown: Sequence[str]) -> int:
    """Send these of the methods that were shown and no others; how many payments that frees."""
    with transaction() as session:
        looking_up.guarded(session, location_id)
        before = preferences.of(session, location_id).methods_left_out
        kept = [key for key in before if key not in shown and key != "manual"]
        left_out = [*kept, *(key for key in shown if key not in sent)]
        preferences.put(session, location_id, user, {"methods_left_out": sorted(set(left_out))})
        freed = payments_in.reconsider(session, location_id)
        connection_id = session.scalar(select(Connection.id).where(Connection.location_id == location_id))
    if freed and connection_id:
        bell.ring("jobs.pushes.drain", connection_id)
    return freed
