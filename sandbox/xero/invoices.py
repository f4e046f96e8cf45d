"""Saving invoices: creation, the status machine, edits (developer.xero.com, Invoices)."""

from __future__ import annotations

import calendar
from datetime import date, timedelta

from sandbox.xero import fields, history, lines, paid_edits
from sandbox.xero.batch import Outcome, refused
from sandbox.xero.books import Book, Doc, folded
from sandbox.xero.call import Call
from sandbox.xero.documents import STATUSES, Draft, Kind, compose, keep_contact, locked, number_taken
from sandbox.xero.documents import refused as refused_draft
from sandbox.xero.fields import Element
from sandbox.xero.invoice_shown import shown
from sandbox.xero.settling import settled

INVOICE = Kind(
    "Invoice",
    "Invoices",
    "InvoiceID",
    "InvoiceNumber",
    ("ACCREC", "ACCPAY"),
    "INV-",
    lambda book: book.invoices,
)
NOT_MODIFIABLE = "Invoice not of valid status for modification"
_NEXT = {
    "DRAFT": {"DRAFT", "SUBMITTED", "AUTHORISED", "DELETED"},
    "SUBMITTED": {"SUBMITTED", "DRAFT", "AUTHORISED", "DELETED"},
    "AUTHORISED": {"AUTHORISED", "VOIDED"},
    "PAID": {"PAID", "AUTHORISED", "VOIDED"},
}


def create(call: Call, posted: Element) -> Outcome:
    """A new invoice; never touches an existing one."""
    status = _status(posted) or "DRAFT"
    draft = Draft(call, posted, INVOICE, None, status)
    if (fields.text(posted, "Type") or "").upper() not in INVOICE.types:
        draft.wrong.append("Invoice not of valid type for creation")
    if status not in ("DRAFT", "SUBMITTED", "AUTHORISED"):
        draft.wrong.append("Invoice not of valid status for creation")
    compose(draft)
    return _saved(draft, "Created")


def upsert(call: Call, posted: Element) -> Outcome:
    """POST: edits the invoice found by InvoiceID or, for sales, by InvoiceNumber; creates when none has the number."""
    identity = fields.guid(posted, "InvoiceID")
    if identity:
        if (old := call.book.invoices.get(identity)) is None:
            words = "An existing Invoice with the specified InvoiceID could not be found"
            return refused(posted, "InvoiceID", "HasErrors", [words])
        return edit(call, posted, old)
    number = fields.text(posted, "InvoiceNumber")
    sales = (fields.text(posted, "Type") or "ACCREC").upper() == "ACCREC"
    found = call.book.invoices.find("number", ("ACCREC", folded(number))) if number and sales else []
    alive = [one for one in found if one["Status"] != "DELETED"]
    return edit(call, posted, alive[0]) if alive else create(call, posted)


def edit(call: Call, posted: Element, old: Doc) -> Outcome:
    """Change an invoice as far as its status, its payments and the lock dates allow."""
    status = _status(posted) or old["Status"]
    if wrong := _forbidden(call.book, old, status):
        return refused(posted, "InvoiceID", "HasErrors", wrong)
    if status in ("VOIDED", "DELETED"):
        return _ended(call, old, status)
    paid = bool(old["AmountPaid"] or old["AmountCredited"])
    if old["Status"] == "PAID":
        status = "PAID" if paid else "AUTHORISED"
    draft = Draft(call, posted, INVOICE, old, status)
    paid_edits.compose(draft) if paid else compose(draft)
    return _saved(draft, "Edited")


def _status(posted: Element) -> str | None:
    return fields.choice(posted, "Status", STATUSES, "Xero.API.Library.Invoicing.InvoiceStatus")


def _forbidden(book: Book, old: Doc, status: str) -> list[str]:
    if status not in _NEXT.get(old["Status"], set()):
        settled = old["AmountPaid"] or old["AmountCredited"]
        return (
            [_allocated(status)] if settled and old["Status"] in ("AUTHORISED", "PAID") else [NOT_MODIFIABLE]
        )
    if status != old["Status"] and (old["AmountPaid"] or old["AmountCredited"]):
        return [_allocated(status)]
    return locked(book, old["Date"])


def _allocated(status: str) -> str:
    reason = "because it has payments or credit notes allocated to it."
    return f"The status {status} cannot be applied to the invoice {reason}"


def _ended(call: Call, old: Doc, status: str) -> Outcome:
    doc = {**old, "Status": status, "UpdatedDateUTC": call.book.now()}
    doc["History"] = history.added(call, old, "Voided" if status == "VOIDED" else "Deleted", "")
    return Outcome(shown(call.book, call.book.invoices.put(doc), call.decimals))


def _saved(draft: Draft, change: str) -> Outcome:
    doc, book = draft.doc, draft.call.book
    if draft.approving:
        _approve(draft)
    if draft.errors:
        return refused_draft(draft)
    keep_contact(draft)
    if not doc.get("InvoiceNumber") and doc["Type"] == "ACCREC":
        doc["InvoiceNumber"] = book.next_number(
            "invoices", INVOICE.prefix, lambda number: number_taken(book, INVOICE, doc, number)
        )
    paid, credited = doc.get("AmountPaid", lines.ZERO), doc.get("AmountCredited", lines.ZERO)
    doc.setdefault("SentToContact", False)
    doc["History"] = history.added(draft.call, doc, "Approved" if draft.approving else change, "")
    kept = book.invoices.put(settled(book, doc, paid, credited, doc["Date"]))
    return Outcome(shown(book, kept, draft.call.decimals), warnings=draft.warnings)


def _approve(draft: Draft) -> None:
    book, doc = draft.call.book, draft.doc
    if not doc.get("DueDate"):
        doc["DueDate"] = _terms_day(book, draft.contact, doc["Date"])
    if not doc["DueDate"]:
        draft.wrong.append("Due date cannot be empty.")
    doc["ApprovedAt"] = book.now()
    limit = book.organisation.get("approval_limit")
    if limit is not None and doc["Type"] == "ACCREC":
        month = doc["ApprovedAt"][:7]
        approved = sum(1 for one in book.invoices.all() if (one.get("ApprovedAt") or "")[:7] == month)
        if approved >= limit:
            draft.wrong.append("You have reached the limit of invoices you can approve")


def _terms_day(book: Book, contact: Doc | None, issued: str) -> str | None:
    for terms in ((contact or {}).get("PaymentTerms"), book.organisation.get("PaymentTerms")):
        sales = (terms or {}).get("Sales") or {}
        if sales.get("Type"):
            return _due(date.fromisoformat(issued), int(sales.get("Day") or 0), sales["Type"]).isoformat()
    return None


def _due(issued: date, days: int, kind: str) -> date:
    if kind == "DAYSAFTERBILLDATE":
        return issued + timedelta(days=days)
    last = issued.replace(day=calendar.monthrange(issued.year, issued.month)[1])
    if kind == "DAYSAFTERBILLMONTH":
        return last + timedelta(days=days)
    start = issued if kind == "OFCURRENTMONTH" else last + timedelta(days=1)
    return start.replace(day=max(1, min(days, calendar.monthrange(start.year, start.month)[1])))
