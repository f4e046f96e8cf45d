"""What sales invoices and credit notes have in common: header, contact, lines, totals, locks
(developer.xero.com, Invoices, and Credit Notes).
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.xero import contact_rules, contacts, fields, lines
from sandbox.xero.batch import Outcome, messages
from sandbox.xero.batch import refused as refused_element
from sandbox.xero.books import Book, Doc, Table, folded
from sandbox.xero.call import Call
from sandbox.xero.fields import Element
from sandbox.xero.line_rules import Setting, build

AMOUNTS = {"exclusive": "Exclusive", "inclusive": "Inclusive", "notax": "NoTax"}
STATUSES = {name.lower(): name for name in ("DRAFT", "SUBMITTED", "AUTHORISED", "PAID", "VOIDED", "DELETED")}
ARCHIVED_CONTACT = (
    "The contact with the specified contact details has been archived. "
    "The contact must be un-archived before creating new invoices or credit notes."
)
_KEPT = {"Name", "ContactID", "ContactNumber"}


@dataclass(frozen=True)
class Kind:
    """How one sort of document is named."""

    word: str
    plural: str
    id_key: str
    number_key: str
    types: tuple[str, ...]
    prefix: str
    table: Callable[[Book], Table]


@dataclass
class Draft:
    """A document being put together: what it will be, and what is wrong with it."""

    call: Call
    posted: Element
    kind: Kind
    old: Doc | None
    status: str
    doc: Doc = field(default_factory=dict)
    contact: Doc | None = None
    contact_changed: bool = False
    wrong: list[str] = field(default_factory=list)
    contact_wrong: list[str] = field(default_factory=list)
    line_wrong: list[list[str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def approving(self) -> bool:
        """Whether it becomes AUTHORISED now."""
        return self.status == "AUTHORISED" and (self.old is None or self.old["Status"] != "AUTHORISED")

    @property
    def errors(self) -> list[str]:
        """Everything wrong, with the document, its contact and its lines."""
        return [*self.wrong, *self.contact_wrong, *(text for row in self.line_wrong for text in row)]


def compose(draft: Draft) -> None:
    """Work out contact, header, lines and totals of a document that may still be changed freely."""
    draft.doc = dict(draft.old) if draft.old else _blank(draft)
    draft.doc["Status"] = draft.status
    _contact(draft)
    _dates(draft)
    _texts(draft)
    _number(draft)
    _currency(draft)
    _lines(draft)
    total(draft.doc)
    if draft.doc["Total"] < 0:
        draft.wrong.append("The Total for this document must be greater than or equal to zero.")
    draft.wrong += locked(draft.call.book, draft.doc["Date"])


def total(doc: Doc) -> None:
    """Set the totals from the lines."""
    rows = [(line["LineAmount"], line["TaxAmount"], line["Discount"]) for line in doc["LineItems"]]
    summed = lines.summed(rows, doc["LineAmountTypes"])
    doc |= {"SubTotal": summed.sub_total, "TotalTax": summed.tax, "Total": summed.total}
    doc["TotalDiscount"] = summed.discount


def locked(book: Book, iso: str) -> list[str]:
    """The message when the day lies in a locked period."""
    organisation = book.organisation
    if (lock := organisation.get("PeriodLockDate")) and iso <= lock:
        shown = fields.words_day(lock)
        return [f"The document date cannot be before the period lock date, currently set at {shown}"]
    if (lock := organisation.get("EndOfYearLockDate")) and iso <= lock:
        shown = fields.words_day(lock)
        return [f"The document date cannot be before the end of year lock date, currently set at {shown}"]
    return []


def keep_contact(draft: Draft) -> None:
    """Save the contact when the document made or changed it, and mark it as a customer or supplier."""
    if draft.contact is None:
        return
    role = "IsCustomer" if draft.doc["Type"].startswith("ACCREC") else "IsSupplier"
    if draft.contact_changed or not draft.contact[role]:
        draft.contact = draft.call.book.contacts.put({**draft.contact, role: True})


def refused(draft: Draft) -> Outcome:
    """The refused document: messages on it, on its contact and on its lines."""
    parts: dict[str, Any] = {}
    contact = fields.part(draft.posted, "Contact")
    if contact is not None:
        parts["Contact"] = contact | {"ValidationErrors": messages(draft.contact_wrong)}
    rows = fields.parts(draft.posted, "LineItems") or []
    if len(draft.line_wrong) == len(rows):
        found = zip(rows, draft.line_wrong, strict=True)
        parts["LineItems"] = [row | {"ValidationErrors": messages(wrong)} for row, wrong in found]
    outcome = refused_element(draft.posted, draft.kind.id_key, "HasErrors", draft.errors, parts)
    if draft.old is not None:
        outcome.shown[draft.kind.id_key] = draft.old[draft.kind.id_key]
    return outcome


def _blank(draft: Draft) -> Doc:
    return {
        draft.kind.id_key: str(uuid.uuid4()),
        "Type": (fields.text(draft.posted, "Type") or "").upper(),
        "LineItems": [],
        "LineAmountTypes": "Exclusive",
        "Reference": "",
        "CreatedBy": draft.call.app,
        "History": [],
    }


def _contact(draft: Draft) -> None:
    posted, book, wrong = fields.part(draft.posted, "Contact"), draft.call.book, draft.contact_wrong
    if draft.old is not None and not any((posted or {}).get(key) for key in _KEPT):
        draft.contact = book.contacts.get(draft.old["ContactID"])
        return
    if not posted or not any(posted.get(key) for key in _KEPT):
        draft.wrong.append("A Contact must be specified for this type of transaction")
        return
    found = _existing(draft, posted)
    if wrong:
        return
    if found and found["ContactStatus"] == "ARCHIVED":
        wrong.append(ARCHIVED_CONTACT)
        return
    draft.contact = found if found and not set(posted) - {"ContactID"} else _changed(draft, posted, found)
    if draft.contact:
        draft.doc["ContactID"] = draft.contact["ContactID"]


def _existing(draft: Draft, posted: Element) -> Doc | None:
    contacts_table = draft.call.book.contacts
    if identity := fields.guid(posted, "ContactID"):
        if (found := contacts_table.get(identity)) is None:
            draft.contact_wrong.append("An existing Contact with the specified ContactID could not be found")
        return found
    found = contacts.match(draft.call.book, posted)
    if found and found["ContactStatus"] == "ARCHIVED" and not posted.get("ContactNumber"):
        return found
    return found


def _changed(draft: Draft, posted: Element, found: Doc | None) -> Doc | None:
    given = {key: value for key, value in posted.items() if value not in (None, "")}
    if found and folded(found["Name"]) == folded(fields.text(given, "Name")):
        del given["Name"]
    doc, wrong = contact_rules.build(draft.call.book, given, found, str(uuid.uuid4()))
    draft.contact_wrong += wrong
    if wrong or doc == found:
        return found
    draft.contact_changed = True
    return doc | {"UpdatedDateUTC": draft.call.book.now()}


def _dates(draft: Draft) -> None:
    posted, doc, book = draft.posted, draft.doc, draft.call.book
    doc["Date"] = fields.day(posted, "Date") or doc.get("Date") or book.today().isoformat()
    doc["DueDate"] = fields.day(posted, "DueDate") or doc.get("DueDate")


def _texts(draft: Draft) -> None:
    posted, doc, wrong = draft.posted, draft.doc, draft.wrong
    if (reference := fields.text(posted, "Reference")) is not None:
        doc["Reference"] = reference
        if len(reference) > 255:
            wrong.append("The reference must not be longer than 255 characters.")
    if (url := fields.text(posted, "Url")) is not None:
        doc["Url"] = url
        if url and not re.match(r"^https?://[^\s/]+", url):
            wrong.append("Url must be an absolute address.")
        if "xero" in url.lower():
            wrong.append("Url must not contain the word xero.")
    if theme := fields.guid(posted, "BrandingThemeID"):
        doc["BrandingThemeID"] = theme
        if draft.call.book.themes.get(theme) is None:
            wrong.append("The branding theme with the specified BrandingThemeID could not be found")
    elif not doc.get("BrandingThemeID"):
        doc["BrandingThemeID"] = draft.call.book.themes.all()[0]["BrandingThemeID"]
    if fields.flag(posted, "SentToContact") is not None and draft.status == "AUTHORISED":
        doc["SentToContact"] = fields.flag(posted, "SentToContact")
    doc["LineAmountTypes"] = (
        fields.choice(posted, "LineAmountTypes", AMOUNTS, "Xero.API.Library..LineAmountType")
        or doc["LineAmountTypes"]
    )


def _number(draft: Draft) -> None:
    number = fields.text(draft.posted, draft.kind.number_key)
    if not number:
        return
    draft.doc[draft.kind.number_key] = number
    if len(number) > 255 or not re.match(r"^[ -~]+$", number):
        draft.wrong.append(f"The {draft.kind.word} number must be up to 255 printable ASCII characters.")
    if number_taken(draft.call.book, draft.kind, draft.doc, number):
        draft.wrong.append(f"{draft.kind.word} # must be unique.")


def number_taken(book: Book, kind: Kind, doc: Doc, number: str) -> bool:
    """Whether another document has the number; voided ones keep theirs, deleted drafts don't. Bills may share."""
    if doc["Type"] not in ("ACCREC", "ACCRECCREDIT"):
        return False
    others = kind.table(book).find("number", (doc["Type"], folded(number)))
    return any(other[kind.id_key] != doc[kind.id_key] and other["Status"] != "DELETED" for other in others)


