"""A letter: what one push says to Xero, and how its answer is known again."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from portal.models import Batch, Document, Invoice, Operation, Push
from portal.services import tracking
from portal.xero import numbers, payloads

COLLECTIONS = {
    Document.CONTACT: "Contacts",
    Document.INVOICE: "Invoices",
    Document.PAYMENT: "Payments",
    Document.CREDIT_NOTE: "CreditNotes",
    Document.REFUND: "Payments",
}
OVERPAYMENTS = "BankTransactions"
CREATING = (Operation.CREATE, Operation.OVERPAY)
ALONE = {(Document.PAYMENT, Operation.VOID)}


@dataclass(frozen=True, slots=True)
class Letter:
    """One element and how to know it again in the answer: our number for it, or the mark in its reference.

    `holds` is what Xero holds afterwards where the element says only a part of it; `note` what is said of it then.
    """

    push: Push
    number: str
    element: dict[str, Any]
    content_hash: str | None = None
    expected_total: Decimal | None = None
    expected_tax: Decimal | None = None
    holds: dict[str, Any] | None = None
    note: str | None = None

    def item(self) -> dict[str, Any]:
        """What a batch keeps of it beside the bytes, which hold the element."""
        kept = {
            "push": self.push.id,
            "number": self.number,
            "hash": self.content_hash,
            "total": self.expected_total,
        }
        tracked = tracking.count(self.element) or None
        more = {"holds": self.holds, "note": self.note, "tax": self.expected_tax, "tracked": tracked}
        return kept | {name: value for name, value in more.items() if value is not None}


class Matched(Exception):
    """The contact exists in Xero; it is linked instead of created. `xero_id` is its ContactID."""

    def __init__(self, xero_id: str) -> None:
        super().__init__(xero_id)
        self.xero_id = xero_id


class NotYet(Exception):
    """Another letter of this round makes the contact of this name; once it is there, this one is matched with it."""


class Withdrawn(Exception):
    """HoopAI has voided or deleted the invoice before it reached Xero."""


class Later(Exception):
    """Something else of ours must be done in Xero first; the text says what it waits for."""


class LeftOut(Exception):
    """It is not sent at all; the text says why."""


class Nothing(Exception):
    """Xero holds it already; no letter is needed."""


def reference(invoice: Invoice) -> str:
    """The mark by which an invoice in Xero is known as ours."""
    return f"HoopAI {invoice.hoop_id}"


def collection(document: Document, operation: Operation) -> str:
    """What Xero calls a list of such elements."""
    return OVERPAYMENTS if operation == Operation.OVERPAY else COLLECTIONS[document]


def route(document: Document, operation: Operation, items: Sequence[dict[str, Any]]) -> tuple[str, str]:
    """Method and path of a batch: creating is PUT and never overwrites, changing is POST by Xero's id."""
    path = collection(document, operation)
    if (document, operation) in ALONE:
        path = f"{path}/{items[0]['number']}"
    return "PUT" if operation in CREATING else "POST", path


def body(document: Document, operation: Operation, elements: Sequence[bytes]) -> bytes:
    """The exact bytes of a batch of written elements; what Xero takes one at a time is one plain element."""
    if (document, operation) in ALONE:
        return elements[0]
    return payloads.batch_body(collection(document, operation), elements)


def said(batch: Batch) -> list[str]:
    """What a batch says of each of its items, word for word, read out of its bytes."""
    if (batch.document, batch.operation) in ALONE:
        return [batch.body.decode()]
    _, parts = numbers.load_parts(batch.body)
    return parts[collection(batch.document, batch.operation)]


def whole_items(batch: Batch) -> list[dict[str, Any]]:
    """The items of a batch, each with the element that it says."""
    told = numbers.load(batch.body)
    alone = (batch.document, batch.operation) in ALONE
    elements = [told] if alone else told[collection(batch.document, batch.operation)]
    return [{**item, "element": element} for item, element in zip(batch.items, elements, strict=True)]


def fitting(document: Document, operation: Operation, elements: Sequence[bytes]) -> int:
    """How many of the first written elements go into one batch."""
    return payloads.fitting(elements, 1 if (document, operation) in ALONE else payloads.MAX_ELEMENTS)
