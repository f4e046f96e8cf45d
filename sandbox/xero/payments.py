"""Payments: made against one approved document, deleted but never edited (developer.xero.com, Payments)."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

from sandbox.xero import fields, history, lines, settling
from sandbox.xero.batch import Outcome, refused
from sandbox.xero.books import Book, Doc, folded
from sandbox.xero.call import Call
from sandbox.xero.contacts import nested
from sandbox.xero.dates import ms_day, updated_pair
from sandbox.xero.documents import locked
from sandbox.xero.fields import Element
from sandbox.xero.line_rules import find_account

FLAG = "HasValidationErrors"
_TYPES = {
    "ACCREC": "ACCRECPAYMENT",
    "ACCPAY": "ACCPAYPAYMENT",
    "ACCRECCREDIT": "ARCREDITPAYMENT",
    "ACCPAYCREDIT": "APCREDITPAYMENT",
    "RECEIVE-OVERPAYMENT": "AROVERPAYMENTPAYMENT",
}
_TARGETS = ("Invoice", "CreditNote", "Overpayment", "Prepayment")


def create(call: Call, posted: Element) -> Outcome:
    """A new payment on an invoice, or a refund of a credit note or overpayment."""
    wrong: list[str] = []
    kind, document = _document(call.book, posted, wrong)
    account = _account(call.book, posted, wrong)
    amount, day = fields.number(posted, "Amount"), fields.day(posted, "Date") or call.book.today().isoformat()
    wrong += _unpayable(kind, document, amount)
    wrong += locked(call.book, day)
    reference = fields.text(posted, "Reference") or ""
    if len(reference) > 255:
        wrong.append("The reference must not be longer than 255 characters.")
    if wrong or document is None or account is None or amount is None:
        return refused(posted, "PaymentID", FLAG, wrong)
    doc: Doc = {
        "PaymentID": str(uuid.uuid4()),
        "DocumentKind": kind,
        "DocumentID": document[f"{kind}ID"],
        "PaymentType": _TYPES[document["Type"]],
        "AccountID": account["AccountID"],
        "Date": day,
        "Amount": lines.cents(amount),
        "Reference": reference,
        "Status": "AUTHORISED",
        "IsReconciled": bool(fields.flag(posted, "IsReconciled")),
        "UpdatedDateUTC": call.book.now(),
        "CreatedBy": call.app,
    } | _rates(call.book, posted, document, account, amount)
    call.book.payments.put(doc)
    _settle(call, doc, "Paid" if kind == "Invoice" else "Refunded")
    return Outcome(shown(call.book, doc))


def delete(call: Call, posted: Element, doc: Doc) -> Outcome:
    """`{"Status": "DELETED"}` and nothing else."""
    if wrong := _undeletable(call.book, posted, doc):
        return refused({"PaymentID": doc["PaymentID"]} | posted, "PaymentID", FLAG, wrong)
    gone = {**doc, "Status": "DELETED", "UpdatedDateUTC": call.book.now()}
    call.book.payments.put(gone)
    _settle(call, gone, "Payment deleted")
    return Outcome(shown(call.book, gone))


def shown(book: Book, doc: Doc) -> dict[str, Any]:
    """A payment; the refund of a credit note or overpayment shows that under `Invoice` too, as Xero does."""
    account = book.accounts.get(doc["AccountID"]) or {}
    named = {"AccountID": doc["AccountID"], "Name": account.get("Name", "")}
    if account.get("Code"):
        named["Code"] = account["Code"]
    seen: dict[str, Any] = {"PaymentID": doc["PaymentID"], "Date": ms_day(doc["Date"])}
    wanted = ("BankAmount", "Amount", "Reference", "CurrencyRate", "PaymentType", "Status")
    seen |= {key: doc[key] for key in wanted} | updated_pair(doc["UpdatedDateUTC"])
    seen |= {"HasAccount": True, "IsReconciled": doc["IsReconciled"], "Account": named}
    return seen | {"Invoice": _invoice(book, doc), FLAG: False}


def document_of(book: Book, doc: Doc) -> Doc:
    """The invoice, credit note or overpayment a payment belongs to."""
    table = {"Invoice": book.invoices, "CreditNote": book.credit_notes, "Overpayment": book.overpayments}
    return table[doc["DocumentKind"]].get(doc["DocumentID"]) or {}


def _document(book: Book, posted: Element, wrong: list[str]) -> tuple[str, Doc | None]:
    given = [kind for kind in _TARGETS if fields.part(posted, kind)]
    if len(given) != 1:
        wrong.append("Exactly one of Invoice, CreditNote, Prepayment or Overpayment must be specified.")
        return "Invoice", None
    kind, named = given[0], fields.part(posted, given[0]) or {}
    found = _find(book, kind, fields.guid(named, f"{kind}ID"), fields.text(named, f"{kind}Number"))
    if found is None:
        wrong.append("Document could not be found")
    return kind, found


def _find(book: Book, kind: str, identity: str | None, number: str | None) -> Doc | None:
    if kind == "Overpayment":
        return book.overpayments.get(identity)
    if kind == "Prepayment":
        return None
    table, sort = (book.invoices, "ACCREC") if kind == "Invoice" else (book.credit_notes, "ACCRECCREDIT")
    if identity or not number:
        return table.get(identity)
    return next(
        (one for one in table.find("number", (sort, folded(number))) if one["Status"] != "DELETED"), None
    )


def _account(book: Book, posted: Element, wrong: list[str]) -> Doc | None:
    named = fields.part(posted, "Account") or {}
    account = find_account(book, named, "AccountID", "Code")
    if account is None or account["Status"] != "ACTIVE":
        wrong.append("Account could not be found")
        return None
    if account["Type"] != "BANK" and not account["EnablePaymentsToAccount"]:
        wrong.append("Account type is invalid for making a payment to/from")
    return account


def _unpayable(kind: str, document: Doc | None, amount: Decimal | None) -> list[str]:
    if amount is None or amount <= 0:
        return ["Payment amount must be greater than zero."]
    if document is None:
        return []
    if document["Status"] != "AUTHORISED":
        return ["Payments can only be made against Authorised documents"]
    left = document["AmountDue"] if kind == "Invoice" else document["RemainingCredit"]
    return (
        ["Payment amount exceeds the amount outstanding on this document"]
        if lines.cents(amount) > left
        else []
    )


def _rates(book: Book, posted: Element, document: Doc, account: Doc, amount: Decimal) -> dict[str, Decimal]:
    rate = fields.number(posted, "CurrencyRate") or document["CurrencyRate"]
    foreign = (account.get("CurrencyCode") or book.base_currency) == document["CurrencyCode"]
    bank = fields.number(posted, "BankAmount") or (amount if foreign else amount / rate)
    return {"CurrencyRate": rate.quantize(lines.CENT**3), "BankAmount": lines.cents(bank)}


def _undeletable(book: Book, posted: Element, doc: Doc) -> list[str]:
    if set(posted) - {"Status", "PaymentID"} or posted.get("Status") != "DELETED":
        return ["Only Status accepted for updates."]
    if doc["Status"] != "AUTHORISED":
        return ["Payment not of valid status for modification"]
    return locked(book, doc["Date"])


def _settle(call: Call, doc: Doc, change: str) -> None:
    book, identity = call.book, doc["DocumentID"]
    if doc["DocumentKind"] != "Invoice":
        settling.credit(book, doc["DocumentKind"], identity, doc["Date"])
        return
    settled = settling.invoice(book, identity, doc["Date"])
    entry = history.added(
        call, settled, change, f"{doc['Amount']} on {doc['Date']} {doc['Reference']}".rstrip()
    )
    book.invoices.put({**settled, "History": entry})


def _invoice(book: Book, doc: Doc) -> dict[str, Any]:
    document = document_of(book, doc)
    contact = book.contacts.get(document["ContactID"]) or {}
    number = document.get("InvoiceNumber") or document.get("CreditNoteNumber") or ""
    empty: dict[str, Any] = {
        key: [] for key in ("Payments", "CreditNotes", "Prepayments", "Overpayments", "LineItems")
    }
    return {
        "Type": document["Type"],
        "InvoiceID": doc["DocumentID"],
        "InvoiceNumber": number,
        **empty,
        "HasErrors": False,
        "IsDiscounted": False,
        "Contact": nested(contact),
        "CurrencyCode": document["CurrencyCode"],
    }
