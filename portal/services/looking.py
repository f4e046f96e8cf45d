"""Looking into Xero's books for what a batch may have left there: one call for many documents where Xero lets us."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from portal.models import Document, Operation
from portal.services import calling
from portal.services.work import Work
from portal.words import ENDED
from portal.xero import payloads
from portal.xero.client import Reply
from portal.xero.limits import Share

Items = list[dict[str, Any]]
Seen = dict[str, dict[str, Any]]
MOST = 40


def invoices_by_number(work: Work, numbers: list[str]) -> Seen:
    """Xero's sales invoices with these numbers, whoever made them."""
    reply = ask(work, lambda: work.client.invoices_numbered(numbers))
    found = reply.data.get("Invoices") or []
    return {str(each.get("InvoiceNumber")): each for each in found if each.get("Type") == "ACCREC"}


def _contacts(work: Work, items: Items) -> Seen:
    return _numbered(work, items, work.client.contacts_numbered, "Contacts", "ContactNumber")


def _credit_notes(work: Work, items: Items) -> Seen:
    seen = _numbered(work, items, work.client.credit_notes_numbered, "CreditNotes", "CreditNoteNumber")
    marks = {item["number"]: item["element"]["Reference"] for item in items}
    return {number: found for number, found in seen.items() if found.get("Reference") == marks.get(number)}


def _invoices(work: Work, items: Items) -> Seen:
    return invoices_by_number(work, [item["number"] for item in items])


def _voided(work: Work, items: Items) -> Seen:
    reply = ask(work, lambda: work.client.invoices([item["number"] for item in items]))
    found = reply.data.get("Invoices") or []
    return {str(each["InvoiceID"]): each for each in found if each.get("Status") in ENDED}


def _nothing(work: Work, items: Items) -> Seen:
    """A change by Xero id may be said again: the quiet time has made sure that no older one follows it."""
    return {}


def _payments(work: Work, items: Items) -> Seen:
    """Payments known again by the mark in their reference, on the invoices they belong to: one call for all."""
    ids = list({item["element"]["Invoice"]["InvoiceID"] for item in items})
    reply = ask(work, lambda: work.client.invoices(ids))
    embedded = [
        each for invoice in reply.data.get("Invoices") or [] for each in invoice.get("Payments") or []
    ]
    return _marked(items, embedded)


def _refunds(work: Work, items: Items) -> Seen:
    references = [item["element"]["Reference"] for item in items]
    found: list[dict[str, Any]] = []
    for part in _parts(references):
        found += ask(work, partial(work.client.payments_referenced, part)).data.get("Payments") or []
    return _marked(items, found)


def _overpayments(work: Work, items: Items) -> Seen:
    references = [item["element"]["Reference"] for item in items]
    found: list[dict[str, Any]] = []
    for part in _parts(references):
        found += ask(work, partial(work.client.overpayments_referenced, part)).data.get("Overpayments") or []
    return _marked(items, found)


def _deleted(work: Work, items: Items) -> Seen:
    seen: Seen = {}
    for item in items:
        reply = ask(work, partial(work.client.payment, item["number"]))
        for each in reply.data.get("Payments") or []:
            if each.get("Status") == "DELETED":
                seen[item["number"]] = each
    return seen


FINDERS: dict[tuple[Document, Operation], Callable[[Work, Items], Seen]] = {
    (Document.CONTACT, Operation.CREATE): _contacts,
    (Document.CONTACT, Operation.UPDATE): _nothing,
    (Document.INVOICE, Operation.CREATE): _invoices,
    (Document.INVOICE, Operation.UPDATE): _nothing,
    (Document.INVOICE, Operation.RECODE): _nothing,
    (Document.INVOICE, Operation.VOID): _voided,
    (Document.PAYMENT, Operation.CREATE): _payments,
    (Document.PAYMENT, Operation.OVERPAY): _overpayments,
    (Document.PAYMENT, Operation.VOID): _deleted,
    (Document.CREDIT_NOTE, Operation.CREATE): _credit_notes,
    (Document.REFUND, Operation.CREATE): _refunds,
}


def _numbered(
    work: Work, items: Items, find: Callable[[list[str]], Reply], collection: str, name: str
) -> Seen:
    seen: Seen = {}
    for part in _parts([item["number"] for item in items]):
        reply = ask(work, partial(find, part))
        seen |= {str(found.get(name)): found for found in reply.data.get(collection) or []}
    return seen


def _marked(items: Items, payments: Items) -> Seen:
    """Which payments are ours, by the mark; deleted ones are as good as never made."""
    living = [payment for payment in payments if payment.get("Status") not in ENDED]
    return {
        item["number"]: payment
        for item in items
        for payment in living
        if payloads.mark_in(str(payment.get("Reference") or ""), item["number"])
    }


def _parts(values: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(values), MOST):
        yield values[start : start + MOST]


def ask(work: Work, letter: Callable[[], Reply]) -> Reply:
    """One look-up, which may use the last calls of the day. Raises NotNow, LeaseLost and Xero's errors."""
    work.calls += 1
    work.keep_lease()
    return calling.ask(work.tenant_id, letter, held_by=work.holder, share=Share.LOOK)
