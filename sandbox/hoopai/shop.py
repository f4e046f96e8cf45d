"""What a HoopAI user can do with invoices: the verbs, their rules, and the events each one causes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.hoopai import transactions
from sandbox.hoopai.books import CONTACTS, INVOICES, NUMBERS, Books, Refused, decimal, places
from sandbox.hoopai.drafts import Wish, amend, draft, new_contact
from sandbox.hoopai.envelopes import told
from sandbox.hoopai.postman import Postman
from sandbox.store import Document

_WORDS = {
    "draft": "a draft", "sent": "sent", "payment_processing": "waiting for a payment to clear",
    "partially_paid": "partly paid", "paid": "paid", "void": "void", "delete": "deleted",
}  # fmt: skip


class Shop:
    """The verbs. Each is one durable unit of books, transaction, event and delivery, or Refused."""

    def __init__(self, books: Books, postman: Postman) -> None:
        self.books = books
        self.postman = postman

    def create(self, location_id: str, wish: Wish) -> Document:
        """Make a draft (see `drafts.draft`), and `send` it if wished. InvoiceCreate, InvoiceSent."""
        with self.books.store.unit():
            location = self.books.location(location_id)
            known = self.books.store.count(CONTACTS)
            invoice = draft(self.books, location, wish)
            if self.books.store.count(CONTACTS) > known:
                self._tell_contact("ContactCreate", self.books.contact(invoice["contactDetails"]["id"]))
            self._say("InvoiceCreate", invoice)
            if wish.get("send"):
                invoice["status"] = "sent"
                self._say("InvoiceSent", invoice)
        return invoice

    def edit(self, invoice_id: str, wish: Wish) -> Document:
        """Change lines, discount, dates, number or name of a draft, sent or partly paid invoice (HighLevel's
        rule; HoopAI's page says drafts only). InvoiceUpdate, or InvoicePaid when what was paid is now the
        whole.
        """
        with self.books.store.unit():
            invoice = self._in(invoice_id, "edited", "draft", "sent", "partially_paid")
            amend(self.books, self.books.location(invoice["altId"]), invoice, wish)
            settled = bool(invoice["amountPaid"]) and not invoice["amountDue"]
            invoice["status"] = "paid" if settled else invoice["status"]
            self._say("InvoicePaid" if settled else "InvoiceUpdate", invoice)
        return invoice

    def send(self, invoice_id: str) -> Document:
        """Send a draft to its contact. InvoiceSent."""
        with self.books.store.unit():
            invoice = self._in(invoice_id, "sent", "draft")
            invoice["status"] = "sent"
            self._say("InvoiceSent", invoice)
        return invoice

    def pay(self, invoice_id: str, wish: Wish) -> Document:
        """Record a payment: `amount` (default: all that is due) or `instalment` (its place, from 1),
        `method`, `provider`, `notes`. InvoicePaid when nothing is left, else InvoicePartiallyPaid.
        """
        with self.books.store.unit():
            invoice = self._in(invoice_id, "paid", "draft", "sent", "partially_paid")
            amount = self._amount(invoice, wish)
            facts = {name: wish.get(name) for name in ("provider", "notes")}
            transactions.new_transaction(self.books, invoice, amount, wish.get("method") or "card", **facts)
            self._received(invoice, amount)
        return invoice

    def processing(self, invoice_id: str, wish: Wish) -> Document:
        """Begin a direct debit of `amount` (default: all that is due) that clears or fails later. Which
        event, if any, tells of it is not documented; we send InvoiceUpdate.
        """
        with self.books.store.unit():
            invoice = self._in(invoice_id, "paid", "sent", "partially_paid")
            amount = self._amount(invoice, wish)
            transactions.new_transaction(
                self.books, invoice, amount, wish.get("method") or "direct_debit",
                provider=wish.get("provider"), status="pending",
            )  # fmt: skip
            invoice["status"] = "payment_processing"
            self._say("InvoiceUpdate", invoice)
        return invoice

    def clear(self, invoice_id: str) -> Document:
        """Let the payment under way arrive. InvoicePaid or InvoicePartiallyPaid."""
        with self.books.store.unit():
            invoice = self._in(invoice_id, "cleared", "payment_processing")
            transaction = transactions.pending(self.books, invoice_id)
            transactions.settle(self.books, transaction, "succeeded")
            self._received(invoice, transaction["amount"])
        return invoice

    def fail(self, invoice_id: str) -> Document:
        """Let the payment under way fail: back to sent or partly paid. InvoiceUpdate (not documented)."""
        with self.books.store.unit():
            invoice = self._in(invoice_id, "failed", "payment_processing")
            transactions.settle(self.books, transactions.pending(self.books, invoice_id), "failed")
            invoice["status"] = "partially_paid" if invoice["amountPaid"] else "sent"
            self._say("InvoiceUpdate", invoice)
        return invoice

    def refund(self, invoice_id: str, wish: Wish) -> Document:
        """Give back `amount` (default: all) of the last payment or of `transaction_id`. The vendor has no
        event for it and documents no change of the invoice, so only the transaction changes. With
        `reduce_paid` (mischief) the invoice's amountPaid falls too and InvoiceUpdate is sent.
        """
        with self.books.store.unit():
            invoice = self.books.invoice(invoice_id)
            transaction = transactions.refundable(self.books, invoice_id, wish.get("transaction_id"))
            wanted = decimal(wish["amount"], "amount") if wish.get("amount") not in (None, "") else None
            given = transactions.refund(self.books, transaction, wanted)
            if wish.get("reduce_paid"):
                invoice["amountPaid"] -= given
                invoice["amountDue"] += given
                invoice["status"] = "partially_paid" if invoice["amountPaid"] else "sent"
                self._say("InvoiceUpdate", invoice)
        return invoice

    def void(self, invoice_id: str) -> Document:
        """Mark a sent or partly paid invoice as not collectible. InvoiceVoid."""
        with self.books.store.unit():
            invoice = self._in(invoice_id, "voided", "sent", "partially_paid")
            invoice["status"] = "void"
            self._say("InvoiceVoid", invoice)
        return invoice

    def delete(self, invoice_id: str) -> Document:
        """Delete an invoice for good, in any state but payment_processing. InvoiceDelete."""
        with self.books.store.unit():
            invoice = self._in(invoice_id, "deleted", "draft", "sent", "partially_paid", "paid", "void")
            invoice["status"] = "delete"
            self._say("InvoiceDelete", invoice)
        return invoice

    def save_contact(self, location_id: str, fields: dict[str, Any]) -> Document:
        """Make a contact, or change the one whose `id` is given. ContactCreate or ContactUpdate."""
        with self.books.store.unit():
            location = self.books.location(location_id)
            before = self.books.store.get(CONTACTS, fields["id"]) if fields.get("id") else None
            contact = new_contact(self.books, location, {**(before or {}), **_renamed(fields)})
            if before:
                contact |= {
                    "dateAdded": before["dateAdded"],
                    "dateUpdated": self.books.stamp(before["dateUpdated"]),
                }
            self.books.store.put(CONTACTS, contact["id"], contact)
            self._tell_contact("ContactUpdate" if before else "ContactCreate", contact)
        return contact

    def _in(self, invoice_id: str, verb: str, *states: str) -> Document:
        invoice = self.books.invoice(invoice_id)
        if invoice["status"] not in states:
            raise Refused(
                f"Invoice {invoice['invoiceNumber']} is {_WORDS[invoice['status']]} and can't be {verb}."
            )
        return invoice

    def _amount(self, invoice: Document, wish: Wish) -> Decimal:
        if wish.get("instalment"):
            return self._instalment(invoice, int(wish["instalment"]))
        given = wish.get("amount")
        amount = invoice["amountDue"] if given in (None, "") else decimal(given, "amount")
        if amount != round(amount, places(invoice["currency"])):
            raise Refused(f"{amount} has more decimals than {invoice['currency']} knows.", 422)
        if not 0 < amount <= invoice["amountDue"]:
            raise Refused(
                f"A payment must be more than 0 and at most the {invoice['amountDue']} that is due.", 422
            )
        return Decimal(amount)

    def _instalment(self, invoice: Document, place: int) -> Decimal:
        schedules = invoice.get("paymentSchedule", {}).get("schedules", [])
        if not 1 <= place <= len(schedules) or schedules[place - 1]["status"] == "paid":
            raise Refused(f"Instalment {place} does not exist or has been paid.", 422)
        schedules[place - 1]["status"] = "paid"
        return Decimal(min(schedules[place - 1]["amount"], invoice["amountDue"]))

    def _received(self, invoice: Document, amount: Decimal) -> None:
        invoice["amountPaid"] += amount
        invoice["amountDue"] -= amount
        invoice["status"] = "partially_paid" if invoice["amountDue"] else "paid"
        self._say("InvoicePartiallyPaid" if invoice["amountDue"] else "InvoicePaid", invoice)

    def _say(self, kind: str, invoice: Document) -> None:
        invoice["updatedAt"] = self.books.stamp(invoice["updatedAt"])
        self.books.store.put(INVOICES, invoice["_id"], invoice)
        self._claim_number(invoice)
        hook = self.postman.webhook(invoice["altId"]) or {}
        payload = told(invoice, tells_inclusive=bool(hook.get("tells_inclusive")))
        self.postman.announce(kind, invoice["altId"], payload, invoice["_id"])

    def _claim_number(self, invoice: Document) -> None:
        key, claim = f"{invoice['altId']} {invoice['invoiceNumber']}", {"invoice_id": invoice["_id"]}
        if invoice["status"] != "delete" and self.books.store.get(NUMBERS, key) != claim:
            self.books.store.put(NUMBERS, key, claim)

    def _tell_contact(self, kind: str, contact: Document) -> None:
        payload = {
            name: value for name, value in contact.items() if name not in ("dateUpdated", "additionalEmails")
        }
        self.postman.announce(kind, contact["locationId"], payload, contact["id"])


def _renamed(fields: dict[str, Any]) -> dict[str, Any]:
    """A new full name replaces the first and last name kept from before."""
    return (
        {**fields, "firstName": "", "lastName": ""}
        if fields.get("name") and "firstName" not in fields
        else fields
    )
