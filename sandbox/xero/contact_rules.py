"""What a contact must be (developer.xero.com, Contacts)."""

from __future__ import annotations

import re
from typing import Any

from sandbox.xero import fields
from sandbox.xero.books import Book, Doc, folded
from sandbox.xero.fields import Element

NOTHING = (
    "The Contact must contain at least 1 of the following elements to identify the contact: "
    "Name, ContactID, ContactNumber"
)
ARCHIVED = (
    "The specified contact details matched an archived contact. "
    "Archived contacts cannot currently be edited via the API."
)
_TEXTS = {
    "Name": 255,
    "FirstName": 255,
    "LastName": 255,
    "EmailAddress": 255,
    "ContactNumber": 50,
    "AccountNumber": 50,
    "CompanyNumber": 50,
    "TaxNumber": 50,
    "BankAccountDetails": 255,
    "SkypeUserName": 255,
    "AccountsReceivableTaxType": 50,
    "AccountsPayableTaxType": 50,
    "DefaultCurrency": 3,
    "Website": 255,
}
_ADDRESS = {
    "AddressLine1": 500,
    "AddressLine2": 500,
    "AddressLine3": 500,
    "AddressLine4": 500,
    "City": 255,
    "Region": 255,
    "PostalCode": 50,
    "Country": 50,
    "AttentionTo": 255,
}
_PHONE = {"PhoneNumber": 50, "PhoneAreaCode": 10, "PhoneCountryCode": 20}
_EMAIL = re.compile(r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$")


def build(book: Book, posted: Element, old: Doc | None, new_id: str) -> tuple[Doc, list[str]]:
    """The contact to keep and what is wrong with it; what is left out stays as it was."""
    wrong: list[str] = []
    doc: Doc = dict(old) if old else _blank(new_id)
    for key, longest in _TEXTS.items():
        if key in posted and posted[key] is not None:
            doc[key] = fields.text(posted, key) or ""
            if len(doc[key]) > longest:
                wrong.append(f"{key} must not be longer than {longest} characters.")
    _name(book, doc, wrong)
    _unique(book, doc, wrong)
    if doc.get("EmailAddress") and not _EMAIL.match(doc["EmailAddress"]):
        wrong.append("Email address must be valid")
    _places(posted, doc, wrong)
    _people(posted, doc, wrong)
    status = fields.choice(
        posted, "ContactStatus", {"active": "ACTIVE", "archived": "ARCHIVED"}, "ContactStatus"
    )
    doc["ContactStatus"] = status or doc["ContactStatus"]
    if isinstance(posted.get("PaymentTerms"), dict):
        doc["PaymentTerms"] = posted["PaymentTerms"]
    return doc, wrong


def _blank(new_id: str) -> Doc:
    return {
        "ContactID": new_id,
        "ContactStatus": "ACTIVE",
        "Name": "",
        "Addresses": {},
        "Phones": {},
        "ContactPersons": [],
        "IsCustomer": False,
        "IsSupplier": False,
    }


def _name(book: Book, doc: Doc, wrong: list[str]) -> None:
    name = doc["Name"]
    if not name:
        wrong.append("Contact cannot be empty.")
        return
    if "<" in name or ">" in name:
        wrong.append("The contact name must not contain < or >.")
    if name != " ".join(name.split(" ")).strip() or "  " in name:
        wrong.append("The contact name must not have leading, trailing or double spaces.")
    for other in book.contacts.find("name", folded(name)):
        if other["ContactID"] != doc["ContactID"] and other["ContactStatus"] == "ACTIVE":
            wrong.append(
                f"The contact name {name} is already assigned to another contact. "
                "The contact name must be unique across all active contacts."
            )


def _unique(book: Book, doc: Doc, wrong: list[str]) -> None:
    def taken(index: str, key: str) -> bool:
        found = book.contacts.find(index, folded(doc.get(key)))
        return any(other["ContactID"] != doc["ContactID"] for other in found)

    if taken("number", "ContactNumber"):
        wrong.append(
            f"The contact number {doc['ContactNumber']} is already assigned to another contact. "
            "The contact number must be unique across all contacts."
        )
    if taken("account_number", "AccountNumber"):
        wrong.append("The Account Number already exists. Please enter a different Account Number.")


def _places(posted: Element, doc: Doc, wrong: list[str]) -> None:
    wanted = (("Addresses", "AddressType", "POBOX", _ADDRESS), ("Phones", "PhoneType", "DEFAULT", _PHONE))
    for key, kind_key, usual, limits in wanted:
        rows = fields.parts(posted, key)
        if rows is None:
            continue
        doc[key] = dict(doc[key])
        for row in rows:
            kind = (fields.text(row, kind_key) or usual).upper()
            doc[key][kind] = _limited(row, limits, wrong) | {kind_key: kind}


def _limited(row: Element, limits: dict[str, int], wrong: list[str]) -> dict[str, Any]:
    kept = {}
    for name, longest in limits.items():
        kept[name] = fields.text(row, name) or ""
        if len(kept[name]) > longest:
            wrong.append(f"{name} must not be longer than {longest} characters.")
    if kept.get("Country") and not re.match(r"^[^\W\d_]+([ .'-]+[^\W\d_]*)*$", kept["Country"]):
        wrong.append("Country must contain letters only.")
    return kept


def _people(posted: Element, doc: Doc, wrong: list[str]) -> None:
    rows = fields.parts(posted, "ContactPersons")
    if rows is None:
        return
    if len(rows) > 5:
        wrong.append("A contact can have at most 5 contact persons.")
    names = ("FirstName", "LastName", "EmailAddress")
    doc["ContactPersons"] = [
        {name: fields.text(row, name) or "" for name in names}
        | {"IncludeInEmails": bool(fields.flag(row, "IncludeInEmails"))}
        for row in rows
    ]
    for person in doc["ContactPersons"]:
        if person["EmailAddress"] and not _EMAIL.match(person["EmailAddress"]):
            wrong.append("Email address must be valid")
