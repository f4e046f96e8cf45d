"""Credit notes: saving, showing, and their endpoint (developer.xero.com, Credit Notes)."""

from __future__ import annotations

from typing import Any

from sandbox.xero import batch, contacts, fields, history, settling
from sandbox.xero.batch import Outcome, refused
from sandbox.xero.books import Book, Doc, folded
from sandbox.xero.call import Call
from sandbox.xero.dates import day_pair, ms_day, updated_pair
from sandbox.xero.documents import STATUSES, Draft, Kind, compose, keep_contact, locked, number_taken
from sandbox.xero.documents import refused as refused_draft
from sandbox.xero.errors import NotFound
from sandbox.xero.fields import GUID, Element
from sandbox.xero.filters import Fields
from sandbox.xero.filters import fields as filter_fields
from sandbox.xero.invoice_shown import line_shown
from sandbox.xero.listing import listed
from sandbox.xero.wire import Answer

NOTE = Kind(
    "Credit Note",
    "CreditNotes",
    "CreditNoteID",
    "CreditNoteNumber",
    ("ACCRECCREDIT", "ACCPAYCREDIT"),
    "CN-",
    lambda book: book.credit_notes,
)
NOT_MODIFIABLE = "Credit Note not of valid status for modification"
_FIELDS: Fields = filter_fields(
    CreditNoteID="guid",
    CreditNoteNumber="text",
    Reference="text",
    Type="text",
    Status="text",
    Date="moment",
    UpdatedDateUTC="moment",
    Total="number",
    RemainingCredit="number",
    CurrencyCode="text",
)
_NEXT = {
    "DRAFT": {"DRAFT", "SUBMITTED", "AUTHORISED", "DELETED"},
    "SUBMITTED": {"SUBMITTED", "DRAFT", "AUTHORISED", "DELETED"},
    "AUTHORISED": {"AUTHORISED", "VOIDED"},
}


def index(call: Call) -> Answer:
    """GET CreditNotes: lines only when paged."""
    found = listed(call, call.book.credit_notes.all(), _FIELDS, "UpdatedDateUTC, CreditNoteID")
    seen = [shown(call.book, row, call.decimals, found.paged) for row in found.rows]
    return call.reply("CreditNotes", seen, **found.more)


def show(call: Call, word: str) -> Answer:
    """GET CreditNotes/{CreditNoteID or CreditNoteNumber}."""
    return call.reply("CreditNotes", [shown(call.book, _one(call.book, word), call.decimals)])


def create(call: Call) -> Answer:
    """PUT CreditNotes: only creates."""
    return batch.answer(call, "CreditNotes", [_create(call, one) for one in call.posted("CreditNotes")])


def upsert(call: Call) -> Answer:
    """POST CreditNotes: creates, or edits what the id names."""
    return batch.answer(call, "CreditNotes", [_upsert(call, one) for one in call.posted("CreditNotes")])


def update(call: Call, word: str) -> Answer:
    """POST CreditNotes/{CreditNoteID}."""
    old = _one(call.book, word)
    return batch.single(call, "CreditNotes", _edit(call, call.posted("CreditNotes")[0], old))


def shown(book: Book, doc: Doc, decimals: int, with_lines: bool = True) -> dict[str, Any]:
    """A credit note with what is left of it and where it went."""
    contact = book.contacts.get(doc["ContactID"]) or {}
    keys = (
        "CreditNoteID",
        "CreditNoteNumber",
        "Type",
        "Reference",
        "Status",
        "LineAmountTypes",
        "SubTotal",
        "TotalTax",
        "Total",
        "RemainingCredit",
        "CurrencyCode",
        "CurrencyRate",
        "BrandingThemeID",
        "SentToContact",
    )
    seen: dict[str, Any] = {key: doc[key] for key in keys} | {"ID": doc["CreditNoteID"], "HasErrors": False}
    seen["Contact"] = contacts.shown(contact) if with_lines else contacts.nested(contact)
    seen["LineItems"] = [line_shown(book, line, decimals) for line in doc["LineItems"]] if with_lines else []
    seen["Allocations"] = [
        allocation_shown(book, one) for one in book.allocations.find("source", doc["CreditNoteID"])
    ]
    refunds = [
        one for one in book.payments.find("document", doc["CreditNoteID"]) if one["Status"] == "AUTHORISED"
    ]
    seen["Payments"] = [
        {"PaymentID": one["PaymentID"], "Date": ms_day(one["Date"]), "Amount": one["Amount"]}
        for one in refunds
    ]
    if doc.get("FullyPaidOnDate"):
        seen["FullyPaidOnDate"] = ms_day(doc["FullyPaidOnDate"])
    return (
        seen | {"HasAttachments": False} | day_pair("Date", doc["Date"]) | updated_pair(doc["UpdatedDateUTC"])
    )


