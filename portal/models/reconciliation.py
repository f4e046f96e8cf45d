"""Comparing what HoopAI says with what Xero's books hold: runs, what was read of Xero, and what differs."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal import clock
from portal.models.base import Base, ExactJSON, Moment, Word
from portal.models.people import User
from portal.models.pushes import Document


class RunState(StrEnum):
    """How far a reconciliation has come; only `running` ones go on."""

    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


class RunStage(StrEnum):
    """What a reconciliation does, in this order: four readings of Xero, three comparisons, and what is left over."""

    READ_INVOICES = "read_invoices"
    READ_CREDITS = "read_credits"
    READ_PAYMENTS = "read_payments"
    READ_OVERPAID = "read_overpaid"
    INVOICES = "invoices"
    PAYMENTS = "payments"
    REFUNDS = "refunds"
    LEFT_OVER = "left_over"


class DifferenceKind(StrEnum):
    """In what a document differs; `services/differing.py` has the words and the next step of each."""

    MISSING = "missing"
    BLOCKED = "blocked"
    GONE = "gone"
    TOTAL = "total"
    STATUS = "status"
    PAID = "paid"
    DATE = "date"
    CONTACT = "contact"
    ACCOUNT = "account"
    ONLY_XERO = "only_xero"
    WAITING = "waiting"
    LEFT_OUT = "left_out"


class Reconciliation(Base):
    """One comparison of a location with its organisation, for documents dated `first` to `last`.

    It goes on step by step over many short jobs: `stage` and `page` (a page of Xero, or the last id compared) say
    where. `seen` of `total` tells how far; `tallies` holds numbers and values by day and by account; `differing`
    counts what is amiss, `open_count` what is on its way or left out, `foreign` what others made in Xero.
    """

    __tablename__ = "reconciliations"
    __table_args__ = (
        Index(
            "ix_reconciliations_running", "location_id", unique=True,
            sqlite_where=text("state = 'running'"), postgresql_where=text("state = 'running'"),
        ),
        Index("ix_reconciliations_location_id_id", "location_id", "id"),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"))
    connection_id: Mapped[int] = mapped_column(ForeignKey("connections.id"))
    tenant_id: Mapped[str] = mapped_column(String(64))
    started_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    state: Mapped[RunState] = mapped_column(Word(RunState), default=RunState.RUNNING)
    stage: Mapped[RunStage] = mapped_column(Word(RunStage), default=RunStage.READ_INVOICES)
    page: Mapped[int] = mapped_column(default=0)
    first: Mapped[date] = mapped_column()
    last: Mapped[date] = mapped_column()
    total: Mapped[int] = mapped_column(default=0)
    seen: Mapped[int] = mapped_column(default=0)
    calls: Mapped[int] = mapped_column(default=0)
    tries: Mapped[int] = mapped_column(default=0)
    differing: Mapped[int] = mapped_column(default=0)
    open_count: Mapped[int] = mapped_column(default=0)
    foreign: Mapped[int] = mapped_column(default=0)
    tallies: Mapped[dict[str, Any]] = mapped_column(ExactJSON, default=dict)
    message: Mapped[str | None] = mapped_column(String(300))
    started_at: Mapped[datetime] = mapped_column(Moment, default=clock.now)
    next_at: Mapped[datetime | None] = mapped_column(Moment)
    busy_until: Mapped[datetime | None] = mapped_column(Moment)
    finished_at: Mapped[datetime | None] = mapped_column(Moment)

    started_by: Mapped[User | None] = relationship()

    @property
    def percent(self) -> int:
        """How far it has come, 0 to 100."""
        if self.state == RunState.DONE:
            return 100
        return min(99, 100 * self.seen // self.total) if self.total else 0

    @property
    def agrees(self) -> bool | None:
        """Whether nothing is amiss; None before the end."""
        return self.differing == 0 if self.state == RunState.DONE else None


class XeroSeen(Base):
    """One document as a reconciliation read it in Xero; it goes as soon as it is compared."""

    __tablename__ = "xero_seen"
    __table_args__ = (UniqueConstraint("run_id", "document", "xero_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("reconciliations.id"))
    document: Mapped[Document] = mapped_column(Word(Document))
    xero_id: Mapped[str] = mapped_column(String(64))
    facts: Mapped[dict[str, Any]] = mapped_column(ExactJSON)


class Difference(Base):
    """One thing in which HoopAI and Xero differ. `ours` and `theirs` are as people read them.

    `hoop_id` is the invoice that it concerns, None for what only Xero has.
    """

    __tablename__ = "differences"
    __table_args__ = (Index("ix_differences_run_id_id", "run_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("reconciliations.id"))
    kind: Mapped[DifferenceKind] = mapped_column(Word(DifferenceKind))
    document: Mapped[Document] = mapped_column(Word(Document))
    hoop_id: Mapped[str | None] = mapped_column(String(64))
    push_id: Mapped[int | None] = mapped_column(ForeignKey("pushes.id"))
    number: Mapped[str] = mapped_column(String(255))
    day: Mapped[date | None] = mapped_column()
    xero_id: Mapped[str | None] = mapped_column(String(64))
    ours: Mapped[str | None] = mapped_column(String(300))
    theirs: Mapped[str | None] = mapped_column(String(300))
    message: Mapped[str | None] = mapped_column(String(1000))
