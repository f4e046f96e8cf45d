"""Our copy of Xero's reference data: chart of accounts, tax rates, directory of contacts."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, ExactJSON, Moment, Money

REVENUE_TYPES = {"REVENUE", "SALES", "OTHERINCOME"}
CLASSES = {"ASSET": "assets", "EQUITY": "equity", "EXPENSE": "expenses", "LIABILITY": "liabilities"}
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
        """Whether it is a revenue account that takes invoice lines; these are offered first."""
        return self.takes_lines and self.type in REVENUE_TYPES

    @property
    def takes_lines(self) -> bool:
        """Whether Xero takes it on a sales invoice at all: active, with a code, no bank account and not Xero's own."""
        return self.active and self.type != "BANK" and bool(self.code) and not self.system_account

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
    """One tax rate of the connected organisation. `rate` is a percentage.

    `applies_to` are the classes of accounts it may go on (`revenue`, `liabilities` …); None where not read yet.
    """

    __tablename__ = "tax_rates"
    __table_args__ = (UniqueConstraint("connection_id", "tax_type"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connections.id"))
    tax_type: Mapped[str] = mapped_column(String(50))
    name: Mapped[str] = mapped_column(String(100))
    rate: Mapped[Decimal] = mapped_column(Money)
    status: Mapped[str] = mapped_column(String(20))
    applies_to_revenue: Mapped[bool] = mapped_column(default=True)
    applies_to: Mapped[list[str] | None] = mapped_column(ExactJSON)
    fetched_at: Mapped[datetime] = mapped_column(Moment)

    @property
    def usable(self) -> bool:
        """Whether a sales line may carry it."""
        return self.status == "ACTIVE" and self.applies_to_revenue

    def fits(self, account: LedgerAccount) -> bool:
        """Whether Xero allows it on this account, as far as we have read."""
        return self.applies_to is None or CLASSES.get(account.class_, "revenue") in self.applies_to


class TrackingOption(Base):
    """One option of a tracking category of the connected organisation, as last fetched.

    Xero has at most two active categories; a line carries at most one option of each.
    """

    __tablename__ = "tracking_options"
    __table_args__ = (UniqueConstraint("connection_id", "option_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connections.id"))
    option_id: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(200))
    status: Mapped[str] = mapped_column(String(20))
    tracking_id: Mapped[str] = mapped_column(String(64))
    tracking_name: Mapped[str] = mapped_column(String(200))
    tracking_status: Mapped[str] = mapped_column(String(20))
    fetched_at: Mapped[datetime] = mapped_column(Moment)

    @property
    def usable(self) -> bool:
        """Whether a line may carry it: the option and its category are both active."""
        return self.status == self.tracking_status == "ACTIVE"

    @property
    def standing(self) -> str:
        """The status that counts: its own one, else that of its category."""
        return self.status if self.status != "ACTIVE" else self.tracking_status

    @property
    def label(self) -> str:
        """The category and the option: `Region: North`."""
        return f"{self.tracking_name}: {self.name}"


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
