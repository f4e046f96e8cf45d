"""Contacts in the books: finding, saving, showing (developer.xero.com, Contacts)."""

from __future__ import annotations

import uuid
from typing import Any

from sandbox.xero import fields, lines
from sandbox.xero.batch import Outcome, refused
from sandbox.xero.books import Book, Doc, folded
from sandbox.xero.contact_rules import ARCHIVED, NOTHING, build
from sandbox.xero.dates import ms_moment, updated_pair
from sandbox.xero.errors import NotFound
from sandbox.xero.fields import Element

_SIMPLE = (
    "ContactNumber",
    "AccountNumber",
    "FirstName",
    "LastName",
    "CompanyNumber",
    "EmailAddress",
    "TaxNumber",
    "BankAccountDetails",
    "SkypeUserName",
    "AccountsReceivableTaxType",
    "AccountsPayableTaxType",
    "DefaultCurrency",
    "Website",
)
_PHONES = ("DEFAULT", "DDI", "FAX", "MOBILE")
_EMPTY_PHONE = {"PhoneNumber": "", "PhoneAreaCode": "", "PhoneCountryCode": ""}
_EMPTY_ADDRESS = {"City": "", "Region": "", "PostalCode": "", "Country": ""}


def save(book: Book, posted: Element, creating: bool) -> Outcome:
    """Create (`creating`) or create-or-update one posted contact."""
    if not any(posted.get(key) for key in ("Name", "ContactID", "ContactNumber")):
        return refused(posted, "ContactID", "HasValidationErrors", [NOTHING])
    old = None if creating else match(book, posted)
    if old is not None and old["ContactStatus"] == "ARCHIVED":
        return refused(posted, "ContactID", "HasValidationErrors", [ARCHIVED])
    doc, wrong = build(book, posted, old, str(uuid.uuid4()))
    if wrong:
        return refused(posted, "ContactID", "HasValidationErrors", wrong)
    doc["UpdatedDateUTC"] = book.now()
    return Outcome(shown(book.contacts.put(doc)))


def match(book: Book, posted: Element) -> Doc | None:
    """The contact meant: by ContactID (NotFound when unknown), ContactNumber, then name (active ones first)."""
    if identity := fields.guid(posted, "ContactID"):
        if (found := book.contacts.get(identity)) is None:
            raise NotFound
        return found
    if number := fields.text(posted, "ContactNumber"):
        found = book.contacts.first("number", folded(number))
        if found is not None:
            return found
    named = book.contacts.find("name", folded(fields.text(posted, "Name")))
    return next((one for one in named if one["ContactStatus"] == "ACTIVE"), named[0] if named else None)


def shown(doc: Doc) -> dict[str, Any]:
    """A contact in full, as single and paged reads and write replies show it."""
    simple = {key: doc[key] for key in _SIMPLE if doc.get(key)}
    seen = {
        "ContactID": doc["ContactID"],
        "ContactStatus": doc["ContactStatus"],
        "Name": doc["Name"],
    } | simple
    addresses, phones = doc["Addresses"], doc["Phones"]
    kinds = ("STREET", "POBOX", *(kind for kind in addresses if kind not in ("STREET", "POBOX")))
    seen["Addresses"] = [addresses.get(kind) or {"AddressType": kind} | _EMPTY_ADDRESS for kind in kinds]
    seen["Phones"] = [phones.get(kind) or {"PhoneType": kind} | _EMPTY_PHONE for kind in _PHONES]
    if doc.get("PaymentTerms"):
        seen["PaymentTerms"] = doc["PaymentTerms"]
    if doc.get("MergedToContactID"):
        seen["MergedToContactID"] = doc["MergedToContactID"]
    return (
        seen
        | updated_pair(doc["UpdatedDateUTC"])
        | {
            "ContactGroups": [],
            "IsSupplier": doc["IsSupplier"],
            "IsCustomer": doc["IsCustomer"],
            "SalesTrackingCategories": [],
            "PurchasesTrackingCategories": [],
            "ContactPersons": doc["ContactPersons"],
            "HasAttachments": False,
            "HasValidationErrors": False,
        }
    )


def summary(doc: Doc) -> dict[str, Any]:
    """A contact without addresses, phones and persons (`summaryOnly`)."""
    simple = {key: doc[key] for key in _SIMPLE if doc.get(key)}
    seen = {
        "ContactID": doc["ContactID"],
        "ContactStatus": doc["ContactStatus"],
        "Name": doc["Name"],
    } | simple
    state = {"IsSupplier": doc["IsSupplier"], "IsCustomer": doc["IsCustomer"], "HasValidationErrors": False}
    return seen | {"UpdatedDateUTC": ms_moment(doc["UpdatedDateUTC"])} | state


def nested(doc: Doc) -> dict[str, Any]:
    """A contact inside a document of a list: id, number, name and empty lists."""
    empty: dict[str, Any] = {key: [] for key in ("Addresses", "Phones", "ContactGroups", "ContactPersons")}
    seen = {"ContactID": doc["ContactID"], "Name": doc["Name"]}
    if doc.get("ContactNumber"):
        seen["ContactNumber"] = doc["ContactNumber"]
    return seen | empty | {"HasValidationErrors": False}


def balances(book: Book, doc: Doc) -> dict[str, Any]:
    """What is owed, as a single read shows it."""
    today = book.today().isoformat()
    owed = [one for one in book.invoices.find("contact", doc["ContactID"]) if one["Status"] == "AUTHORISED"]

    def both(kind: str) -> dict[str, Any]:
        rows = [one for one in owed if one["Type"] == kind]
        late = [one for one in rows if (one["DueDate"] or today) < today]
        return {
            "Outstanding": sum((one["AmountDue"] for one in rows), lines.ZERO),
            "Overdue": sum((one["AmountDue"] for one in late), lines.ZERO),
        }

    return {"AccountsReceivable": both("ACCREC"), "AccountsPayable": both("ACCPAY")}
