"""A location's link to HoopAI and the webhook deliveries that came over it."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal import clock
from portal.models.base import Base, Moment, Word
from portal.models.people import Location


class Source(Base):
    """Where HoopAI's webhooks for one location arrive: address token, secret (sealed), signature scheme."""

    __tablename__ = "sources"

    id: Mapped[int] = mapped_column(primary_key=True)
    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"), unique=True)
    hook_token: Mapped[str] = mapped_column(String(64), unique=True)
    secret_sealed: Mapped[str] = mapped_column(String(500))
    scheme: Mapped[str] = mapped_column(String(30), default="x-wl-signature")
    api_token_sealed: Mapped[str | None] = mapped_column(String(1000))
    created_at: Mapped[datetime] = mapped_column(Moment, default=clock.now)
    last_delivery_at: Mapped[datetime | None] = mapped_column(Moment)
    refused_count: Mapped[int] = mapped_column(default=0)
    refused_at: Mapped[datetime | None] = mapped_column(Moment)
    refused_reason: Mapped[str | None] = mapped_column(String(200))

    location: Mapped[Location] = relationship()

    @property
    def row(self) -> str:
        """The row's identity, bound into its sealed secrets."""
        return f"sources:{self.location_id}"


class EventState(StrEnum):
    """What became of a delivery."""

    RECEIVED = "received"
    APPLIED = "applied"
    IGNORED = "ignored"
    QUARANTINED = "quarantined"
    BROKEN = "broken"


class InboundEvent(Base):
    """One webhook delivery, kept as received."""

    __tablename__ = "inbound_events"
    __table_args__ = (
        UniqueConstraint("source_id", "dedupe"),
        Index("ix_inbound_events_state_id", "state", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("sources.id"))
    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"), index=True)
    dedupe: Mapped[str] = mapped_column(String(80))
    received_at: Mapped[datetime] = mapped_column(Moment, default=clock.now)
    event: Mapped[str | None] = mapped_column(String(60))
    hoop_id: Mapped[str | None] = mapped_column(String(64), index=True)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[EventState] = mapped_column(Word(EventState), default=EventState.RECEIVED)
    reason: Mapped[str | None] = mapped_column(String(300))
    applied_at: Mapped[datetime | None] = mapped_column(Moment)
