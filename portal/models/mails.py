"""Letters that are to go out: written with the change that causes them, sent by a job."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from portal import clock
from portal.models.base import Base, Moment, Word


class MailState(StrEnum):
    """What has become of a letter."""

    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"


class Mail(Base):
    """One letter to one address. `body_sealed` holds text and HTML, because links in it open accounts; it is
    dropped once the letter is sent or given up. After `good_until` it is not sent any more.

    Whoever sends it holds it until `held_until`.
    """

    __tablename__ = "mails"
    __table_args__ = (Index("ix_mails_state_next_try_at", "state", "next_try_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(32), unique=True)
    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"), index=True)
    kind: Mapped[str] = mapped_column(String(40))
    to: Mapped[str] = mapped_column(String(255))
    subject: Mapped[str] = mapped_column(String(300))
    body_sealed: Mapped[str | None] = mapped_column(Text)
    state: Mapped[MailState] = mapped_column(Word(MailState), default=MailState.QUEUED)
    tries: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime] = mapped_column(Moment, default=clock.now)
    held_until: Mapped[datetime | None] = mapped_column(Moment)
    good_until: Mapped[datetime | None] = mapped_column(Moment)
    problem: Mapped[str | None] = mapped_column(String(300))
    created_at: Mapped[datetime] = mapped_column(Moment, default=clock.now)
    settled_at: Mapped[datetime | None] = mapped_column(Moment)

    @property
    def row(self) -> str:
        """The row's identity, bound into its sealed body."""
        return f"mails:{self.key}"
