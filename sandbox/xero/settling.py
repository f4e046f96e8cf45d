"""What is still due on an invoice and left on a credit: always worked out anew from payments and allocations."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.xero import lines
from sandbox.xero.books import Book, Doc


def invoice(book: Book, identity: str, day: str) -> Doc:
    """Bring the invoice up to date with its payments and credits; PAID since `day` when nothing is due any more."""
    doc = book.invoices.get(identity)
    assert doc is not None
    return book.invoices.put(
        settled(book, doc, _paid(book, identity), _credited(book, "invoice", identity), day)
    )


def settled(book: Book, doc: Doc, paid: Decimal, credited: Decimal, day: str) -> Doc:
    """The invoice with these sums paid and credited: PAID when nothing is due, AUTHORISED again when something is."""
    due = doc["Total"] - paid - credited
    changed = {**doc, "AmountPaid": paid, "AmountCredited": credited, "AmountDue": due}
    changed["UpdatedDateUTC"] = book.now()
    return _turned(changed, due, day)


def credit(book: Book, source: str, identity: str, day: str) -> Doc:
    """Bring a credit note or overpayment (`source` names the table) up to date with allocations and refunds."""
    table = book.credit_notes if source == "CreditNote" else book.overpayments
    doc = table.get(identity)
    assert doc is not None
    left = doc["Total"] - _paid(book, identity) - _credited(book, "source", identity)
    changed: dict[str, Any] = {**doc, "RemainingCredit": left, "UpdatedDateUTC": book.now()}
    return table.put(_turned(changed, left, day))


def _turned(doc: Doc, left: Decimal, day: str) -> Doc:
    if left == 0 and doc["Status"] == "AUTHORISED":
        return doc | {"Status": "PAID", "FullyPaidOnDate": day}
    if left != 0 and doc["Status"] == "PAID":
        return doc | {"Status": "AUTHORISED", "FullyPaidOnDate": None}
    return doc


def _paid(book: Book, identity: str) -> Decimal:
    rows = book.payments.find("document", identity)
    return sum((row["Amount"] for row in rows if row["Status"] == "AUTHORISED"), lines.ZERO)


def _credited(book: Book, index: str, identity: str) -> Decimal:
    return sum((row["Amount"] for row in book.allocations.find(index, identity)), lines.ZERO)
