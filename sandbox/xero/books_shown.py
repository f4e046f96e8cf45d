"""The books in plain form, with ISO days, for tests that look at outcomes."""

from __future__ import annotations

from typing import Any

from sandbox.xero.books import Book, Doc


def whole(book: Book) -> dict[str, Any]:
    """Everything of one organisation."""
    organisation = book.organisation
    return {
        "tenantId": book.tenant,
        "name": organisation["Name"],
        "key": organisation["key"],
        "base_currency": organisation["BaseCurrency"],
        "CountryCode": organisation["CountryCode"],
        "ShortCode": organisation["ShortCode"],
        "period_lock_date": organisation.get("PeriodLockDate"),
        "end_of_year_lock_date": organisation.get("EndOfYearLockDate"),
        "invoices": [invoice(book, doc) for doc in book.invoices.all()],
        "payments": [payment(book, doc) for doc in book.payments.all()],
        "contacts": [_contact(doc) for doc in book.contacts.all()],
        "credit_notes": [_credit_note(book, doc) for doc in book.credit_notes.all()],
        "overpayments": [_named(book, doc) for doc in book.overpayments.all()],
        "allocations": book.allocations.all(),
        "accounts": book.accounts.all(),
    }


def invoice(book: Book, doc: Doc) -> dict[str, Any]:
    """An invoice with its contact, account codes and its payments in force."""
    paid = [one for one in book.payments.find("document", doc["InvoiceID"]) if one["Status"] == "AUTHORISED"]
    return _named(book, doc) | {
        "LineItems": _lines(book, doc),
        "Payments": [payment(book, one) for one in paid],
    }


def payment(book: Book, doc: Doc) -> dict[str, Any]:
    """A payment with its account's code and the number of what it pays."""
    account = book.accounts.get(doc["AccountID"]) or {}
    paid = book.invoices.get(doc["DocumentID"]) or book.credit_notes.get(doc["DocumentID"]) or {}
    number = paid.get("InvoiceNumber") or paid.get("CreditNoteNumber")
    named = {"AccountCode": account.get("Code"), "AccountName": account.get("Name")}
    return doc | named | {"InvoiceID": doc["DocumentID"], "InvoiceNumber": number}


def _credit_note(book: Book, doc: Doc) -> dict[str, Any]:
    return _named(book, doc) | {
        "LineItems": _lines(book, doc),
        "Allocations": book.allocations.find("source", doc["CreditNoteID"]),
    }


def _contact(doc: Doc) -> dict[str, Any]:
    flat = {"Addresses": list(doc["Addresses"].values()), "Phones": list(doc["Phones"].values())}
    return doc | flat


def _named(book: Book, doc: Doc) -> dict[str, Any]:
    contact = book.contacts.get(doc["ContactID"]) or {}
    named = {key: contact.get(key) for key in ("ContactID", "Name", "ContactNumber", "EmailAddress")}
    return doc | {"Contact": named}


def _lines(book: Book, doc: Doc) -> list[dict[str, Any]]:
    codes = {row["AccountID"]: row["Code"] for row in book.accounts.all()}
    return [line | {"AccountCode": codes.get(line["AccountID"])} for line in doc["LineItems"]]
