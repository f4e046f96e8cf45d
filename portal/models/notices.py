"""What people are told of by mail: trouble of a location with its beginning and end, and who wants to know."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal import clock
from portal.models.base import Base, Moment, Word
from portal.models.people import Location, User


class NoticeKind(StrEnum):
    """What is wrong with a location."""

    CONNECTION = "connection"
    BLOCKED = "blocked"
    LIMIT = "limit"


class Rhythm(StrEnum):
    """How often somebody is told of documents that stay blocked."""

    AT_ONCE = "at_once"
    HOURLY = "hourly"
    DAILY = "daily"
    NEVER = "never"


class Notice(Base):
    """One trouble of one location, from `since` to `ended_at`. At most one of a kind is open at a time."""

    __tablename__ = "notices"
    __table_args__ = (Index("ix_notices_location_id_ended_at", "location_id", "ended_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"))
    kind: Mapped[NoticeKind] = mapped_column(Word(NoticeKind))
    since: Mapped[datetime] = mapped_column(Moment)
    ended_at: Mapped[datetime | None] = mapped_column(Moment)


class Watcher(Base):
    """Who is told of a location, and how often: a person of the agency, or an address that agreed to it.

    A person without a row is told as their role suggests. `trouble` is a lost connection and the day limit;
    `confirmed_at` is None while an address has not agreed.
    """

    __tablename__ = "watchers"
    __table_args__ = (
        UniqueConstraint("location_id", "user_id"),
        UniqueConstraint("location_id", "email"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), index=True)
    email: Mapped[str | None] = mapped_column(String(255))
    trouble: Mapped[bool] = mapped_column(default=True)
    rhythm: Mapped[Rhythm] = mapped_column(Word(Rhythm), default=Rhythm.DAILY)
    key_hash: Mapped[str | None] = mapped_column(String(64), unique=True)
    confirmed_at: Mapped[datetime | None] = mapped_column(Moment)
    added_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(Moment, default=clock.now)

    location: Mapped[Location] = relationship()
    user: Mapped[User | None] = relationship(foreign_keys=[user_id])


class Telling(Base):
    """That a watcher was told of a notice, last at `at`; `newest` is the youngest document named then."""

    __tablename__ = "tellings"
    __table_args__ = (UniqueConstraint("notice_id", "watcher_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    notice_id: Mapped[int] = mapped_column(ForeignKey("notices.id"))
    watcher_id: Mapped[int] = mapped_column(ForeignKey("watchers.id"), index=True)
    at: Mapped[datetime] = mapped_column(Moment)
    newest: Mapped[datetime | None] = mapped_column(Moment)
