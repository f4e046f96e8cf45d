"""The three organisations of the stand-in: who they are, their accounts, tax rates, currencies and tracking.

All names and figures are invented; forms follow developer.xero.com (Organisation, Accounts, Tax Rates).
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

Row = dict[str, Any]

CLASSES = {
    "BANK": "ASSET",
    "CURRENT": "ASSET",
    "FIXED": "ASSET",
    "INVENTORY": "ASSET",
    "NONCURRENT": "ASSET",
    "PREPAYMENT": "ASSET",
    "CURRLIAB": "LIABILITY",
    "LIABILITY": "LIABILITY",
    "TERMLIAB": "LIABILITY",
    "PAYG": "LIABILITY",
    "EQUITY": "EQUITY",
    "REVENUE": "REVENUE",
    "SALES": "REVENUE",
    "OTHERINCOME": "REVENUE",
    "DIRECTCOSTS": "EXPENSE",
    "EXPENSE": "EXPENSE",
    "OVERHEADS": "EXPENSE",
    "DEPRECIATN": "EXPENSE",
}

_SPACE = uuid.UUID("5d3f6a1e-61c2-5f3b-9d0c-0a4d3e2b7c11")


def fixed_id(*words: str) -> str:
    """An id that is the same in every sandbox: made from the words."""
    return str(uuid.uuid5(_SPACE, "/".join(words)))


def account(code: str | None, name: str, kind: str, tax: str = "NONE", **more: Any) -> Row:
    """An account row; `more`: SystemAccount, Status, EnablePaymentsToAccount, Description, bank fields."""
    row = {
        "Code": code,
        "Name": name,
        "Status": "ACTIVE",
        "Type": kind,
        "TaxType": tax,
        "Class": CLASSES[kind],
        "EnablePaymentsToAccount": False,
        "ShowInExpenseClaims": False,
        "HasAttachments": False,
        "AddToWatchlist": False,
    }
    return row | more


def bank(code: str | None, name: str, currency: str, number: str) -> Row:
    """A bank account row; the code may be missing, as with accounts added through a bank feed."""
    more = {"BankAccountNumber": number, "BankAccountType": "BANK", "CurrencyCode": currency}
    return account(code, name, "BANK", **more)


def rate(tax_type: str, name: str, percent: str, applies: str, **more: Any) -> Row:
    """A tax rate row. `applies`: letters of the classes it may go on (A assets, Q equity, E expenses,
    L liabilities, R revenue); `more`: Status, ReportTaxType, TaxComponents.
    """
    value = Decimal(percent)
    component = {"Name": name, "Rate": value, "IsCompound": False, "IsNonRecoverable": False}
    row = {
        "Name": name,
        "TaxType": tax_type,
        "ReportTaxType": tax_type,
        "Status": "ACTIVE",
        "CanApplyToAssets": "A" in applies,
        "CanApplyToEquity": "Q" in applies,
        "CanApplyToExpenses": "E" in applies,
        "CanApplyToLiabilities": "L" in applies,
        "CanApplyToRevenue": "R" in applies,
        "DisplayTaxRate": value,
        "EffectiveRate": value,
        "TaxComponents": [component],
    }
    return row | more


@dataclass(frozen=True)
class Chart:
    """One organisation as it stands in a fresh sandbox."""

    key: str
    organisation: Row
    zone: str
    accounts: list[Row]
    tax_rates: list[Row]
    currencies: dict[str, str]
    exchange: dict[str, Decimal] = field(default_factory=dict)
    tracking: dict[str, list[str]] = field(default_factory=dict)
    themes: tuple[str, ...] = ("Standard",)

    @property
    def tenant_id(self) -> str:
        """The tenant's id, the same in every sandbox."""
        return fixed_id(self.key, "tenant")
