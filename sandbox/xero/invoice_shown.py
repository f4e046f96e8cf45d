"""How an invoice is shown (developer.xero.com, Invoices, response elements)."""

from __future__ import annotations

from typing import Any

from sandbox.xero import contacts, lines
from sandbox.xero.books import Book, Doc
from sandbox.xero.dates import day_pair, ms_day, updated_pair

_SUMS = ("SubTotal", "TotalTax", "Total", "AmountDue", "AmountPaid", "AmountCredited")


def shown(
    book: Book, doc: Doc, decimals: int, with_lines: bool = True, brief: bool = False
) -> dict[str, Any]:
    """An invoice; `with_lines` for single and paged reads, `brief` for `summaryOnly`."""
    contact = book.contacts.get(doc["ContactID"]) or {}
    seen: dict[str, Any] = {"Type": doc["Type"], "InvoiceID": doc["InvoiceID"]}
    seen["InvoiceNumber"] = doc.get("InvoiceNumber", "")
    if doc["Type"] == "ACCREC":
        seen["Reference"] = doc["Reference"]
    if doc.get("Url"):
        seen["Url"] = doc["Url"]
    if not brief:
        seen |= _settled(book, doc) | {"HasAttachments": False}
    seen |= {key: doc[key] for key in _SUMS}
    seen |= {
        "SentToContact": doc["SentToContact"],
        "CurrencyRate": doc["CurrencyRate"],
        "CurrencyCode": doc["CurrencyCode"],
        "IsDiscounted": bool(doc["TotalDiscount"]),
        "HasErrors": False,
        "InvoicePaymentServices": [],
        "Contact": contacts.shown(contact) if with_lines and not brief else contacts.nested(contact),
        "BrandingThemeID": doc["BrandingThemeID"],
        "Status": doc["Status"],
        "LineAmountTypes": doc["LineAmountTypes"],
    }
    if doc["TotalDiscount"]:
        seen["TotalDiscount"] = doc["TotalDiscount"]
    if not brief:
        seen["LineItems"] = (
            [line_shown(book, line, decimals) for line in doc["LineItems"]] if with_lines else []
        )
    seen |= (
        day_pair("Date", doc["Date"])
        | day_pair("DueDate", doc["DueDate"])
        | updated_pair(doc["UpdatedDateUTC"])
    )
    if doc.get("FullyPaidOnDate"):
        seen["FullyPaidOnDate"] = ms_day(doc["FullyPaidOnDate"])
    return seen


def line_shown(book: Book, line: Doc, decimals: int) -> dict[str, Any]:
    """A line; its account code is the account's code of today."""
    account = book.accounts.get(line["AccountID"])
    seen: dict[str, Any] = {
        "Description": line["Description"],
        "UnitAmount": lines.unit_amount(line["UnitAmount"], decimals),
        "TaxType": line["TaxType"] or "",
        "TaxAmount": line["TaxAmount"],
        "LineAmount": line["LineAmount"],
        "Tracking": line["Tracking"],
        "Quantity": line["Quantity"],
        "LineItemID": line["LineItemID"],
        "ValidationErrors": [],
    }
    if account:
        seen |= {"AccountID": account["AccountID"]} | (
            {"AccountCode": account["Code"]} if account["Code"] else {}
        )
    if line["DiscountRate"]:
        seen["DiscountRate"] = line["DiscountRate"]
    if line["DiscountAmount"]:
        seen["DiscountAmount"] = line["DiscountAmount"]
    return seen


def _settled(book: Book, doc: Doc) -> dict[str, Any]:
    identity = doc["InvoiceID"]
    payments = [one for one in book.payments.find("document", identity) if one["Status"] == "AUTHORISED"]
    allocated = book.allocations.find("invoice", identity)
    return {
        "Payments": [_payment(one) for one in payments],
        "CreditNotes": [_credit(book, one) for one in allocated if one["SourceKind"] == "CreditNote"],
        "Prepayments": [],
        "Overpayments": [_overpaid(one) for one in allocated if one["SourceKind"] == "Overpayment"],
    }


def _payment(doc: Doc) -> dict[str, Any]:
    return {
        "PaymentID": doc["PaymentID"],
        "Date": ms_day(doc["Date"]),
        "Amount": doc["Amount"],
        "Reference": doc["Reference"],
        "CurrencyRate": doc["CurrencyRate"],
        "HasAccount": True,
        "HasValidationErrors": False,
    }


def _credit(book: Book, allocation: Doc) -> dict[str, Any]:
    note = book.credit_notes.get(allocation["SourceID"]) or {}
    return {
        "CreditNoteID": allocation["SourceID"],
        "CreditNoteNumber": note.get("CreditNoteNumber", ""),
        "ID": allocation["SourceID"],
        "HasErrors": False,
        "AppliedAmount": allocation["Amount"],
        **day_pair("Date", allocation["Date"]),
        "LineItems": [],
        "Total": note.get("Total", allocation["Amount"]),
    }


def _overpaid(allocation: Doc) -> dict[str, Any]:
    return {
        "OverpaymentID": allocation["SourceID"],
        "ID": allocation["SourceID"],
        "AppliedAmount": allocation["Amount"],
        "LineItems": [],
        **day_pair("Date", allocation["Date"]),
    }
