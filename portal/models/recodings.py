"""Re-coding: moving the lines of invoices that Xero holds already to the account of today's mapping."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal import clock
from portal.models.base import Base, ExactJSON, Moment, Word
from portal.models.documents import Invoice
from portal.models.people import User


class RecodingState(StrEnum):
    """How far a re-coding has come: reading Xero's invoices, all read and handed to the outbox, or called off."""

    RUNNING = "running"
    READ = "read"
    CANCELLED = "cancelled"


class RecodedState(StrEnum):
    """What became of one invoice before the outbox has it; from `going` on its push tells."""

    WAITING = "waiting"
    GOING = "going"
    RIGHT = "right"
    LEFT_OUT = "left_out"
    CANCELLED = "cancelled"


class Recoding(Base):
    """One decision to re-code, with who made it. `save_id` is the save of the mapping that it follows."""

    __tablename__ = "recodings"

    id: Mapped[int] = mapped_column(primary_key=True)
    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"), index=True)
    tenant_id: Mapped[str] = mapped_column(String(64))
    save_id: Mapped[int] = mapped_column(ForeignKey("mapping_saves.id"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    at: Mapped[datetime] = mapped_column(Moment, default=clock.now)
    state: Mapped[RecodingState] = mapped_column(
        Word(RecodingState), default=RecodingState.RUNNING, index=True
    )

    user: Mapped[User | None] = relationship()


class RecodedInvoice(Base):
    """One invoice of a re-coding. `element` is what Xero will be told, made from what was read at `read_at`."""

    __tablename__ = "recoded_invoices"
    __table_args__ = (
        UniqueConstraint("recoding_id", "invoice_id"),
        Index("ix_recoded_invoices_recoding_id_state", "recoding_id", "state"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    recoding_id: Mapped[int] = mapped_column(ForeignKey("recodings.id"))
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoices.id"), index=True)
    push_id: Mapped[int | None] = mapped_column(ForeignKey("pushes.id"))
    state: Mapped[RecodedState] = mapped_column(Word(RecodedState), default=RecodedState.WAITING)
    message: Mapped[str | None] = mapped_column(String(300))
    read_at: Mapped[datetime | None] = mapped_column(Moment)
    element: Mapped[dict[str, Any] | None] = mapped_column(ExactJSON)

    recoding: Mapped[Recoding] = relationship()
    invoice: Mapped[Invoice] = relationship()