def allocation_shown(book: Book, doc: Doc) -> dict[str, Any]:
    """A part of a credit put on an invoice."""
    invoice = book.invoices.get(doc["InvoiceID"]) or {}
    named = {
        "InvoiceID": doc["InvoiceID"],
        "InvoiceNumber": invoice.get("InvoiceNumber", ""),
        "LineItems": [],
    }
    seen = {"AllocationID": doc["AllocationID"], "Amount": doc["Amount"], "Invoice": named}
    return seen | day_pair("Date", doc["Date"]) | {"IsDeleted": False, "ValidationErrors": []}


def _create(call: Call, posted: Element) -> Outcome:
    status = _status(posted) or "DRAFT"
    draft = Draft(call, posted, NOTE, None, status)
    if (fields.text(posted, "Type") or "").upper() not in NOTE.types:
        draft.wrong.append("Credit Note not of valid type for creation")
    if status not in ("DRAFT", "SUBMITTED", "AUTHORISED"):
        draft.wrong.append("Credit Note not of valid status for creation")
    compose(draft)
    return _saved(draft, "Created")


def _upsert(call: Call, posted: Element) -> Outcome:
    if not (identity := fields.guid(posted, "CreditNoteID")):
        return _create(call, posted)
    if (old := call.book.credit_notes.get(identity)) is None:
        words = "An existing Credit Note with the specified CreditNoteID could not be found"
        return refused(posted, "CreditNoteID", "HasErrors", [words])
    return _edit(call, posted, old)


def _edit(call: Call, posted: Element, old: Doc) -> Outcome:
    status = _status(posted) or old["Status"]
    used = old["RemainingCredit"] != old["Total"]
    wrong = [] if status in _NEXT.get(old["Status"], set()) and not used else [NOT_MODIFIABLE]
    if wrong := wrong or locked(call.book, old["Date"]):
        return refused(posted | {"CreditNoteID": old["CreditNoteID"]}, "CreditNoteID", "HasErrors", wrong)
    if status in ("VOIDED", "DELETED"):
        doc = {**old, "Status": status, "UpdatedDateUTC": call.book.now()}
        doc |= {"History": history.added(call, old, status.title(), ""), "RemainingCredit": old["Total"] * 0}
        return Outcome(shown(call.book, call.book.credit_notes.put(doc), call.decimals))
    draft = Draft(call, posted, NOTE, old, status)
    compose(draft)
    return _saved(draft, "Edited")


def _saved(draft: Draft, change: str) -> Outcome:
    if draft.errors:
        return refused_draft(draft)
    keep_contact(draft)
    doc, book = draft.doc, draft.call.book
    if not doc.get("CreditNoteNumber"):
        doc["CreditNoteNumber"] = book.next_number(
            "credit_notes", NOTE.prefix, lambda number: number_taken(book, NOTE, doc, number)
        )
    doc.setdefault("SentToContact", False)
    doc |= {"RemainingCredit": doc["Total"], "UpdatedDateUTC": book.now()}
    doc["History"] = history.added(draft.call, doc, "Approved" if draft.approving else change, "")
    book.credit_notes.put(doc)
    kept = settling.credit(book, "CreditNote", doc["CreditNoteID"], doc["Date"])
    return Outcome(shown(book, kept, draft.call.decimals), warnings=draft.warnings)


def _status(posted: Element) -> str | None:
    return fields.choice(posted, "Status", STATUSES, "Xero.API.Library.Invoicing.InvoiceStatus")


def _one(book: Book, word: str) -> Doc:
    if GUID.match(word):
        found = book.credit_notes.get(word.lower())
    else:
        found = book.credit_notes.first("number", ("ACCRECCREDIT", folded(word)))
    if found is None:
        raise NotFound
    return found
