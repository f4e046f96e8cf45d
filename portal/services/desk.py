"""The desk where letters are written: everything that a round of pushes needs, in a fixed number of queries."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload, load_only, selectinload

from portal.models import (
    UNSETTLED,
    Batch,
    Connection,
    Contact,
    Document,
    Invoice,
    Link,
    Operation,
    Payment,
    Push,
    Refund,
)
from portal.models.among import among
from portal.services import linking, mappings, matching, paid_in_xero, preferences, preflight
from portal.services.preferences import Preferences


@dataclass(slots=True)
class Desk:
    """Everything needed to write letters for one connection, read in a fixed number of queries."""

    session: Session
    connection: Connection
    book: mappings.MappingBook
    organisation: preflight.Organisation
    wishes: Preferences
    invoices: dict[int, Invoice] = field(default_factory=dict)
    payments: dict[int, Payment] = field(default_factory=dict)
    refunds: dict[int, Refund] = field(default_factory=dict)
    contacts: dict[int, Contact] = field(default_factory=dict)
    links: dict[tuple[Document, int], Link] = field(default_factory=dict)
    directory: matching.Directory = field(default_factory=matching.Directory)
    names: set[str] = field(default_factory=set)
    ever: dict[mappings.Target, set[str]] | None = None
    paid: dict[int, Decimal] = field(default_factory=dict)

    @classmethod
    def lay(cls, session: Session, connection: Connection, pushes: Sequence[Push]) -> "Desk":
        """Read all that these pushes (of one kind of document) need."""
        book = mappings.book(connection.location_id)
        wishes = preferences.of(session, connection.location_id)
        organisation = preflight.Organisation.of(connection.organisation, wishes)
        desk = cls(session, connection, book, organisation, wishes)
        ids = [push.document_id for push in pushes]
        {
            Document.CONTACT: desk._read_contacts,
            Document.INVOICE: desk._read_invoices,
            Document.PAYMENT: desk._read_payments,
            Document.CREDIT_NOTE: desk._read_refunds,
            Document.REFUND: desk._read_refunds,
        }[pushes[0].document](ids)
        return desk

    def link(self, document: Document, document_id: int | None) -> Link | None:
        """Where a document is in the connected organisation."""
        return self.links.get((document, document_id or 0))

    def _read_contacts(self, ids: list[int]) -> None:
        found = self.session.scalars(_contacts(), {"ids": ids})
        self.contacts = {contact.id: contact for contact in found}
        self._read_links(Document.CONTACT, ids)
        self.names = set(self._names_on_their_way())
        everyone = list(self.contacts.values())
        self.directory = matching.Directory.read(
            self.session, self.connection.id, everyone, match_by_email=self.wishes.match_by_email
        )

    def _names_on_their_way(self) -> Iterator[str]:
        """What contacts are called that stand in a batch and that the directory cannot know yet."""
        found = self.session.scalars(
            select(Contact)
            .join(Push, Push.document_id == Contact.id)
            .join(Batch, Batch.id == Push.batch_id)
            .where(
                Batch.connection_id == self.connection.id,
                Batch.state.in_(UNSETTLED),
                Push.document == Document.CONTACT,
                Push.operation == Operation.CREATE,
            )
        )
        return (matching.folded(contact.name_sent) for contact in found)

    def _read_invoices(self, ids: list[int]) -> None:
        found = self.session.scalars(_invoices(), {"ids": ids})
        self.invoices = {invoice.id: invoice for invoice in found}
        self._read_links(Document.INVOICE, ids)
        self._where_in_xero(Document.CONTACT, {invoice.contact_id or 0 for invoice in self.invoices.values()})

    def _read_payments(self, ids: list[int]) -> None:
        found = self.session.scalars(_payments(), {"ids": ids})
        self.payments = {payment.id: payment for payment in found}
        invoices = {payment.invoice for payment in self.payments.values()}
        owners = [invoice.id for invoice in invoices]
        self._where_in_xero(Document.INVOICE, owners)
        self._where_in_xero(Document.PAYMENT, ids)
        self._where_in_xero(Document.CONTACT, {invoice.contact_id or 0 for invoice in invoices})
        self.paid = paid_in_xero.paid(
            self.session, self.connection.tenant_id, self.connection.location_id, owners
        )

    def _read_refunds(self, ids: list[int]) -> None:
        found = self.session.scalars(
            select(Refund)
            .where(Refund.id.in_(ids))
            .options(joinedload(Refund.invoice).selectinload(Invoice.lines))
        )
        self.refunds = {refund.id: refund for refund in found}
        invoices = [refund.invoice for refund in self.refunds.values()]
        self._where_in_xero(Document.INVOICE, {invoice.id for invoice in invoices})
        self._where_in_xero(Document.CONTACT, {invoice.contact_id or 0 for invoice in invoices})
        self._where_in_xero(Document.CREDIT_NOTE, ids)

    def _read_links(self, document: Document, ids: Iterable[int], *, brief: bool = False) -> None:
        here = (self.connection.tenant_id, self.connection.location_id)
        found = linking.of(self.session, *here, document, ids, brief=brief)
        self.links.update({(document, document_id): link for document_id, link in found.items()})

    def _where_in_xero(self, document: Document, ids: Iterable[int]) -> None:
        """Links without what Xero holds, for documents that others only refer to."""
        self._read_links(document, ids, brief=True)


@cache
def _contacts() -> Select[Contact]:
    return select(Contact).where(among(Contact.id, "ids"))


@cache
def _invoices() -> Select[Invoice]:
    everything = (selectinload(Invoice.lines), joinedload(Invoice.contact))
    return select(Invoice).where(among(Invoice.id, "ids")).options(*everything)


@cache
def _payments() -> Select[Payment]:
    needed = load_only(
        Invoice.number, Invoice.sent_number, Invoice.contact_id, Invoice.status, Invoice.currency
    )
    of_them = joinedload(Payment.invoice).options(needed)
    return select(Payment).where(among(Payment.id, "ids")).options(of_them)
