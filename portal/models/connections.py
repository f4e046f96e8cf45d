"""Xero token sets, the links of locations to organisations, and what happened to them."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal import clock
from portal.models.base import Base, ExactJSON, Moment, Word
from portal.models.people import Location, User


class AuthorisationState(StrEnum):
    """Whether Xero still honours the token set."""

    ACTIVE = "active"
    LOST = "lost"


class Authorisation(Base):
    """One Xero user's token set for our app (sealed); may serve several connections.

    `version` grows with each new token set; `lease_*` and `fence` make the refresh single flight. `checked_at` is
    when Xero last listed its organisations; `failing_since` and `failing_reason` (app, busy) tell of refreshes
    that do not succeed.
    """

    __tablename__ = "authorisations"

    id: Mapped[int] = mapped_column(primary_key=True)
    xero_user_id: Mapped[str] = mapped_column(String(64), unique=True)
    email: Mapped[str | None] = mapped_column(String(255))
    name: Mapped[str | None] = mapped_column(String(255))
    state: Mapped[AuthorisationState] = mapped_column(
        Word(AuthorisationState), default=AuthorisationState.ACTIVE
    )
    lost_at: Mapped[datetime | None] = mapped_column(Moment)
    tokens_sealed: Mapped[str] = mapped_column(Text)
    previous_sealed: Mapped[str | None] = mapped_column(Text)
    scopes: Mapped[list[str]] = mapped_column(ExactJSON)
    expires_at: Mapped[datetime] = mapped_column(Moment)
    refreshed_at: Mapped[datetime] = mapped_column(Moment)
    checked_at: Mapped[datetime | None] = mapped_column(Moment)
    failing_since: Mapped[datetime | None] = mapped_column(Moment)
    failing_reason: Mapped[str | None] = mapped_column(String(20))
    version: Mapped[int] = mapped_column(default=1)
    lease_owner: Mapped[str | None] = mapped_column(String(80))
    lease_until: Mapped[datetime | None] = mapped_column(Moment)
    fence: Mapped[int] = mapped_column(default=0)

    @property
    def row(self) -> str:
        """The row's identity, bound into its sealed tokens."""
        return f"authorisations:{self.xero_user_id}"


class ConnectionState(StrEnum):
    """What the link to Xero is good for right now."""

    CONNECTED = "connected"
    PAUSED = "paused"
    ATTENTION = "attention"
    DISCONNECTED = "disconnected"


