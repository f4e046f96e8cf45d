"""Xero's reference data in our own words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal


@dataclass(frozen=True)
class AccountFact:
    """A ledger account. Bank accounts may have no code; `system_account` is Xero's name for one it keeps
    for itself.
    """

    account_id: str
    code: str | None
    name: str
    type: str
    class_: str
    status: str
    tax_type: str | None
    payments_enabled: bool
    system_account: str | None
    currency: str | None

    @property
    def takes_sales(self) -> bool:
        """Whether an invoice line may be booked here: active, revenue, with a code, not Xero's own."""
        return (
            self.status == "ACTIVE"
            and self.class_ == "REVENUE"
            and bool(self.code)
            and not self.system_account
        )

    @property
    def takes_payments(self) -> bool:
        """Whether a payment may be booked here: active, a bank account or enabled for payments, not Xero's
        own.
        """
        return (
            self.status == "ACTIVE"
            and (self.type == "BANK" or self.payments_enabled)
            and not self.system_account
        )


@dataclass(frozen=True)
class TaxRateFact:
    """A tax rate. `rate` is a percentage; `can_apply` has assets, equity, expenses, liabilities and
    revenue.
    """

    tax_type: str
    name: str
    rate: Decimal
    status: str
    applies_to_revenue: bool
    can_apply: dict[str, bool]


@dataclass(frozen=True)
class TrackingFact:
    """One option of a tracking category; both have a status of their own."""

    option_id: str
    name: str
    status: str
    tracking_id: str
    tracking_name: str
    tracking_status: str


@dataclass(frozen=True)
class OrganisationFact:
    """An organisation. `timezone` is Xero's own word (NEWZEALANDSTANDARDTIME); `klass` its plan."""

    organisation_id: str
    name: str
    short_code: str
    country: str
    base_currency: str
    timezone: str
    period_lock_date: date | None
    end_of_year_lock_date: date | None
    is_demo: bool
    klass: str


@dataclass(frozen=True)
class ContactFact:
    """A contact. `contact_number` is the one only programs write; `status` as Xero spells it."""

    contact_id: str
    name: str
    email: str | None
    contact_number: str | None
    account_number: str | None
    status: str
    merged_into: str | None
    updated_at: datetime | None
