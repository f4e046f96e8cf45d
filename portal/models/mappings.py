"""What HoopAI's lines, taxes and payments are called, and where they go in Xero."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal import clock
from portal.models.base import Base, Moment, Money, Word

TRACKED_KEY = 365


class Category(Base):
    """What a line is mapped by. `key` is collection:ID, product:ID, name:TEXT or charge:KIND."""

    __tablename__ = "categories"
    __table_args__ = (UniqueConstraint("location_id", "key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"))
    key: Mapped[str] = mapped_column(String(300))
    name: Mapped[str] = mapped_column(String(300))
    first_seen_at: Mapped[datetime] = mapped_column(Moment, default=clock.now)


class HoopTax(Base):
    """A tax as HoopAI puts it on lines. `key` is its id, ids joined by + for a set, or `none`; `rate` a percentage."""

    __tablename__ = "hoop_taxes"
    __table_args__ = (UniqueConstraint("location_id", "key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"))
    key: Mapped[str] = mapped_column(String(300))
    name: Mapped[str] = mapped_column(String(200))
    rate: Mapped[Decimal] = mapped_column(Money)
    first_seen_at: Mapped[datetime] = mapped_column(Moment, default=clock.now)


class MappingKind(StrEnum):
    """What a mapping maps."""

    CATEGORY = "category"
    TAX = "tax"
    PAYMENT = "payment"
    DEFAULT = "default"
    ROUNDING = "rounding"
    TRACKING = "tracking"


class Mapping(Base):
    """One choice: category → account, tax → tax type, payment method → payment account, and tracking options.

    `key` is the category's or tax's key, the payment method (`default` for all others) or `account` for the
    default revenue account and for the one that balances differences of rounding. A tracking choice has the id of
    Xero's tracking category, a colon and the category's key (`default` for all others). Accounts are kept by Xero's
    AccountID, since codes may be renamed. A choice belongs to one organisation: after moving to another one, that
    one's own choices count.
    """

    __tablename__ = "mappings"
    __table_args__ = (UniqueConstraint("location_id", "tenant_id", "kind", "key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"))
    tenant_id: Mapped[str] = mapped_column(String(64))
    kind: Mapped[MappingKind] = mapped_column(Word(MappingKind))
    key: Mapped[str] = mapped_column(String(TRACKED_KEY))
    account_id: Mapped[str | None] = mapped_column(String(64))
    tax_type: Mapped[str | None] = mapped_column(String(50))
    option_id: Mapped[str | None] = mapped_column(String(64))
    changed_at: Mapped[datetime] = mapped_column(Moment, default=clock.now)
    changed_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
