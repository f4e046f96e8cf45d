"""What a location's admins have set about how its documents are carried."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal import clock
from portal.models.base import Base, ExactJSON, Moment


class LocationSetting(Base):
    """One setting that differs from its default; `services/preferences.py` names the keys and checks values."""

    __tablename__ = "location_settings"
    __table_args__ = (UniqueConstraint("location_id", "key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"))
    key: Mapped[str] = mapped_column(String(60))
    value: Mapped[Any] = mapped_column(ExactJSON)
    changed_at: Mapped[datetime] = mapped_column(Moment, default=clock.now)
    changed_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
