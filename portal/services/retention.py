"""What is kept how long: exchanges and deliveries for RETENTION_DAYS, what has run out for a day."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, exists, select

from portal import clock
from portal.config import settings
from portal.extensions import db
from portal.models import (
    ApiRequest,
    Attempt,
    Base,
    Batch,
    BatchState,
    ConsentRun,
    Ending,
    EventState,
    Heartbeat,
    InboundEvent,
    Mail,
    MailState,
    PasswordReset,
    Session,
    WebhookDelivery,
)
from portal.services import idempotency
from portal.services.unit import release, transaction

CHUNK = 1_000
DAILY = timedelta(days=1)
MARK = "chore:retention"


def due() -> bool:
    """Whether a day has passed since the last time."""
    row = db.session.get(Heartbeat, MARK)
    return row is None or row.at < clock.now() - DAILY


def forget() -> int:
    """Delete what need not be kept any longer, in small transactions; how many rows. Twice does no harm."""
    old = clock.now() - timedelta(days=settings().retention_days)
    gone = sum(_delete(table, condition) for table, condition in _outlived(old, clock.now() - DAILY))
    with transaction() as session:
        row = session.get(Heartbeat, MARK) or Heartbeat(name=MARK, kind="chore")
        row.at, row.detail = clock.now(), f"{gone} rows"
        session.add(row)
    return gone


def _outlived(old: datetime, ended: datetime) -> list[tuple[type[Base], ColumnElement[bool]]]:
    """Tables with the condition of what goes, in an order that no reference forbids."""
    told = exists().where(Attempt.batch_id == Batch.id)
    settled = InboundEvent.state != EventState.RECEIVED
    return [
        (Attempt, Attempt.at < old),
        (Batch, (Batch.closed_at < old) & (Batch.state == BatchState.CLOSED) & ~told),
        (InboundEvent, (InboundEvent.received_at < old) & settled),
        (Ending, Ending.heard_at < old),
        (Mail, (Mail.settled_at < old) & (Mail.state != MailState.QUEUED)),
        (PasswordReset, PasswordReset.expires_at < ended),
        (WebhookDelivery, WebhookDelivery.settled_at < old),
        (ApiRequest, idempotency.outlived(clock.now())),
        (ConsentRun, ConsentRun.expires_at < ended),
        (Session, (Session.expires_at < ended) & ~exists().where(ConsentRun.session_id == Session.id)),
    ]


def _delete(table: type[Base], condition: ColumnElement[bool]) -> int:
    key = table.__table__.c.id
    gone = 0
    while True:
        with transaction() as session:
            ids = session.scalars(select(key).where(condition).limit(CHUNK)).all()
            session.execute(delete(table).where(key.in_(ids)))
        release()
        gone += len(ids)
        if len(ids) < CHUNK:
            return gone
