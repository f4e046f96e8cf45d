"""What a reconciliation keeps of Xero's documents, and how both sides are written."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from portal.models import Document
from portal.xero import replies

MARK = "HoopAI "
COLLECTIONS = {
    Document.INVOICE: ("Invoices", "InvoiceID"),
    Document.CREDIT_NOTE: ("CreditNotes", "CreditNoteID"),
    Document.PAYMENT: ("Payments", "PaymentID"),
}
REFUND = "ARCREDITPAYMENT"


@dataclass(frozen=True, slots=True)
class Seen:
    """One document as Xero holds it. `lines` are account code and amount of each line, or the payment's account."""

    xero_id: str
    number: str
    reference: str
    status: str
    day: date | None
    amount: Decimal
    paid: Decimal
    currency: str
    contact_id: str
    contact: str
    lines: list[tuple[str, Decimal]]

    @property
    def ours(self) -> bool:
        """Whether it bears HoopAI's mark."""
        return self.reference.startswith(MARK)

    @property
    def codes(self) -> list[str]:
        """The account codes of its lines."""
        return [code for code, _ in self.lines if code]


def facts(document: Document, item: dict[str, Any]) -> dict[str, Any]:
    """What is kept of one document of Xero's, as JSON."""
    contact = item.get("Contact") or (item.get("Invoice") or {}).get("Contact") or {}
    day_of = replies.parse_date(item.get("Date"))
    lines = [
        [str(row.get("AccountCode") or ""), _money(row.get("LineAmount"))]
        for row in item.get("LineItems") or []
    ]
    if "OverpaymentID" in item:
        lines = []
    elif document in (Document.PAYMENT, Document.REFUND):
        lines = [[str((item.get("Account") or {}).get("Code") or ""), _money(item.get("Amount"))]]
    return {
        "number": str(item.get("InvoiceNumber") or item.get("CreditNoteNumber") or ""),
        "reference": str(item.get("Reference") or ""),
        "status": str(item.get("Status") or ""),
        "day": day_of.isoformat() if day_of else None,
        "amount": _money(item.get("Total", item.get("Amount"))),
        "paid": _money(item.get("AmountPaid")),
        "currency": str(item.get("CurrencyCode") or (item.get("Invoice") or {}).get("CurrencyCode") or ""),
        "contact_id": str(contact.get("ContactID") or ""),
        "contact": str(contact.get("Name") or "")[:255],
        "lines": lines,
    }


def items(document: Document, data: dict[str, Any]) -> list[dict[str, Any]]:
    """The documents of an answer. Overpayments are payments of ours, by their own ids."""
    if "Overpayments" in data:
        return [{**item, "PaymentID": item["OverpaymentID"]} for item in data["Overpayments"]]
    found: list[dict[str, Any]] = data.get(COLLECTIONS[document][0]) or []
    return found


def seen(xero_id: str, kept: dict[str, Any]) -> Seen:
    """What was kept of a document."""
    lines = [(str(code), Decimal(amount)) for code, amount in kept["lines"]]
    values = {**kept, "day": day(kept["day"]), "lines": lines}
    values |= {name: Decimal(kept[name]) for name in ("amount", "paid")}
    return Seen(xero_id=xero_id, **values)


def kind_of(document: Document, item: dict[str, Any]) -> Document:
    """A payment of a credit note is a refund."""
    return Document.REFUND if item.get("PaymentType") == REFUND else document


def codes_sent(content: dict[str, Any]) -> list[str]:
    """The account codes of the lines that were sent."""
    return [str(row["AccountCode"]) for row in content.get("LineItems") or [] if row.get("AccountCode")]


def day(text: object) -> date | None:
    """A day out of `2026-11-02`, or None."""
    try:
        return date.fromisoformat(str(text)[:10]) if text else None
    except ValueError:
        return None


def worth(rows: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    """Amounts added up by account."""
    found: dict[str, Decimal] = {}
    for code, amount in rows:
        found[code] = found.get(code, Decimal(0)) + amount
    return found


def _money(value: Any) -> Decimal:
    return replies.parse_money(value) or Decimal(0)
