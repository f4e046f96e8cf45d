"""What Xero said of a document when it was read back: the facts that are kept of it."""

from decimal import Decimal
from typing import Any

from portal.models import Document
from portal.xero import replies

GONE = "GONE"
LINE = (
    "LineItemID",
    "Description",
    "Quantity",
    "UnitAmount",
    "AccountCode",
    "TaxType",
    "Tracking",
    "DiscountRate",
    "DiscountAmount",
)
NOTHING: dict[str, Any] = {"status": GONE, "paid": 0, "credited": 0, "total": 0, "lines": [], "payments": []}
ZERO = Decimal(0)


def of(kind: Document, told: dict[str, Any] | None) -> dict[str, Any]:
    """Of any document."""
    if kind == Document.CONTACT:
        return contact(told)
    return invoice(told) if kind in (Document.INVOICE, Document.CREDIT_NOTE) else payment(told)


def invoice(told: dict[str, Any] | None) -> dict[str, Any]:
    """Of an invoice or a credit note; NOTHING where Xero has none such."""
    if told is None:
        return dict(NOTHING)
    contact = told.get("Contact") or {}
    return {
        "status": told.get("Status"),
        "number": told.get("InvoiceNumber") or told.get("CreditNoteNumber"),
        "contact": contact.get("Name"),
        "reference": told.get("Reference") or None,
        "date": _day(told.get("Date")),
        "due": _day(told.get("DueDate")),
        "currency": told.get("CurrencyCode"),
        "amounts": told.get("LineAmountTypes"),
        "total": told.get("Total") or ZERO,
        "tax": told.get("TotalTax") or ZERO,
        "paid": told.get("AmountPaid") or ZERO,
        "credited": told.get("AmountCredited") or ZERO,
        "lines": [{name: row[name] for name in LINE if name in row} for row in told.get("LineItems") or []],
        "payments": [
            {"id": each.payment_id, "amount": each.amount, "reference": each.reference}
            for each in replies.payments_in(told)
            if each.status != "DELETED"
        ],
    }


def payment(told: dict[str, Any] | None) -> dict[str, Any]:
    """Of a payment, of money received or paid out."""
    if told is None:
        return dict(NOTHING)
    account, about = told.get("Account") or {}, told.get("Invoice") or told.get("CreditNote") or {}
    return {
        "status": told.get("Status"),
        "total": told.get("Amount") or told.get("Total") or ZERO,
        "currency": about.get("CurrencyCode"),
        "date": _day(told.get("Date")),
        "reference": told.get("Reference") or None,
        "account": account.get("Code") or account.get("Name"),
        "account_id": account.get("AccountID"),
        "number": about.get("InvoiceNumber") or about.get("CreditNoteNumber"),
        "reconciled": bool(told.get("IsReconciled")),
    }


def contact(told: dict[str, Any] | None) -> dict[str, Any]:
    """Of a contact."""
    if told is None:
        return dict(NOTHING)
    return {
        "status": told.get("ContactStatus"),
        "name": told.get("Name"),
        "email": told.get("EmailAddress") or None,
        "number": told.get("ContactNumber"),
        "merged": told.get("MergedToContactID"),
    }


def _day(value: Any) -> str | None:
    found = replies.parse_date(value)
    return found.isoformat() if found else None
