"""Which path is served by whom, and the scope family it needs."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.xero import (
    allocations,
    connections,
    contact_views,
    credit_notes,
    history,
    invoice_views,
    organisation,
    overpayments,
    payment_views,
)
from sandbox.xero.call import Call
from sandbox.xero.errors import NotFound, Plain
from sandbox.xero.wire import Answer, Asked

Handler = Callable[..., Answer]
BASE = "/api.xro/2.0/"
_ELSEWHERE = {
    "attachments",
    "bankstatementsplus",
    "banktransfers",
    "batchpayments",
    "budgets",
    "contactgroups",
    "employees",
    "expenseclaims",
    "invoicereminders",
    "items",
    "journals",
    "linkedtransactions",
    "manualjournals",
    "paymentservices",
    "prepayments",
    "purchaseorders",
    "quotes",
    "receipts",
    "repeatinginvoices",
    "reports",
    "setup",
    "users",
}


@dataclass(frozen=True)
class Route:
    """A method and a path pattern below the base."""

    method: str
    pattern: re.Pattern[str]
    family: str
    handler: Handler
    tenant: bool = True


def find(asked: Asked) -> tuple[Route, tuple[str, ...]]:
    """The route of a call and the words in its path; NotFound, 501 for a part of Xero that is not stood in for."""
    if not asked.path.startswith(BASE):
        return _found(_ROOT, asked, asked.path)
    return _found(_API, asked, asked.path[len(BASE) :].rstrip("/"))


def _found(routes: list[Route], asked: Asked, path: str) -> tuple[Route, tuple[str, ...]]:
    known = False
    for route in routes:
        if matched := route.pattern.match(path):
            known = True
            if route.method == asked.method:
                return route, matched.groups()
    if known:
        raise Plain(405, "The requested resource does not support this method.")
    if path.split("/")[0].lower() in _ELSEWHERE:
        raise Plain(501, "This part of Xero has no stand-in here.")
    raise NotFound


def _api(family: str, rows: list[tuple[str, str, Handler]]) -> list[Route]:
    return [
        Route(method, re.compile(f"^{pattern}$", re.IGNORECASE), f"accounting.{family}", handler)
        for method, pattern, handler in rows
    ]


def _missing(_call: Call, *_words: str) -> Answer:
    raise NotFound


_ROOT = [
    Route("GET", re.compile("^/[Cc]onnections$"), "", connections.index, tenant=False),
    Route("DELETE", re.compile("^/[Cc]onnections/([^/]+)$"), "", connections.remove, tenant=False),
]
_API = [
    *_api(
        "settings",
        [
            ("GET", "Organisations?", organisation.show),
            ("GET", "Organisations?/Actions", organisation.actions),
            ("GET", "Accounts", organisation.accounts),
            ("GET", "Accounts/([^/]+)", organisation.account),
            ("GET", "TaxRates", organisation.tax_rates),
            ("GET", "TaxRates/([^/]+)", organisation.tax_rates),
            ("GET", "Currencies", organisation.currencies),
            ("GET", "BrandingThemes", organisation.themes),
            ("GET", "BrandingThemes/([^/]+)", organisation.themes),
            ("GET", "TrackingCategories", organisation.tracking),
            ("GET", "TrackingCategories/([^/]+)", organisation.tracking),
        ],
    ),
    *_api(
        "contacts",
        [
            ("GET", "Contacts", contact_views.index),
            ("PUT", "Contacts", contact_views.create),
            ("POST", "Contacts", contact_views.upsert),
            ("GET", "Contacts/([^/]+)", contact_views.show),
            ("POST", "Contacts/([^/]+)", contact_views.update),
            ("GET", "Contacts/([^/]+)/History", history.contact_index),
            ("PUT", "Contacts/([^/]+)/History", history.contact_add),
        ],
    ),
    *_api(
        "invoices",
        [
            ("GET", "Invoices", invoice_views.index),
            ("PUT", "Invoices", invoice_views.create),
            ("POST", "Invoices", invoice_views.upsert),
            ("GET", "Invoices/([^/]+)", invoice_views.show),
            ("POST", "Invoices/([^/]+)", invoice_views.update),
            ("GET", "Invoices/([^/]+)/OnlineInvoice", invoice_views.online),
            ("POST", "Invoices/([^/]+)/Email", invoice_views.email),
            ("GET", "Invoices/([^/]+)/History", history.invoice_index),
            ("PUT", "Invoices/([^/]+)/History", history.invoice_add),
            ("GET", "CreditNotes", credit_notes.index),
            ("PUT", "CreditNotes", credit_notes.create),
            ("POST", "CreditNotes", credit_notes.upsert),
            ("GET", "CreditNotes/([^/]+)", credit_notes.show),
            ("POST", "CreditNotes/([^/]+)", credit_notes.update),
            ("PUT", "CreditNotes/([^/]+)/Allocations", allocations.of_credit_note),
            ("DELETE", "CreditNotes/([^/]+)/Allocations/([^/]+)", allocations.remove),
        ],
    ),
    *_api(
        "payments",
        [
            ("GET", "Payments", payment_views.index),
            ("PUT", "Payments", payment_views.create),
            ("POST", "Payments", payment_views.create),
            ("GET", "Payments/([^/]+)", payment_views.show),
            ("POST", "Payments/([^/]+)", payment_views.delete),
            ("GET", "Overpayments", overpayments.index),
            ("GET", "Overpayments/([^/]+)", overpayments.show),
            ("PUT", "Overpayments/([^/]+)/Allocations", allocations.of_overpayment),
            ("DELETE", "Overpayments/([^/]+)/Allocations/([^/]+)", allocations.remove),
        ],
    ),
    *_api("banktransactions", [("PUT", "BankTransactions", overpayments.create)]),
]
