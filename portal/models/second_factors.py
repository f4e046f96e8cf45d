"""The second factor of a person: codes by the clock, and codes for the day when the phone is gone."""

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from portal import clock
from portal.models.base import Base, Moment


class SecondFactor(Base):
    """The secret that a person's authenticator shares with us (RFC 6238), sealed.

    It counts once it is confirmed. `last_step` is the half minute of the newest code that was taken: none counts twice.
    """

    __tablename__ = "second_factors"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), unique=True)
    secret_sealed: Mapped[str] = mapped_column(String(500))
    created_at: Mapped[datetime] = mapped_column(Moment, default=clock.now)
    confirmed_at: Mapped[datetime | None] = mapped_column(Moment)
    last_step: Mapped[int] = mapped_column(default=0)

    @property
    def row(self) -> str:
        """The row's identity, bound into its sealed secret."""
        return f"second_factors:{self.user_id}"


class RecoveryCode(Base):
    """A code that stands in for the authenticator once; kept as its SHA-256."""

    __tablename__ = "recovery_codes"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    code_hash: Mapped[str] = mapped_column(String(64))
    used_at: Mapped[datetime | None] = mapped_column(Moment)