def _currency(draft: Draft) -> None:
    book, doc, posted = draft.call.book, draft.doc, draft.posted
    usual = (draft.contact or {}).get("DefaultCurrency") or book.base_currency
    code = (fields.text(posted, "CurrencyCode") or doc.get("CurrencyCode") or usual).upper()
    if code not in book.organisation["currencies"]:
        draft.wrong.append(f"Organisation is not subscribed to currency {code}")
    given = fields.number(posted, "CurrencyRate")
    if code == book.base_currency and given not in (None, 1):
        draft.warnings.append(
            "The CurrencyRate was ignored: the document is in the organisation's base currency."
        )
        given = None
    kept = doc.get("CurrencyRate") if doc.get("CurrencyCode") == code else None
    doc["CurrencyCode"] = code
    doc["CurrencyRate"] = (given or kept or book.rate_of(code)).quantize(lines.CENT**3)


def _lines(draft: Draft) -> None:
    posted = fields.parts(draft.posted, "LineItems")
    before = draft.old["LineItems"] if draft.old else []
    if posted is None and draft.old is not None:
        same = draft.old["LineAmountTypes"] == draft.doc["LineAmountTypes"]
        if same and not draft.approving:
            return
        posted = [_again(draft, line) for line in before]
    if not posted:
        draft.wrong.append("One or more line items must be specified")
        return
    kept = {line["LineItemID"]: line for line in before}
    setting = Setting(
        draft.doc["LineAmountTypes"],
        draft.status == "AUTHORISED",
        draft.call.decimals,
        discounts=draft.doc["Type"] == "ACCREC",
    )
    built = [
        build(draft.call.book, one, kept.get(fields.guid(one, "LineItemID") or ""), setting) for one in posted
    ]
    draft.doc["LineItems"] = [line for line, _ in built]
    draft.line_wrong = [wrong for _, wrong in built]


def _again(draft: Draft, line: Doc) -> dict[str, Any]:
    account = draft.call.book.accounts.get(line["AccountID"])
    return {"LineItemID": line["LineItemID"]} | ({"AccountID": account["AccountID"]} if account else {})
