"""Scopes: which exist for an app made after March 2026, what they mean, which call needs which
(developer.xero.com, OAuth 2.0 scopes and the granular-scopes FAQ).
"""

from __future__ import annotations

WORDS = {
    "openid": "Know who you are",
    "profile": "See your name",
    "email": "See your e-mail address",
    "offline_access": "Stay connected while you are away",
    "accounting.invoices": "View and manage invoices, bills and credit notes",
    "accounting.invoices.read": "View invoices, bills and credit notes",
    "accounting.payments": "View and manage payments and overpayments",
    "accounting.payments.read": "View payments and overpayments",
    "accounting.banktransactions": "View and manage bank transactions",
    "accounting.banktransactions.read": "View bank transactions",
    "accounting.contacts": "View and manage contacts",
    "accounting.contacts.read": "View contacts",
    "accounting.settings": "View and manage organisation settings, accounts and tax rates",
    "accounting.settings.read": "View organisation settings, accounts and tax rates",
    "accounting.manualjournals": "View and manage manual journals",
    "accounting.manualjournals.read": "View manual journals",
    "accounting.attachments": "View and manage attachments",
    "accounting.attachments.read": "View attachments",
    "accounting.budgets.read": "View budgets",
    "accounting.reports.aged.read": "View aged receivables and payables",
    "accounting.reports.balancesheet.read": "View the balance sheet",
    "accounting.reports.banksummary.read": "View the bank summary",
    "accounting.reports.budgetsummary.read": "View the budget summary",
    "accounting.reports.executivesummary.read": "View the executive summary",
    "accounting.reports.profitandloss.read": "View profit and loss",
    "accounting.reports.trialbalance.read": "View the trial balance",
    "accounting.reports.taxreports.read": "View tax reports",
}


def unknown(asked: list[str]) -> list[str]:
    """Those this app may not ask for; the old broad `accounting.transactions` is one of them."""
    return [scope for scope in asked if scope not in WORDS]


def allows(granted: list[str], family: str, writing: bool) -> bool:
    """Whether the granted scopes cover a call on `family` (`accounting.invoices`, …)."""
    return family in granted or (not writing and f"{family}.read" in granted)
