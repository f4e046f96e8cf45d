"""Overpayments: made by a bank transaction, read and allocated here (developer.xero.com, Overpayments)."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

from sandbox.xero import batch, contacts, fields, lines
from sandbox.xero.batch import Outcome, refused
from sandbox.xero.books import Book, Doc
from sandbox.xero.call import Call
from sandbox.xero.credit_notes import allocation_shown
from sandbox.xero.dates import day_pair, ms_day, updated_pair
from sandbox.xero.documents import locked
from sandbox.xero.errors import NotFound
from sandbox.xero.fields import Element
from sandbox.xero.filters import fields as filter_fields
from sandbox.xero.line_rules import find_account
from sandbox.xero.listing import listed
from sandbox.xero.wire import Answer

_TYPE = "RECEIVE-OVERPAYMENT"
_FIELDS = filter_fields(
    OverpaymentID="guid",
    Type="text",
    Status="text",
    Date="moment",
    Reference="text",
    Total="number",
    RemainingCredit="number",
    UpdatedDateUTC="moment",
)


def index(call: Call) -> Answer:
    """GET Overpayments."""
    found = listed(call, call.book.overpayments.all(), _FIELDS, "UpdatedDateUTC, OverpaymentID")
    return call.reply("Overpayments", [shown(call.book, row) for row in found.rows], **found.more)


def show(call: Call, identity: str) -> Answer:
    """GET Overpayments/{OverpaymentID}."""
    found = call.book.overpayments.get(identity.lower())
    if found is None:
        raise NotFound
    return call.reply("Overpayments", [shown(call.book, found)])


def create(call: Call) -> Answer:
    """PUT BankTransactions of type RECEIVE-OVERPAYMENT; the other types have no stand-in."""
    return batch.answer(
        call, "BankTransactions", [_create(call, one) for one in call.posted("BankTransactions")]
    )


def shown(book: Book, doc: Doc) -> dict[str, Any]:
    """An overpayment with what is left of it."""
    keys = (
        "OverpaymentID",
        "Type",
        "Reference",
        "Status",
        "SubTotal",
        "TotalTax",
        "Total",
        "RemainingCredit",
        "CurrencyCode",
        "CurrencyRate",
    )
    seen: dict[str, Any] = {key: doc[key] for key in keys} | {
        "ID": doc["OverpaymentID"],
        "LineAmountTypes": "NoTax",
    }
    seen["Contact"] = contacts.nested(book.contacts.get(doc["ContactID"]) or {})
    seen["LineItems"] = _lines_shown(doc)
    seen["Allocations"] = [
        allocation_shown(book, one) for one in book.allocations.find("source", doc["OverpaymentID"])
    ]
    refunds = [
        one for one in book.payments.find("document", doc["OverpaymentID"]) if one["Status"] == "AUTHORISED"
    ]
    seen["Payments"] = [
        {"PaymentID": one["PaymentID"], "Date": ms_day(one["Date"]), "Amount": one["Amount"]}
        for one in refunds
    ]
    return (
        seen | {"HasAttachments": False} | day_pair("Date", doc["Date"]) | updated_pair(doc["UpdatedDateUTC"])
    )


def _create(call: Call, posted: Element) -> Outcome:
    wrong: list[str] = []
    book = call.book
    if fields.text(posted, "Type") != _TYPE:
        wrong.append(f"Only bank transactions of type {_TYPE} have a stand-in here.")
    contact = _contact(book, posted, wrong)
    bank = find_account(book, fields.part(posted, "BankAccount") or {}, "AccountID", "Code")
    if bank is None or bank["Type"] != "BANK" or bank["Status"] != "ACTIVE":
        wrong.append("Account could not be found")
    amount, words = _line(book, posted, wrong)
    day = fields.day(posted, "Date") or book.today().isoformat()
    wrong += locked(book, day)
    if wrong or contact is None or bank is None:
        return refused(posted, "BankTransactionID", "HasErrors", wrong)
    doc = _document(book, posted, contact, bank, amount) | {"Date": day, "Description": words}
    book.overpayments.put(doc)
    return Outcome(_transaction(book, doc, bank))


def _contact(book: Book, posted: Element, wrong: list[str]) -> Doc | None:
    named = fields.part(posted, "Contact") or {}
    known = any(named.get(key) for key in ("ContactID", "ContactNumber", "Name"))
    contact = contacts.match(book, named) if known else None
    if contact is None:
        wrong.append("A Contact must be specified for this type of transaction")
    elif contact["ContactStatus"] == "ARCHIVED":
        wrong.append("Unable to assign an Archived contact.")
    return contact


def _line(book: Book, posted: Element, wrong: list[str]) -> tuple[Decimal, str]:
    rows = fields.parts(posted, "LineItems") or []
    if len(rows) != 1:
        wrong.append(
            "One or more line items must be specified" if not rows else "Only one line item can be specified"
        )
        return lines.ZERO, ""
    account = find_account(book, rows[0], "AccountID", "AccountCode")
    if account is not None and account.get("SystemAccount") != "DEBTORS":
        wrong.append(f"Account code '{account['Code']}' is not a valid code for this document.")
    amount = fields.number(rows[0], "LineAmount")
    if amount is None:
        units = fields.number(rows[0], "Quantity")
        amount = (fields.number(rows[0], "UnitAmount") or Decimal()) * (
            Decimal(1) if units is None else units
        )
    if amount <= 0:
        wrong.append("The Total for this document must be greater than or equal to zero.")
    return lines.cents(amount), fields.text(rows[0], "Description") or ""


def _document(book: Book, posted: Element, contact: Doc, bank: Doc, amount: Decimal) -> Doc:
    code = bank.get("CurrencyCode") or book.base_currency
    return {
        "OverpaymentID": str(uuid.uuid4()),
        "Type": _TYPE,
        "ContactID": contact["ContactID"],
        "Status": "AUTHORISED",
        "Reference": fields.text(posted, "Reference") or "",
        "BankAccountID": bank["AccountID"],
        "SubTotal": amount,
        "TotalTax": lines.ZERO,
        "Total": amount,
        "RemainingCredit": amount,
        "CurrencyCode": code,
        "CurrencyRate": book.rate_of(code),
        "UpdatedDateUTC": book.now(),
        "TransactionID": str(uuid.uuid4()),
    }


def _transaction(book: Book, doc: Doc, bank: Doc) -> dict[str, Any]:
    keys = ("OverpaymentID", "Type", "Reference", "Status", "SubTotal", "TotalTax", "Total", "CurrencyCode")
    seen: dict[str, Any] = {key: doc[key] for key in keys} | {"BankTransactionID": doc["TransactionID"]}
    named = {"AccountID": bank["AccountID"], "Name": bank["Name"]} | (
        {"Code": bank["Code"]} if bank["Code"] else {}
    )
    seen |= {"BankAccount": named, "Contact": contacts.nested(book.contacts.get(doc["ContactID"]) or {})}
    seen |= {"IsReconciled": False, "HasAttachments": False, "HasErrors": False, "LineAmountTypes": "NoTax"}
    seen["LineItems"] = _lines_shown(doc)
    return seen | day_pair("Date", doc["Date"]) | updated_pair(doc["UpdatedDateUTC"])


def _lines_shown(doc: Doc) -> list[dict[str, Any]]:
    return [{"Description": doc["Description"], "LineAmount": doc["Total"], "TaxType": "NONE"}]
