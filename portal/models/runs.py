"""Things that a person has started and that take a while: retrying many documents, running all checks."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal import clock
from portal.models.base import Base, ExactJSON, Moment, Word
from portal.models.people import User


class RunKind(StrEnum):
    """What is done."""

    RETRY = "retry"
    CHECKS = "checks"


class Run(Base):
    """One such thing, with who started it. `title` says in words what it is about.

    `items` is what is to be done: for a retry each push with how it stood before, for checks the names of the steps.
    `results` is what came of it where the items themselves do not tell: findings of checks, ids of called-off pushes.
    """

    __tablename__ = "runs"

    id: Mapped[int] = mapped_column(primary_key=True)
    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"), index=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    kind: Mapped[RunKind] = mapped_column(Word(RunKind))
    title: Mapped[str] = mapped_column(String(300))
    items: Mapped[list[Any]] = mapped_column(ExactJSON, default=list)
    results: Mapped[list[Any]] = mapped_column(ExactJSON, default=list)
    at: Mapped[datetime] = mapped_column(Moment, default=clock.now)
    finished_at: Mapped[datetime | None] = mapped_column(Moment)
    cancelled_at: Mapped[datetime | None] = mapped_column(Moment)

    user: Mapped[User | None] = relationship()
