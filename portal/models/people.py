"""Agencies, their locations, and the people who sign in."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import DDL, ForeignKey, Index, String, UniqueConstraint, event
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal import clock
from portal.models import append_only
from portal.models.base import Base, Moment, Word

if TYPE_CHECKING:
    from portal.models.connections import Connection


class Role(StrEnum):
    """What a person may do in the agency."""

    AGENCY_ADMIN = "agency_admin"
    ACCOUNT_ADMIN = "account_admin"
    VIEWER = "viewer"


class Agency(Base):
    """A HoopAI company; owns users and locations."""

    __tablename__ = "agencies"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    second_factor_required: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(Moment, default=clock.now)


class Location(Base):
    """A HoopAI account: the tenant of everything below it. `hoop_id` is HoopAI's `locationId`."""

    __tablename__ = "locations"

    id: Mapped[int] = mapped_column(primary_key=True)
    hoop_id: Mapped[str] = mapped_column(String(64), unique=True)
    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    timezone: Mapped[str] = mapped_column(String(64), default="UTC")
    created_at: Mapped[datetime] = mapped_column(Moment, default=clock.now)

    agency: Mapped[Agency] = relationship()
    connection: Mapped[Connection | None] = relationship(viewonly=True)


class User(Base):
    """A person who signs in; agency admins see every location, others the ones they are given."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"), index=True)
    email: Mapped[str] = mapped_column(String(255), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    password_hash: Mapped[str | None] = mapped_column(String(255))
    role: Mapped[Role] = mapped_column(Word(Role))
    active: Mapped[bool] = mapped_column(default=True)
    last_seen_at: Mapped[datetime | None] = mapped_column(Moment)
    created_at: Mapped[datetime] = mapped_column(Moment, default=clock.now)

    agency: Mapped[Agency] = relationship()

    @property
    def may_change(self) -> bool:
        """Whether this person may change anything."""
        return self.role != Role.VIEWER


class UserLocation(Base):
    """A location that an account admin or viewer may enter."""

    __tablename__ = "user_locations"
    __table_args__ = (UniqueConstraint("user_id", "location_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"))


class Session(Base):
    """One signed-in browser; `key_hash` is the SHA-256 of the cookie's key, so a stolen table signs nobody in.

    While it is `pending` the password was right and the second factor's code is still to come.
    """

    __tablename__ = "sessions"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(Moment, default=clock.now)
    seen_at: Mapped[datetime] = mapped_column(Moment, default=clock.now)
    expires_at: Mapped[datetime] = mapped_column(Moment)
    ended_at: Mapped[datetime | None] = mapped_column(Moment)
    pending: Mapped[bool] = mapped_column(default=False)
    address: Mapped[str | None] = mapped_column(String(64))
    browser: Mapped[str | None] = mapped_column(String(200))

    user: Mapped[User] = relationship()


class AuditEntry(Base):
    """A decision of a person: who, what, when. Append-only: the database itself refuses to change or delete one."""

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index("ix_audit_entries_agency_id_id", "agency_id", "id"),
        Index("ix_audit_entries_location_id_id", "location_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    location_id: Mapped[int | None] = mapped_column(ForeignKey("locations.id"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    at: Mapped[datetime] = mapped_column(Moment, default=clock.now)
    action: Mapped[str] = mapped_column(String(60))
    detail: Mapped[str] = mapped_column(String(500), default="")


for _database, _rule in append_only.rules("audit_entries"):
    event.listen(AuditEntry.__table__, "after_create", DDL(_rule).execute_if(dialect=_database))
