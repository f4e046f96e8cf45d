"""Who chose what for the mapping, and when: saves and the changes in each. Append-only."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal import clock
from portal.models.base import Base, ExactJSON, Moment, Word
from portal.models.mappings import TRACKED_KEY, MappingKind
from portal.models.people import User


class MappingSave(Base):
    """One save of the mapping. `how` is page, import, copy, restore or answers; `push_ids` what it freed."""

    __tablename__ = "mapping_saves"
    __table_args__ = (Index("ix_mapping_saves_location_id_tenant_id", "location_id", "tenant_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"))
    tenant_id: Mapped[str] = mapped_column(String(64))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    at: Mapped[datetime] = mapped_column(Moment, default=clock.now)
    how: Mapped[str] = mapped_column(String(20), default="page")
    push_ids: Mapped[list[int]] = mapped_column(ExactJSON, default=list)

    user: Mapped[User | None] = relationship()
    changes: Mapped[list["MappingChange"]] = relationship(order_by="MappingChange.id", back_populates="save")


class MappingChange(Base):
    """One choice that a save changed: AccountIDs or tax types, empty for none, with the words of that time."""

    __tablename__ = "mapping_changes"
    __table_args__ = (Index("ix_mapping_changes_location_id_tenant_id", "location_id", "tenant_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    save_id: Mapped[int] = mapped_column(ForeignKey("mapping_saves.id"), index=True)
    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"))
    tenant_id: Mapped[str] = mapped_column(String(64))
    kind: Mapped[MappingKind] = mapped_column(Word(MappingKind))
    key: Mapped[str] = mapped_column(String(TRACKED_KEY))
    name: Mapped[str] = mapped_column(String(TRACKED_KEY))
    from_value: Mapped[str] = mapped_column(String(64), default="")
    to_value: Mapped[str] = mapped_column(String(64), default="")
    from_label: Mapped[str] = mapped_column(String(200), default="")
    to_label: Mapped[str] = mapped_column(String(200), default="")

    save: Mapped[MappingSave] = relationship(back_populates="changes")
