"""A document as it is named in an address: its kind and our id; found only inside its own location."""

from dataclasses import dataclass
from typing import cast

from sqlalchemy import select

from portal.errors import NotFoundHere
from portal.extensions import db
from portal.models import Connection, Contact, Document, Invoice, Link, Location, Payment, Push, Refund
from portal.services import linking, xero_links

Row = Contact | Invoice | Payment | Refund
TABLES: dict[Document, type[Contact] | type[Invoice] | type[Payment] | type[Refund]] = {
    Document.CONTACT: Contact,
    Document.INVOICE: Invoice,
    Document.PAYMENT: Payment,
    Document.CREDIT_NOTE: Refund,
    Document.REFUND: Refund,
}


@dataclass(frozen=True, slots=True)
class Paper:
    """One document of a location beside the organisation of today: its row, its link if Xero has it.

    `page` is the link whose page in Xero shows it: of a payment its invoice's, of money paid out its credit note's.
    """

    kind: Document
    row: Row
    connection: Connection | None
    link: Link | None
    page: Link | None = None

    @property
    def invoice(self) -> Invoice | None:
        """The invoice that it is, or belongs to."""
        if isinstance(self.row, Invoice):
            return self.row
        return None if isinstance(self.row, Contact) else self.row.invoice

    @property
    def name(self) -> str:
        """What it is called in a sentence."""
        if isinstance(self.row, Contact):
            return f"contact {self.row.display_name}"
        if isinstance(self.row, Invoice):
            return f"invoice {self.row.number_sent}"
        day = self.row.paid_on if isinstance(self.row, Payment) else self.row.refunded_on
        what = "payment" if isinstance(self.row, Payment) else "refund"
        return f"{what} of {self.row.amount:,.2f} {self.row.invoice.currency} on {day:%-d %B %Y}"

    @property
    def url(self) -> str | None:
        """Where a person sees it in Xero."""
        return xero_links.address(self.connection, self.page) if self.link else None


def one(location: Location, kind: str, document_id: int) -> Paper:
    """The document of this kind and id. Raises NotFoundHere."""
    if kind not in set(Document):
        raise NotFoundHere("There is no such document here.")
    document = Document(kind)
    row = cast(Row | None, db.session.get(TABLES[document], document_id))
    if row is None or row.location_id != location.id:
        raise NotFoundHere("There is no such document here.")
    connection = db.session.scalar(select(Connection).where(Connection.location_id == location.id))
    if connection is None:
        return Paper(document, row, None, None)
    link = _link(connection, document, document_id)
    shown = link
    if isinstance(row, Payment):
        shown = _link(connection, Document.INVOICE, row.invoice_id)
    elif document == Document.REFUND:
        shown = _link(connection, Document.CREDIT_NOTE, document_id)
    return Paper(document, row, connection, link, shown)


def _link(connection: Connection, document: Document, document_id: int) -> Link | None:
    return linking.find(db.session(), connection.tenant_id, connection.location_id, document, document_id)


def push_of(location: Location, push_id: int) -> Push:
    """A push of this location. Raises NotFoundHere."""
    push = db.session.scalar(select(Push).where(Push.id == push_id, Push.location_id == location.id))
    if push is None:
        raise NotFoundHere("There is no such document here.")
    return push