class Connection(Base):
    """A location's link to one Xero organisation, with its state and since when.

    One row a location. `fence` grows with every lease: a write that carries an older number is refused.
    `organisation` holds what we last read of it: name, short_code, country, base_currency, lock dates, currencies.
    `checked_at` is when Xero last said that it holds; `doubted_at` when a refusal was met that nobody could explain.
    From `day_used_at` until `day_used_until` the backlog stops, as today's calls are used but for the share kept for
    what people wait for; before `rest_until` nothing goes at all.
    """

    __tablename__ = "connections"

    id: Mapped[int] = mapped_column(primary_key=True)
    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"), unique=True)
    authorisation_id: Mapped[int] = mapped_column(ForeignKey("authorisations.id"), index=True)
    xero_connection_id: Mapped[str] = mapped_column(String(64))
    tenant_id: Mapped[str] = mapped_column(String(64), index=True)
    state: Mapped[ConnectionState] = mapped_column(Word(ConnectionState))
    since: Mapped[datetime] = mapped_column(Moment, default=clock.now)
    reason: Mapped[str | None] = mapped_column(String(300))
    cut_off: Mapped[datetime] = mapped_column(Moment)
    connected_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    connected_at: Mapped[datetime] = mapped_column(Moment, default=clock.now)
    organisation: Mapped[dict[str, object]] = mapped_column(ExactJSON, default=dict)
    facts_fetched_at: Mapped[datetime | None] = mapped_column(Moment)
    contacts_fetched_at: Mapped[datetime | None] = mapped_column(Moment)
    last_success_at: Mapped[datetime | None] = mapped_column(Moment)
    checked_at: Mapped[datetime | None] = mapped_column(Moment)
    doubted_at: Mapped[datetime | None] = mapped_column(Moment)
    rest_until: Mapped[datetime | None] = mapped_column(Moment)
    rest_reason: Mapped[str | None] = mapped_column(String(20))
    day_used_at: Mapped[datetime | None] = mapped_column(Moment)
    day_used_until: Mapped[datetime | None] = mapped_column(Moment)
    stumbles: Mapped[int] = mapped_column(default=0)
    lease_owner: Mapped[str | None] = mapped_column(String(80))
    lease_until: Mapped[datetime | None] = mapped_column(Moment)
    fence: Mapped[int] = mapped_column(default=0)

    location: Mapped[Location] = relationship()
    authorisation: Mapped[Authorisation] = relationship()
    connected_by: Mapped[User | None] = relationship()

    @property
    def name(self) -> str:
        """The organisation's name as Xero last told it."""
        return str(self.organisation.get("name") or "Xero organisation")

    @property
    def demo(self) -> bool:
        """Whether it is Xero's demo company, which starts anew every 28 days."""
        return bool(self.organisation.get("is_demo"))

    def day_used(self, moment: datetime) -> datetime | None:
        """Since when the backlog stops as today's calls are used; None while it goes."""
        over = self.day_used_until is None or self.day_used_until <= moment
        return None if over else self.day_used_at

    @property
    def live(self) -> bool:
        """Whether pushes go out over it."""
        return self.state == ConnectionState.CONNECTED


class ConnectionEvent(Base):
    """Something that happened to a connection. Append-only."""

    __tablename__ = "connection_events"

    id: Mapped[int] = mapped_column(primary_key=True)
    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"), index=True)
    at: Mapped[datetime] = mapped_column(Moment, default=clock.now)
    what: Mapped[str] = mapped_column(String(300))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))


class ConsentRun(Base):
    """One started consent: single use, bound to the session and the user who started it.

    Where a person has to choose after coming back from Xero, `offered` lists the organisations and
    `authorisation_id` names the sign-in; `settled_at` is when that was decided.
    """

    __tablename__ = "consent_runs"

    id: Mapped[int] = mapped_column(primary_key=True)
    state_hash: Mapped[str] = mapped_column(String(64), unique=True)
    verifier_sealed: Mapped[str] = mapped_column(String(500))
    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"))
    session_id: Mapped[int] = mapped_column(ForeignKey("sessions.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    expires_at: Mapped[datetime] = mapped_column(Moment)
    used_at: Mapped[datetime | None] = mapped_column(Moment)
    authorisation_id: Mapped[int | None] = mapped_column(ForeignKey("authorisations.id"))
    offered: Mapped[list[dict[str, Any]] | None] = mapped_column(ExactJSON)
    settled_at: Mapped[datetime | None] = mapped_column(Moment)

    location: Mapped[Location] = relationship()

    @property
    def row(self) -> str:
        """The row's identity, bound into its sealed verifier."""
        return f"consent_runs:{self.state_hash}"


class Withdrawal(Base):
    """Something at Xero that we no longer want: written before Xero is told, so that no crash forgets it.

    `xero_connection_id` is the connection to delete, empty where only an unused sign-in is given back. Open while
    `done_at` is empty; it is tried at `next_try_at`.
    """

    __tablename__ = "withdrawals"

    id: Mapped[int] = mapped_column(primary_key=True)
    authorisation_id: Mapped[int] = mapped_column(ForeignKey("authorisations.id"), index=True)
    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"))
    xero_connection_id: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime] = mapped_column(Moment, default=clock.now)
    tries: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime | None] = mapped_column(Moment, index=True)
    done_at: Mapped[datetime | None] = mapped_column(Moment)
    outcome: Mapped[str | None] = mapped_column(String(200))
