"""Our copy of Xero's reference data: chart of accounts, tax rates, directory of contacts."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, Moment, Money

REVENUE_TYPES = {"REVENUE", "SALES", "OTHERINCOME"}
SYSTEM_ROUNDING = "ROUNDING"


class LedgerAccount(Base):
    """One account of the connected organisation's chart, as last fetched."""

    __tablename__ = "ledger_accounts"
    __table_args__ = (UniqueConstraint("connection_id", "account_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connections.id"))
    account_id: Mapped[str] = mapped_column(String(64))
    code: Mapped[str | None] = mapped_column(String(10))
    name: Mapped[str] = mapped_column(String(150))
    type: Mapped[str] = mapped_column(String(20))
    class_: Mapped[str] = mapped_column("class", String(20))
    status: Mapped[str] = mapped_column(String(20))
    tax_type: Mapped[str | None] = mapped_column(String(50))
    payments_enabled: Mapped[bool] = mapped_column(default=False)
    system_account: Mapped[str | None] = mapped_column(String(40))
    currency: Mapped[str | None] = mapped_column(String(3))
    fetched_at: Mapped[datetime] = mapped_column(Moment)

    @property
    def active(self) -> bool:
        """Whether Xero still lets it be used."""
        return self.status == "ACTIVE"

    @property
    def takes_revenue(self) -> bool:
        """Whether an invoice line may go here: an active revenue account with a code, not a system one."""
        return self.active and self.type in REVENUE_TYPES and bool(self.code) and not self.system_account

    @property
    def takes_payments(self) -> bool:
        """Whether money received may be recorded here: a bank account or one enabled for payments."""
        return self.active and not self.system_account and (self.type == "BANK" or self.payments_enabled)

    @property
    def takes_rounding(self) -> bool:
        """Whether a rounding line may go here: Xero's own account for it, or an active one with a code and no bank."""
        open_to_us = self.system_account in (None, "", SYSTEM_ROUNDING)
        return self.active and open_to_us and bool(self.code) and self.type != "BANK"

    @property
    def label(self) -> str:
        """Code and name as Xero shows them; the name alone where there is no code."""
        return f"{self.code} – {self.name}" if self.code else self.name


class TaxRate(Base):
    """One tax rate of the connected organisation. `rate` is a percentage."""

    __tablename__ = "tax_rates"
    __table_args__ = (UniqueConstraint("connection_id", "tax_type"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connections.id"))
    tax_type: Mapped[str] = mapped_column(String(50))
    name: Mapped[str] = mapped_column(String(100))
    rate: Mapped[Decimal] = mapped_column(Money)
    status: Mapped[str] = mapped_column(String(20))
    applies_to_revenue: Mapped[bool] = mapped_column(default=True)
    fetched_at: Mapped[datetime] = mapped_column(Moment)

    @property
    def usable(self) -> bool:
        """Whether a sales line may carry it."""
        return self.status == "ACTIVE" and self.applies_to_revenue


class DirectoryContact(Base):
    """A contact of the organisation, kept so that matching needs no search per invoice.

    `name_folded` is the name case-folded, as Xero compares names.
    """

    __tablename__ = "directory_contacts"
    __table_args__ = (
        UniqueConstraint("connection_id", "contact_id"),
        Index("ix_directory_contacts_connection_id_name_folded", "connection_id", "name_folded"),
        Index("ix_directory_contacts_connection_id_contact_number", "connection_id", "contact_number"),
        Index("ix_directory_contacts_connection_id_email", "connection_id", "email"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connections.id"))
    contact_id: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(255))
    name_folded: Mapped[str] = mapped_column(String(255))
    email: Mapped[str | None] = mapped_column(String(255))
    contact_number: Mapped[str | None] = mapped_column(String(50))
    status: Mapped[str] = mapped_column(String(20))
    merged_into: Mapped[str | None] = mapped_column(String(64))
