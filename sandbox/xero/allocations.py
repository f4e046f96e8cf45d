"""Putting a credit note or an overpayment on invoices (developer.xero.com, Credit Notes, and Overpayments)."""

from __future__ import annotations

import uuid
from decimal import Decimal

from sandbox.xero import batch, fields, history, lines, settling
from sandbox.xero.batch import Outcome, refused
from sandbox.xero.books import Doc, Table
from sandbox.xero.call import Call
from sandbox.xero.credit_notes import allocation_shown
from sandbox.xero.documents import locked
from sandbox.xero.errors import NotFound
from sandbox.xero.fields import Element
from sandbox.xero.wire import Answer, json_answer


def of_credit_note(call: Call, identity: str) -> Answer:
    """PUT CreditNotes/{id}/Allocations."""
    return _put(call, "CreditNote", call.book.credit_notes, identity)


def of_overpayment(call: Call, identity: str) -> Answer:
    """PUT Overpayments/{id}/Allocations."""
    return _put(call, "Overpayment", call.book.overpayments, identity)


def remove(call: Call, source: str, identity: str) -> Answer:
    """DELETE …/{id}/Allocations/{AllocationID}."""
    found = call.book.allocations.get(identity.lower())
    if found is None or found["SourceID"] != source.lower():
        raise NotFound
    call.book.allocations.delete(found["AllocationID"])
    _settle(call, found, "Allocation removed")
    seen = {"AllocationId": found["AllocationID"], "IsDeleted": True}
    return json_answer(200, seen | {"Invoice": {"InvoiceID": found["InvoiceID"]}})


def _put(call: Call, kind: str, table: Table, identity: str) -> Answer:
    if table.get(identity.lower()) is None:
        raise NotFound
    outcomes = [_one(call, kind, table, identity.lower(), one) for one in call.posted("Allocations")]
    return batch.answer(call, "Allocations", outcomes)


def _one(call: Call, kind: str, table: Table, identity: str, posted: Element) -> Outcome:
    source = table.get(identity) or {}
    invoice = call.book.invoices.get(fields.guid(fields.part(posted, "Invoice") or {}, "InvoiceID"))
    amount, day = fields.number(posted, "Amount"), fields.day(posted, "Date") or call.book.today().isoformat()
    if amount is None or amount <= 0:
        return refused(posted, "AllocationID", "HasErrors", ["The Amount must be greater than zero."])
    amount = lines.cents(amount)
    wrong = _unfit(source, invoice, amount) + locked(call.book, day)
    if wrong or invoice is None:
        return refused(posted, "AllocationID", "HasErrors", wrong)
    doc: Doc = {
        "AllocationID": str(uuid.uuid4()),
        "SourceKind": kind,
        "SourceID": identity,
        "Amount": amount,
        "Date": day,
        "InvoiceID": invoice["InvoiceID"],
        "UpdatedDateUTC": call.book.now(),
    }
    call.book.allocations.put(doc)
    _settle(call, doc, "Credit Applied")
    return Outcome(allocation_shown(call.book, doc))


def _unfit(source: Doc, invoice: Doc | None, amount: Decimal) -> list[str]:
    if invoice is None:
        return ["The document with the supplied id was not found for this endpoint."]
    if source["Status"] != "AUTHORISED" or invoice["Status"] != "AUTHORISED":
        return ["Allocations can only be made between Authorised documents"]
    if (source["ContactID"], source["CurrencyCode"]) != (invoice["ContactID"], invoice["CurrencyCode"]):
        return ["The credit and the invoice must have the same contact and currency."]
    if amount > source["RemainingCredit"]:
        return ["Amount exceeds the remaining credit of this document"]
    if amount > invoice["AmountDue"]:
        return ["Amount exceeds the amount outstanding on the invoice"]
    return []


def _settle(call: Call, doc: Doc, change: str) -> None:
    settling.credit(call.book, doc["SourceKind"], doc["SourceID"], doc["Date"])
    invoice = settling.invoice(call.book, doc["InvoiceID"], doc["Date"])
    entry = history.added(call, invoice, change, f"{doc['Amount']} on {doc['Date']}")
    call.book.invoices.put({**invoice, "History": entry})
