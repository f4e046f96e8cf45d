"""Keys with which other programs use the API, and the answers kept for their repeated writes."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal import clock
from portal.models.base import Base, Moment
from portal.models.people import Location, User


class ApiKey(Base):
    """A program's key to one location. `key_hash` is the SHA-256 of the whole key, which is shown once and never kept.

    `prefix` is the part of the key by which its row is found. `actor` is the user as whom the program acts: nobody
    can sign in as it, and it stands in the audit trail as "API key NAME". `made_by` is None for an operator's.
    """

    __tablename__ = "api_keys"

    id: Mapped[int] = mapped_column(primary_key=True)
    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"), index=True)
    actor_id: Mapped[int] = mapped_column(ForeignKey("users.id"), unique=True)
    name: Mapped[str] = mapped_column(String(100))
    prefix: Mapped[str] = mapped_column(String(16), unique=True)
    key_hash: Mapped[str] = mapped_column(String(64))
    may_write: Mapped[bool] = mapped_column()
    made_at: Mapped[datetime] = mapped_column(Moment, default=clock.now)
    made_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    used_at: Mapped[datetime | None] = mapped_column(Moment)
    revoked_at: Mapped[datetime | None] = mapped_column(Moment)
    revoked_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))

    location: Mapped[Location] = relationship()
    actor: Mapped[User] = relationship(foreign_keys=actor_id)
    made_by: Mapped[User | None] = relationship(foreign_keys=made_by_id)
    revoked_by: Mapped[User | None] = relationship(foreign_keys=revoked_by_id)

    @property
    def live(self) -> bool:
        """Whether it still opens anything."""
        return self.revoked_at is None


class ApiRequest(Base):
    """A write under an Idempotency-Key: the same key again gets the kept answer, for a day.

    `fingerprint` is the SHA-256 of method, path and body. `status` is None while the first one is under way.
    """

    __tablename__ = "api_requests"
    __table_args__ = (UniqueConstraint("api_key_id", "idempotency_key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    api_key_id: Mapped[int] = mapped_column(ForeignKey("api_keys.id"))
    idempotency_key: Mapped[str] = mapped_column(String(255))
    fingerprint: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(Moment, default=clock.now, index=True)
    status: Mapped[int | None] = mapped_column()
    answer: Mapped[str | None] = mapped_column(Text)
