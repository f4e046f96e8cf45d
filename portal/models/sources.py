"""A location's link to HoopAI: the webhook deliveries that came over it, and the reading up of what they missed."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal import clock
from portal.models.base import Base, ExactJSON, Moment, Word
from portal.models.people import Location, User


class Source(Base):
    """Where HoopAI's webhooks for one location arrive, and the token to read its REST API with.

    While a secret is being replaced, those before it (sealed together) count as well, until `previous_until`.
    `public_key` stands in for the vendor's own in the schemes that sign with one. `api_refused_reason` is set while
    HoopAI does not accept the API token, `api_lacks` lists scopes that it was made without;
    before `api_rest_until` nothing is asked of HoopAI.
    """

    __tablename__ = "sources"

    id: Mapped[int] = mapped_column(primary_key=True)
    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"), unique=True)
    hook_token: Mapped[str] = mapped_column(String(64), unique=True)
    secret_sealed: Mapped[str] = mapped_column(String(500))
    scheme: Mapped[str] = mapped_column(String(30), default="x-wl-signature")
    public_key: Mapped[str | None] = mapped_column(String(2000))
    previous_secret_sealed: Mapped[str | None] = mapped_column(String(500))
    previous_until: Mapped[datetime | None] = mapped_column(Moment)
    api_token_sealed: Mapped[str | None] = mapped_column(String(1000))
    api_checked_at: Mapped[datetime | None] = mapped_column(Moment)
    api_refused_reason: Mapped[str | None] = mapped_column(String(300))
    api_lacks: Mapped[list[str] | None] = mapped_column(ExactJSON)
    api_rest_until: Mapped[datetime | None] = mapped_column(Moment)
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

    @property
    def previous_counts(self) -> bool:
        """Whether the secrets before the present one still count."""
        return self.previous_until is not None and self.previous_until > clock.now()

    @property
    def readable(self) -> bool:
        """Whether HoopAI's REST API can be asked about this location."""
        return self.api_token_sealed is not None and self.api_refused_reason is None


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
        Index("ix_inbound_events_state_location_id", "state", "location_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("sources.id"))
    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"), index=True)
    dedupe: Mapped[str] = mapped_column(String(80))
    received_at: Mapped[datetime] = mapped_column(Moment, default=clock.now)
    event: Mapped[str | None] = mapped_column(String(60))
    shape: Mapped[str | None] = mapped_column(String(10))
    hoop_id: Mapped[str | None] = mapped_column(String(64), index=True)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[EventState] = mapped_column(Word(EventState), default=EventState.RECEIVED)
    reason: Mapped[str | None] = mapped_column(String(300))
    applied_at: Mapped[datetime | None] = mapped_column(Moment)


class CatchUpState(StrEnum):
    """How far a catch-up has come; only `running` ones go on."""

    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


class Stage(StrEnum):
    """What a catch-up reads, in this order."""

    COLLECTIONS = "collections"
    PRODUCTS = "products"
    INVOICES = "invoices"
    MISSING = "missing"
    TRANSACTIONS = "transactions"


class CatchUp(Base):
    """One reading of everything in HoopAI's REST API that a lost webhook could have hidden.

    It goes on page by page over many short jobs: `stage` and `page` say where. `total` is what HoopAI counts in this
    stage and those before, `seen` how much of it was read; `changed` counts documents that it brought up to date.
    `busy_until` keeps two workers from going on at once; before `next_at` nothing is asked (HoopAI's rate limit).
    """

    __tablename__ = "catch_ups"
    __table_args__ = (
        Index(
            "ix_catch_ups_running", "location_id", unique=True,
            sqlite_where=text("state = 'running'"), postgresql_where=text("state = 'running'"),
        ),
        Index("ix_catch_ups_location_id_started_at", "location_id", "started_at"),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"))
    started_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    state: Mapped[CatchUpState] = mapped_column(Word(CatchUpState), default=CatchUpState.RUNNING)
    stage: Mapped[Stage] = mapped_column(Word(Stage), default=Stage.COLLECTIONS)
    page: Mapped[int] = mapped_column(default=0)
    since: Mapped[date] = mapped_column()
    total: Mapped[int] = mapped_column(default=0)
    seen: Mapped[int] = mapped_column(default=0)
    changed: Mapped[int] = mapped_column(default=0)
    broken: Mapped[int] = mapped_column(default=0)
    calls: Mapped[int] = mapped_column(default=0)
    tries: Mapped[int] = mapped_column(default=0)
    message: Mapped[str | None] = mapped_column(String(300))
    started_at: Mapped[datetime] = mapped_column(Moment, default=clock.now)
    next_at: Mapped[datetime | None] = mapped_column(Moment)
    busy_until: Mapped[datetime | None] = mapped_column(Moment)
    finished_at: Mapped[datetime | None] = mapped_column(Moment)

    started_by: Mapped[User | None] = relationship()

    @property
    def percent(self) -> int:
        """How much of what is known so far has been read, 0 to 100."""
        if self.state == CatchUpState.DONE:
            return 100
        return min(99, 100 * self.seen // self.total) if self.total else 0
