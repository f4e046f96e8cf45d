"""What a push says to Xero: our documents in, the element of a batch out."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from portal.models import (
    Connection,
    Contact,
    Document,
    Failure,
    Invoice,
    Link,
    Operation,
    Payment,
    Push,
)
from portal.services import amounts, mappings, matching, preflight
from portal.services.following import xero_status
from portal.services.preflight import Blocked
from portal.xero import payloads

COLLECTIONS = {Document.CONTACT: "Contacts", Document.INVOICE: "Invoices", Document.PAYMENT: "Payments"}


@dataclass(frozen=True, slots=True)
class Letter:
    """One element and how to know it again in the answer: our number for it, or the mark in its reference."""

    push: Push
    number: str
    element: dict[str, Any]
    content_hash: str | None = None
    expected_total: Decimal | None = None

    def item(self) -> dict[str, Any]:
        """What a batch keeps of it beside the bytes."""
        return {
            "push": self.push.id,
            "number": self.number,
            "element": self.element,
            "hash": self.content_hash,
            "total": self.expected_total,
        }


class Matched(Exception):
    """The contact exists in Xero; it is linked instead of created. `xero_id` is its ContactID."""

    def __init__(self, xero_id: str) -> None:
        super().__init__(xero_id)
        self.xero_id = xero_id


class NotYet(Exception):
    """Another letter of this round makes the contact of this name; once it is there, this one is matched with it."""


class Withdrawn(Exception):
    """HoopAI has voided or deleted the invoice before it reached Xero."""


class Nothing(Exception):
    """Xero holds it already; no letter is needed."""


@dataclass(slots=True)
class Desk:
    """Everything needed to write letters for one connection, read in a fixed number of queries."""

    session: Session
    connection: Connection
    book: mappings.MappingBook
    organisation: preflight.Organisation
    invoices: dict[int, Invoice] = field(default_factory=dict)
    payments: dict[int, Payment] = field(default_factory=dict)
    contacts: dict[int, Contact] = field(default_factory=dict)
    links: dict[tuple[Document, int], Link] = field(default_factory=dict)
    directory: matching.Directory = field(default_factory=matching.Directory)
    names: set[str] = field(default_factory=set)

    @classmethod
    def lay(cls, session: Session, connection: Connection, pushes: list[Push]) -> "Desk":
        """Read all that these pushes (of one kind of document) need."""
        book = mappings.book(connection.location_id)
        desk = cls(session, connection, book, preflight.Organisation.of(connection.organisation))
        ids = [push.document_id for push in pushes]
        {
            Document.CONTACT: desk._read_contacts,
            Document.INVOICE: desk._read_invoices,
            Document.PAYMENT: desk._read_payments,
        }[pushes[0].document](ids)
        return desk

    def write(self, push: Push) -> Letter:
        """The letter for a push. Raises Blocked when it cannot go, Matched, NotYet or Nothing when it need not."""
        try:
            return self._write(push)
        except payloads.NotExact as error:
            raise Blocked(
                Failure.REFUSED, "amount:decimals", f"An amount cannot be kept exactly: {error}"
            ) from error

    def _write(self, push: Push) -> Letter:
        if push.document == Document.CONTACT:
            return self._contact(push, self.contacts[push.document_id])
        if push.document == Document.PAYMENT:
            return self._payment(push, self.payments[push.document_id])
        invoice = self.invoices[push.document_id]
        if push.operation == Operation.VOID:
            return self._void(push, invoice)
        return self._invoice(push, invoice)

    def _contact(self, push: Push, contact: Contact) -> Letter:
        if known := self.directory.find(contact):
            raise Matched(known)
        name = matching.folded(contact.display_name)
        if name in self.names:
            raise NotYet
        self.names.add(name)
        number = matching.number_of(contact)
        first, _, last = contact.name.partition(" ")
        address = payloads.AddressOut(**contact.address) if contact.address else None
        out = payloads.ContactOut(
            number=number, name=contact.display_name, first_name=first or None, last_name=last or None,
            email=contact.email, phone=contact.phone, address=address,
        )  # fmt: skip
        return Letter(push, number, payloads.element(out))

    def _invoice(self, push: Push, invoice: Invoice) -> Letter:
        link = self.links.get((Document.INVOICE, invoice.id))
        if link and (push.operation == Operation.CREATE or link.sent_hash == invoice.content_hash):
            raise Nothing
        if invoice.status.final:
            raise Nothing if link else Withdrawn
        preflight.check_invoice(invoice, self.organisation)
        out = self._invoice_out(invoice, link)
        return Letter(push, invoice.number, payloads.element(out), invoice.content_hash, invoice.total)

    def _invoice_out(self, invoice: Invoice, link: Link | None) -> payloads.InvoiceOut:
        reckoning = self._reckon(invoice)
        contact = self.links.get((Document.CONTACT, invoice.contact_id or 0))
        if contact is None:
            raise Blocked(
                Failure.CONFLICT,
                f"contact:{invoice.contact_id}",
                "The invoice's customer is not in Xero yet. Mend the contact first, then retry.",
            )
        day = invoice.issue_date or invoice.created_at.date()
        return payloads.InvoiceOut(
            number=invoice.number, contact_id=contact.xero_id, date=day, due_date=invoice.due_date or day,
            currency=invoice.currency, lines=self._lines(invoice, reckoning), amounts=reckoning.amounts,
            status="DRAFT" if xero_status(invoice.status) == "DRAFT" else "AUTHORISED",
            reference=reference(invoice), invoice_id=link.xero_id if link else None,
        )  # fmt: skip

    def _reckon(self, invoice: Invoice) -> amounts.Reckoning:
        items = [
            amounts.Item(line.quantity, line.unit_amount, preflight.tax_percent(line), line.tax_inclusive)
            for line in invoice.lines
        ]
        discount = (
            amounts.Discount(invoice.discount_type or "fixed", invoice.discount_value)
            if invoice.discount_value
            else None
        )
        reckoning = amounts.reckon(items, discount, invoice.total)
        preflight.check_total(invoice, reckoning.differs_from(invoice.total))
        return reckoning

    def _lines(self, invoice: Invoice, reckoning: amounts.Reckoning) -> list[payloads.LineOut]:
        parts = reckoning.discount_amounts
        return [
            payloads.LineOut(
                description=line.description or line.name, quantity=line.quantity, unit_amount=line.unit_amount,
                account_code=preflight.account_of(line, self.book).code,
                tax_type=preflight.tax_of(line, self.book).tax_type, discount_rate=reckoning.discount_rate,
                discount_amount=(parts[index] or None) if parts else None,
            )
            for index, line in enumerate(invoice.lines)
        ]  # fmt: skip

    def _void(self, push: Push, invoice: Invoice) -> Letter:
        link = self.links[(Document.INVOICE, invoice.id)]
        if link.xero_status in ("VOIDED", "DELETED"):
            raise Nothing
        status: Any = "DELETED" if link.xero_status == "DRAFT" else "VOIDED"
        out = payloads.VoidOut(link.xero_id, status)
        return Letter(push, link.xero_id, payloads.element(out), invoice.content_hash)

    def _payment(self, push: Push, payment: Payment) -> Letter:
        account = preflight.payment_account(self.book, payment.method)
        preflight.check_day(payment.paid_on, self.organisation, "The payment")
        mark = payloads.payment_mark(push.id)
        out = payloads.PaymentOut(
            invoice_id=self.links[(Document.INVOICE, payment.invoice_id)].xero_id, account_id=account.account_id,
            date=payment.paid_on, amount=payment.amount,
            reference=f"HoopAI {payment.hoop_id or payment.invoice.number} {mark}",
        )  # fmt: skip
        return Letter(push, mark, payloads.element(out), expected_total=payment.amount)

    def _read_contacts(self, ids: list[int]) -> None:
        found = self.session.scalars(select(Contact).where(Contact.id.in_(ids)))
        self.contacts = {contact.id: contact for contact in found}
        everyone = list(self.contacts.values())
        self.directory = matching.Directory.read(self.session, self.connection.id, everyone)

    def _read_invoices(self, ids: list[int]) -> None:
        found = self.session.scalars(
            select(Invoice)
            .where(Invoice.id.in_(ids))
            .options(selectinload(Invoice.lines), joinedload(Invoice.contact))
        )
        self.invoices = {invoice.id: invoice for invoice in found}
        self._read_links(Document.INVOICE, ids)
        self._read_links(Document.CONTACT, {invoice.contact_id or 0 for invoice in self.invoices.values()})

    def _read_payments(self, ids: list[int]) -> None:
        found = self.session.scalars(
            select(Payment).where(Payment.id.in_(ids)).options(joinedload(Payment.invoice))
        )
        self.payments = {payment.id: payment for payment in found}
        self._read_links(Document.INVOICE, {payment.invoice_id for payment in self.payments.values()})

    def _read_links(self, document: Document, ids: Iterable[int]) -> None:
        found = self.session.scalars(
            select(Link).where(
                Link.tenant_id == self.connection.tenant_id,
                Link.location_id == self.connection.location_id,
                Link.document == document,
                Link.document_id.in_(list(ids)),
            )
        )
        self.links.update({(document, link.document_id): link for link in found})


def reference(invoice: Invoice) -> str:
    """The mark by which an invoice in Xero is known as ours."""
    return f"HoopAI {invoice.hoop_id}"


def route(document: Document, operation: Operation) -> tuple[str, str]:
    """Method and path of a batch: creating is PUT and never overwrites, changing is POST by Xero's id."""
    return "PUT" if operation == Operation.CREATE else "POST", COLLECTIONS[document]
