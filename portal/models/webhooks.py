"""Webhooks out: addresses of other programs that want to be told, and every delivery to them."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal import clock
from portal.models.base import Base, ExactJSON, Moment, Word
from portal.models.people import Location, User


class WebhookEndpoint(Base):
    """An address that is told of some events of one location.

    `secret_sealed` signs; while it is being replaced those before it (sealed together) sign as well, until
    `previous_until`. Before
    `rest_until` nothing is sent: the last tries (`failures` of them in a row) were in vain. Removed ones stay for
    their deliveries.
    """

    __tablename__ = "webhook_endpoints"

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(String(32), unique=True)
    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"), index=True)
    url: Mapped[str] = mapped_column(String(500))
    events: Mapped[list[str]] = mapped_column(ExactJSON)
    secret_sealed: Mapped[str] = mapped_column(String(500))
    previous_secret_sealed: Mapped[str | None] = mapped_column(String(500))
    previous_until: Mapped[datetime | None] = mapped_column(Moment)
    rest_until: Mapped[datetime | None] = mapped_column(Moment)
    failures: Mapped[int] = mapped_column(default=0)
    made_at: Mapped[datetime] = mapped_column(Moment, default=clock.now)
    made_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    removed_at: Mapped[datetime | None] = mapped_column(Moment)

    location: Mapped[Location] = relationship()
    made_by: Mapped[User | None] = relationship()

    @property
    def name(self) -> str:
        """The address as everybody may read it: what calls it may be a secret, so of the path only its end is told."""
        parts = urlsplit(self.url)
        rest = f"{parts.path}?{parts.query}".strip("/?")
        return f"{parts.scheme}://{parts.hostname}" + (f"/…{rest[-4:]}" if rest else "")

    @property
    def row(self) -> str:
        """The row's identity, bound into its sealed secrets."""
        return f"webhook_endpoints:{self.uid}"

    @property
    def previous_counts(self) -> bool:
        """Whether the secrets before the present one still count."""
        return self.previous_until is not None and self.previous_until > clock.now()


class DeliveryState(StrEnum):
    """What became of a delivery."""

    QUEUED = "queued"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


class WebhookDelivery(Base):
    """One event for one address, written in the transaction of the change that it tells of.

    `facts` is what was known at that moment; `body` is written at the first try and stays the same from then on.
    `until` is when it is given up. Of the answer the status and 500 letters are kept.
    """

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        Index("ix_webhook_deliveries_state_next_at", "state", "next_at"),
        Index("ix_webhook_deliveries_endpoint_id_id", "endpoint_id", "id"),
        Index("ix_webhook_deliveries_push_id", "push_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(String(36), unique=True)
    endpoint_id: Mapped[int] = mapped_column(ForeignKey("webhook_endpoints.id"))
    event: Mapped[str] = mapped_column(String(40))
    push_id: Mapped[int | None] = mapped_column(ForeignKey("pushes.id"))
    facts: Mapped[dict[str, Any]] = mapped_column(ExactJSON)
    body: Mapped[str | None] = mapped_column(Text)
    state: Mapped[DeliveryState] = mapped_column(Word(DeliveryState), default=DeliveryState.QUEUED)
    tries: Mapped[int] = mapped_column(default=0)
    at: Mapped[datetime] = mapped_column(Moment, default=clock.now)
    until: Mapped[datetime] = mapped_column(Moment)
    next_at: Mapped[datetime | None] = mapped_column(Moment)
    busy_until: Mapped[datetime | None] = mapped_column(Moment)
    settled_at: Mapped[datetime | None] = mapped_column(Moment)
    status: Mapped[int | None] = mapped_column()
    answer: Mapped[str | None] = mapped_column(String(500))

    endpoint: Mapped[WebhookEndpoint] = relationship()
