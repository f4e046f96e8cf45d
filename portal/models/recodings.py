"""Re-coding: moving the lines of invoices that Xero holds already to the account of today's mapping."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal import clock
from portal.models.base import Base, Moment, Word
from portal.models.documents import Invoice
from portal.models.people import User
from portal.models.pushes import Push, PushState


class Recoding(Base):
    """One decision to re-code, with who made it. `save_id` is the save of the mapping that it follows."""

    __tablename__ = "recodings"

    id: Mapped[int] = mapped_column(primary_key=True)
    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"), index=True)
    tenant_id: Mapped[str] = mapped_column(String(64))
    save_id: Mapped[int] = mapped_column(ForeignKey("mapping_saves.id"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    at: Mapped[datetime] = mapped_column(Moment, default=clock.now)
    cancelled_at: Mapped[datetime | None] = mapped_column(Moment)

    user: Mapped[User | None] = relationship()


class RecodedInvoice(Base):
    """One invoice of a re-coding. Its push tells how it stands, until a later one uses the push and `outcome` is kept.

    What was left out from the beginning has an outcome and no push.
    """

    __tablename__ = "recoded_invoices"
    __table_args__ = (UniqueConstraint("recoding_id", "invoice_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    recoding_id: Mapped[int] = mapped_column(ForeignKey("recodings.id"))
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoices.id"), index=True)
    push_id: Mapped[int | None] = mapped_column(ForeignKey("pushes.id"), index=True)
    outcome: Mapped[PushState | None] = mapped_column(Word(PushState))
    message: Mapped[str | None] = mapped_column(String(1000))

    recoding: Mapped[Recoding] = relationship()
    invoice: Mapped[Invoice] = relationship()
    push: Mapped[Push | None] = relationship()
