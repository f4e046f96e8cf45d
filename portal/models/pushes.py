"""The outbox: pushes, the batches that carry them, what was said to Xero, and the links that came of it."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal import clock
from portal.models.base import Base, ExactJSON, Moment, Money, Word
from portal.models.people import Location


class Document(StrEnum):
    """The kinds of document that are pushed, in the order in which they go."""

    CONTACT = "contact"
    INVOICE = "invoice"
    PAYMENT = "payment"
    CREDIT_NOTE = "credit_note"
    REFUND = "refund"


class Operation(StrEnum):
    """What a push does to the document in Xero."""

    CREATE = "create"
    UPDATE = "update"
    RECODE = "recode"
    OVERPAY = "overpay"
    VOID = "void"


class PushState(StrEnum):
    """Where a push stands; `services/outbox.py` alone changes it."""

    QUEUED = "queued"
    SENDING = "sending"
    WAITING = "waiting"
    BLOCKED = "blocked"
    SENT = "sent"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"

    @property
    def settled(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self in (PushState.SENT, PushState.SKIPPED, PushState.CANCELLED)


class Failure(StrEnum):
    """Why a push waits or is blocked; `services/problems.py` has the sentence, owner and button of each."""

    BUSY = "busy"
    LIMIT = "limit"
    UNSURE = "unsure"
    DISCONNECTED = "disconnected"
    MAPPING = "mapping"
    REFUSED = "refused"
    CONFLICT = "conflict"
    BUG = "bug"


# What gives back or undoes; said with literals, as a partial index is only used by a condition that says the same.
REVERSALS = "operation = 'void' OR document IN ('credit_note', 'refund')"


class Push(Base):
    """One row of the outbox: which document, which revision, which operation, which state.

    `parent_*` names the document whose link must exist first (an invoice's contact, a payment's invoice).
    `cause` groups what one act mends, for example `category:product:66f0…` or `account:215`.
    `before` is what Xero held before a change, as it was last sent.
    """

    __tablename__ = "pushes"
    __table_args__ = (
        UniqueConstraint("location_id", "document", "document_id", "operation"),
        Index("ix_pushes_location_id_state_document", "location_id", "state", "document", "updated_at", "id"),
        Index("ix_pushes_state_next_try_at", "state", "next_try_at"),
        Index("ix_pushes_location_id_id", "location_id", "id"),
        Index("ix_pushes_location_id_state_updated_at", "location_id", "state", "updated_at", "id", "document"),
        Index(
            "ix_pushes_reversals", "location_id", "updated_at", "id",
            sqlite_where=text(REVERSALS), postgresql_where=text(REVERSALS),
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"))
    document: Mapped[Document] = mapped_column(Word(Document))
    document_id: Mapped[int] = mapped_column()
    operation: Mapped[Operation] = mapped_column(Word(Operation))
    revision: Mapped[int] = mapped_column(default=1)
    sending_revision: Mapped[int | None] = mapped_column()
    parent_document: Mapped[Document | None] = mapped_column(Word(Document))
    parent_id: Mapped[int | None] = mapped_column()
    state: Mapped[PushState] = mapped_column(Word(PushState), default=PushState.QUEUED)
    failure: Mapped[Failure | None] = mapped_column(Word(Failure))
    cause: Mapped[str | None] = mapped_column(String(320), index=True)
    message: Mapped[str | None] = mapped_column(String(1000))
    tries: Mapped[int] = mapped_column(default=0)
    looks: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime | None] = mapped_column(Moment)
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("batches.id"), index=True)
    amount: Mapped[Decimal | None] = mapped_column(Money)
    currency: Mapped[str | None] = mapped_column(String(3))
    created_at: Mapped[datetime] = mapped_column(Moment, default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(Moment, default=clock.now)
    settled_at: Mapped[datetime | None] = mapped_column(Moment)
    settled_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    before: Mapped[dict[str, Any] | None] = mapped_column(ExactJSON)

    location: Mapped[Location] = relationship(viewonly=True)
    attempts: Mapped[list["Attempt"]] = relationship(order_by="Attempt.id.desc()", viewonly=True)

    @property
    def at_rest(self) -> bool:
        """Whether nothing of it is on its way to Xero or may have arrived there unheard."""
        return self.batch_id is None and self.failure != Failure.UNSURE


class BatchState(StrEnum):
    """How far a batch has come: written ahead, stamped as leaving, closed with its results."""

    PREPARED = "prepared"
    SENT = "sent"
    CLOSED = "closed"


UNSETTLED = (BatchState.PREPARED, BatchState.SENT)
"""Batches of which something is still to be heard; asked for by name, so that their index serves."""


class Batch(Base):
    """One request to Xero, written down before a byte leaves: exact body, key, times.

    A batch that is `sent` and has no answer is unknown: `resolve_at` says when to look in Xero.
    """

    __tablename__ = "batches"
    __table_args__ = (Index("ix_batches_connection_id_state", "connection_id", "state"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connections.id"))
    tenant_id: Mapped[str] = mapped_column(String(64))
    document: Mapped[Document] = mapped_column(Word(Document))
    operation: Mapped[Operation] = mapped_column(Word(Operation))
    method: Mapped[str] = mapped_column(String(4))
    path: Mapped[str] = mapped_column(String(200))
    body: Mapped[bytes] = mapped_column(LargeBinary)
    idempotency_key: Mapped[str] = mapped_column(String(128), unique=True)
    state: Mapped[BatchState] = mapped_column(Word(BatchState), default=BatchState.PREPARED)
    fence: Mapped[int] = mapped_column()
    created_at: Mapped[datetime] = mapped_column(Moment, default=clock.now)
    first_sent_at: Mapped[datetime | None] = mapped_column(Moment)
    last_sent_at: Mapped[datetime | None] = mapped_column(Moment)
    resolve_at: Mapped[datetime | None] = mapped_column(Moment)
    tries: Mapped[int] = mapped_column(default=0)
    closed_at: Mapped[datetime | None] = mapped_column(Moment)
    outcome: Mapped[str | None] = mapped_column(String(200))
    items: Mapped[list[dict[str, Any]]] = mapped_column(ExactJSON)


class Attempt(Base):
    """What one push said to Xero and what came back, word for word, secrets never included. Append-only."""

    __tablename__ = "attempts"

    id: Mapped[int] = mapped_column(primary_key=True)
    push_id: Mapped[int] = mapped_column(ForeignKey("pushes.id"), index=True)
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("batches.id"))
    at: Mapped[datetime] = mapped_column(Moment, default=clock.now)
    outcome: Mapped[str] = mapped_column(String(20))
    message: Mapped[str | None] = mapped_column(String(1000))
    http_status: Mapped[int | None] = mapped_column()
    duration_ms: Mapped[int | None] = mapped_column()
    idempotency_key: Mapped[str | None] = mapped_column(String(128))
    correlation_id: Mapped[str | None] = mapped_column(String(64))
    request: Mapped[dict[str, Any] | None] = mapped_column(ExactJSON)
    answer: Mapped[dict[str, Any] | None] = mapped_column(ExactJSON)

    push: Mapped[Push] = relationship(viewonly=True)


class Link(Base):
    """Our document ↔ its id in one Xero organisation. `sent_hash` is the content that Xero holds.

    `content` is that content as it was last sent; `seen` what Xero itself said of it when it was last read back.
    Kept per organisation (tenant id), never per connection row, so that reconnecting re-creates nothing.
    """

    __tablename__ = "links"
    __table_args__ = (
        UniqueConstraint("tenant_id", "location_id", "document", "document_id"),
        Index("ix_links_tenant_id_xero_id", "tenant_id", "xero_id"),
        Index("ix_links_location_id_document_document_id", "location_id", "document", "document_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"))
    tenant_id: Mapped[str] = mapped_column(String(64))
    document: Mapped[Document] = mapped_column(Word(Document))
    document_id: Mapped[int] = mapped_column()
    xero_id: Mapped[str] = mapped_column(String(64))
    xero_number: Mapped[str | None] = mapped_column(String(255))
    xero_status: Mapped[str | None] = mapped_column(String(20))
    xero_total: Mapped[Decimal | None] = mapped_column(Money)
    ours: Mapped[bool] = mapped_column(default=True)
    sent_hash: Mapped[str | None] = mapped_column(String(64))
    linked_at: Mapped[datetime] = mapped_column(Moment, default=clock.now)
    content: Mapped[dict[str, Any] | None] = mapped_column(ExactJSON)
    seen: Mapped[dict[str, Any] | None] = mapped_column(ExactJSON)


class Heartbeat(Base):
    """A process that says it is alive; the ticker's row is also the lease that makes a second one wait.

    `failing` is how many jobs of a worker failed one after another, up to now.
    """

    __tablename__ = "heartbeats"

    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20), index=True)
    at: Mapped[datetime] = mapped_column(Moment, default=clock.now)
    detail: Mapped[str | None] = mapped_column(String(200))
    failing: Mapped[int] = mapped_column(default=0)
