"""One invoice with its whole story: HoopAI's side beside Xero's, lines, payments, refunds, what happened."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import select

from portal import words
from portal.extensions import db
from portal.models import (
    Category,
    Connection,
    Document,
    Invoice,
    LedgerAccount,
    Line,
    Link,
    Location,
    MappingKind,
    Operation,
    Payment,
    Push,
    PushState,
    Refund,
    TaxRate,
)
from portal.services import (
    chains,
    charging,
    comparing,
    invoices,
    mappings,
    rounding,
    saying,
    timelines,
    writing_invoices,
    xero_links,
)
from portal.services.amounts import CENT
from portal.services.comparing import Field, View
from portal.services.mapping_book import MappingBook
from portal.services.timelines import Edit, Moment
from portal.words import ENDED, Look

TRACKING = MappingKind.TRACKING
Pushes = Mapping[tuple[Document, int, Operation], Push]
Links = Mapping[tuple[str, int], Link]


@dataclass(frozen=True, slots=True)
class LineRow:
    """One line with where it goes: the amount, its category, account, tax rate and tracking options.

    `differs` says where else it is.
    """

    line: Line
    amount: Decimal
    category: str
    account: LedgerAccount | None
    tax: TaxRate | None
    differs: str = ""
    tracked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PaymentRow:
    """One payment with its push and its link into Xero; `deletion` where it was taken back."""

    payment: Payment
    push: Push | None
    link: Link | None
    deletion: Push | None = None
    waits: str | None = None

    @property
    def there(self) -> bool:
        """Whether Xero has it."""
        return self.link is not None and self.link.xero_status != "DELETED"


@dataclass(frozen=True, slots=True)
class RefundRow:
    """One refund: its credit note and the money that went back on it, each with push and link into Xero."""

    refund: Refund
    note: Push | None
    note_link: Link | None
    url: str | None
    paid: Push | None
    paid_link: Link | None

    @property
    def push(self) -> Push | None:
        """The push that says how the refund stands."""
        return invoices.standing([push for push in (self.note, self.paid) if push])


@dataclass(frozen=True, slots=True)
class Story:
    """One invoice with everything that is known of it."""

    invoice: Invoice
    pushes: list[Push]
    push: Push | None
    link: Link | None
    url: str | None
    contact_link: Link | None
    contact_url: str | None
    lines: list[LineRow]
    charge: Line | None
    payments: list[PaymentRow]
    refunds: list[RefundRow]
    edits: list[Edit]
    difference: Decimal
    balance: Decimal
    timeline: list[Moment]
    fields: list[Field]
    view: View
    look: Look
    open: list[chains.Open]

    @property
    def may_undo(self) -> bool:
        """Whether undoing it in Xero may be asked for."""
        return bool(self.link and self.link.ours and self.link.xero_status not in ENDED)

    @property
    def rounded(self) -> bool:
        """Whether Xero's total differs, or will, by no more than rounding explains."""
        return 0 < abs(self.difference) <= CENT * len(self.invoice.lines)

    @property
    def total_differs(self) -> bool:
        """Whether Xero holds another total than HoopAI."""
        return bool(
            self.link and self.link.xero_total is not None and self.link.xero_total != self.invoice.total
        )

    @property
    def number_differs(self) -> bool:
        """Whether Xero holds another number than HoopAI."""
        return bool(self.link and self.link.xero_number and self.link.xero_number != self.invoice.number_sent)

    @property
    def paid_in_xero(self) -> Decimal:
        """The sum of HoopAI's payments that are in Xero."""
        return _paid(self.payments)

    @property
    def moving(self) -> bool:
        """Whether anything may still change by itself."""
        return any(push.state in invoices.MOVING for push in self.pushes)


