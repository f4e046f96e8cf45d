"""HoopAI's products and the collections they are in, as REST tells; events know neither."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal import clock
from portal.models.base import Base, ExactJSON, Moment


class Product(Base):
    """A product. `collections` are HoopAI's ids; `own` means that an admin maps the product by itself."""

    __tablename__ = "products"
    __table_args__ = (UniqueConstraint("location_id", "hoop_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"))
    hoop_id: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(300))
    collections: Mapped[list[str]] = mapped_column(ExactJSON, default=list)
    own: Mapped[bool] = mapped_column(default=False)
    fetched_at: Mapped[datetime] = mapped_column(Moment, default=clock.now)


class Collection(Base):
    """A product collection, which HoopAI's settings call a product category."""

    __tablename__ = "collections"
    __table_args__ = (UniqueConstraint("location_id", "hoop_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"))
    hoop_id: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(300))
    fetched_at: Mapped[datetime] = mapped_column(Moment, default=clock.now)
