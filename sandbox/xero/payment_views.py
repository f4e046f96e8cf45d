"""The Payments endpoint (developer.xero.com, Payments)."""

from __future__ import annotations

from sandbox.xero import batch, payments
from sandbox.xero.batch import Outcome
from sandbox.xero.books import Book, Doc
from sandbox.xero.call import Call
from sandbox.xero.errors import NotFound
from sandbox.xero.fields import Element
from sandbox.xero.fields import guid as posted_guid
from sandbox.xero.filters import Field, Fields, fields
from sandbox.xero.listing import listed
from sandbox.xero.wire import Answer

_FIELDS = fields(
    PaymentID="guid",
    Status="text",
    PaymentType="text",
    Date="moment",
    Reference="text",
    Amount="number",
    IsReconciled="flag",
    UpdatedDateUTC="moment",
    BankAmount="number",
)


def index(call: Call) -> Answer:
    """GET Payments."""
    found = listed(call, call.book.payments.all(), _known(call.book), "UpdatedDateUTC, PaymentID")
    return call.reply("Payments", [payments.shown(call.book, row) for row in found.rows], **found.more)


def show(call: Call, identity: str) -> Answer:
    """GET Payments/{PaymentID}."""
    return call.reply("Payments", [payments.shown(call.book, _one(call, identity))])


def create(call: Call) -> Answer:
    """PUT or POST Payments: creates; an element naming a payment with Status DELETED deletes it."""
    return batch.answer(call, "Payments", [_either(call, one) for one in call.posted("Payments")])


def delete(call: Call, identity: str) -> Answer:
    """POST Payments/{PaymentID} with Status DELETED."""
    doc = _one(call, identity)
    return batch.single(call, "Payments", payments.delete(call, call.posted("Payments")[0], doc))


def _either(call: Call, posted: Element) -> Outcome:
    identity = posted_guid(posted, "PaymentID")
    return payments.delete(call, posted, _one(call, identity)) if identity else payments.create(call, posted)


def _one(call: Call, identity: str) -> Doc:
    found = call.book.payments.get(identity.lower())
    if found is None:
        raise NotFound
    return found


def _known(book: Book) -> Fields:
    def number(doc: Doc) -> str | None:
        found = payments.document_of(book, doc)
        return found.get("InvoiceNumber") or found.get("CreditNoteNumber")

    def account(key: str) -> Field:
        kind = "guid" if key == "AccountID" else "text"
        return Field(kind, lambda doc: (book.accounts.get(doc["AccountID"]) or {}).get(key))

    return _FIELDS | {
        "invoice.invoiceid": Field("guid", lambda doc: doc["DocumentID"]),
        "invoice.invoicenumber": Field("text", number),
        "account.accountid": account("AccountID"),
        "account.code": account("Code"),
    }