def story(location: Location, hoop_id: str) -> Story:
    """One invoice with everything that is known of it, in a fixed number of queries. Raises NotFoundHere."""
    invoice = invoices.one(location.id, hoop_id)
    pushes = invoices.pushes_of(invoice)
    connection, refunds = location.connection, _given_back(invoice)
    papers = list(_papers(invoice, refunds))
    beside = saying.around(location, connection, pushes, others=papers)
    links = beside.links
    link = links.get((Document.INVOICE, invoice.id))
    contact_link = links.get((Document.CONTACT, invoice.contact_id or 0))
    by_document = {(push.document, push.document_id, push.operation): push for push in pushes}
    change = by_document.get((Document.INVOICE, invoice.id, Operation.UPDATE))
    sent = change is not None and change.state == PushState.SENT
    payments = _payments(invoice, by_document, links)
    view = View.newest(link, [push for push in pushes if push.document != Document.CONTACT])
    push = invoices.standing(pushes)
    book = mappings.book(location.id)
    difference = (
        writing_invoices.reckoned(invoice).differs_from(invoice.total) if invoice.lines else Decimal(0)
    )
    return Story(
        invoice=invoice,
        pushes=pushes,
        push=push,
        link=link,
        url=xero_links.address(connection, link),
        contact_link=contact_link,
        contact_url=xero_links.address(connection, contact_link),
        lines=_lines(book, invoice, view),
        charge=charging.open_charge(invoice),
        payments=payments,
        refunds=_refunds(refunds, connection, by_document, links),
        edits=timelines.edits(change.before, link.content) if sent and change and link else [],
        difference=difference,
        balance=rounding.balance(book, difference),
        timeline=timelines.of(invoice, pushes),
        fields=comparing.invoice(invoice, link, view, contact_link, _paid(payments)),
        view=view,
        look=saying.of_invoice(invoice, push, beside),
        open=chains.open_ones(pushes, beside, papers),
    )


def _paid(payments: Iterable[PaymentRow]) -> Decimal:
    return sum((row.payment.amount for row in payments if row.there), Decimal(0))


def _given_back(invoice: Invoice) -> Sequence[Refund]:
    return db.session.scalars(select(Refund).where(Refund.invoice_id == invoice.id).order_by(Refund.id)).all()


def _papers(invoice: Invoice, refunds: Iterable[Refund]) -> Iterator[tuple[Document, int]]:
    """An invoice and what belongs to it, whether or not a push is of it."""
    yield Document.INVOICE, invoice.id
    if invoice.contact_id:
        yield Document.CONTACT, invoice.contact_id
    yield from ((Document.PAYMENT, payment.id) for payment in invoice.payments)
    yield from ((kind, refund.id) for refund in refunds for kind in (Document.CREDIT_NOTE, Document.REFUND))


def _payments(invoice: Invoice, pushes: Pushes, links: Links) -> list[PaymentRow]:
    held, found = links.get((Document.INVOICE, invoice.id)), []
    for each in invoice.payments:
        above = pushes.get((Document.PAYMENT, each.id, Operation.OVERPAY))
        push = above or pushes.get((Document.PAYMENT, each.id, Operation.CREATE))
        deletion = pushes.get((Document.PAYMENT, each.id, Operation.VOID))
        link = links.get((Document.PAYMENT, each.id))
        found.append(PaymentRow(each, push, link, deletion, waits(push, held)))
    return found


def waits(push: Push | None, held: Link | None) -> str | None:
    """What a payment waits for that no push says: its invoice is a draft in Xero which somebody has to approve."""
    queued = push is not None and push.state == PushState.QUEUED
    return words.WAITS_FOR_APPROVAL if queued and held and held.xero_status in words.FOR_APPROVAL else None


def _refunds(
    given: Iterable[Refund], connection: Connection | None, pushes: Pushes, links: Links
) -> list[RefundRow]:
    return [
        RefundRow(
            refund,
            pushes.get((Document.CREDIT_NOTE, refund.id, Operation.CREATE)),
            note := links.get((Document.CREDIT_NOTE, refund.id)),
            xero_links.address(connection, note),
            pushes.get((Document.REFUND, refund.id, Operation.CREATE)),
            links.get((Document.REFUND, refund.id)),
        )
        for refund in given
    ]


def _lines(book: MappingBook, invoice: Invoice, view: View) -> list[LineRow]:
    there = comparing.lines_there(invoice, view)
    known = list(book.accounts.values())
    keys = [line.category_key for line in invoice.lines]
    names = {
        row.key: row.name
        for row in db.session.scalars(
            select(Category).where(Category.location_id == invoice.location_id, Category.key.in_(keys))
        )
    }
    return [
        LineRow(
            line,
            line.quantity * line.unit_amount,
            names.get(line.category_key, line.name),
            account := book.account_of_line(line.product_id, line.category_key),
            book.tax_for(line.tax_key),
            comparing.account_differs(row, account, known),
            tuple(
                book.label(TRACKING, each)
                for each in book.options_of_line(line.product_id, line.category_key)
            ),
        )
        for line, row in zip(invoice.lines, there, strict=True)
    ]
