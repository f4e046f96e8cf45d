"""Our copy of what HoopAI said: contacts, invoices with their lines, payments."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from json import dumps

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal import clock
from portal.models.base import Base, ExactJSON, Moment, Money, Word
from portal.models.people import Location
from portal.models.search import OPERATORS, digits, folded


class InvoiceStatus(StrEnum):
    """HoopAI's invoice statuses; `delete` occurs in webhooks only."""

    DRAFT = "draft"
    SENT = "sent"
    PAYMENT_PROCESSING = "payment_processing"
    PARTIALLY_PAID = "partially_paid"
    PAID = "paid"
    VOID = "void"
    DELETE = "delete"

    @property
    def final(self) -> bool:
        """Whether nothing can follow it."""
        return self in (InvoiceStatus.VOID, InvoiceStatus.DELETE)

    @property
    def rank(self) -> int:
        """Order of life, to settle events of the same moment."""
        return _RANKS[self]


_RANKS = {status: rank for rank, status in enumerate(InvoiceStatus)}


class Contact(Base):
    """A customer as HoopAI knows it. `address` holds line1, line2, city, region, postal_code, country.

    `xero_name` is the name under which a person has decided that a new contact is made in Xero.
    """

    __tablename__ = "contacts"
    __table_args__ = (
        UniqueConstraint("location_id", "hoop_id"),
        Index("ix_contacts_location_id_name", "location_id", "name", "company", "email"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"))
    hoop_id: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(255))
    company: Mapped[str | None] = mapped_column(String(255))
    email: Mapped[str | None] = mapped_column(String(255))
    phone: Mapped[str | None] = mapped_column(String(50))
    address: Mapped[dict[str, str] | None] = mapped_column(ExactJSON)
    updated_at: Mapped[datetime] = mapped_column(Moment, default=clock.now)
    xero_name: Mapped[str | None] = mapped_column(String(255))

    @property
    def display_name(self) -> str:
        """The name an invoice is addressed to: the company where there is one."""
        return self.company or self.name

    @property
    def name_sent(self) -> str:
        """The name that Xero gets: what a person chose for it, else the one of HoopAI."""
        return self.xero_name or self.display_name

    @property
    def content_hash(self) -> str:
        """Fingerprint of everything about the contact that Xero should hold."""
        content = [self.name_sent, self.name, self.email, self.phone, self.address]
        return sha256(dumps(content, sort_keys=True).encode()).hexdigest()


class Invoice(Base):
    """An invoice as HoopAI last told it. Money in major units of `currency`; dates are calendar days.

    `revision` grows with each change that Xero should see; `created_at` is HoopAI's, compared with the cut-off.
    `look_up_at` is when REST shall be asked for what events do not carry, `held` that its pushes wait for the
    answer, `looked_up_at` when that was last done; `seen_at` is the start of the last catch-up that met it.
    `customer_hash` is the fingerprint of what it said of its customer last.
    `sent_number` is the number with a suffix under which a person has decided to send it.
    """

    __tablename__ = "invoices"
    __table_args__ = (
        UniqueConstraint("location_id", "hoop_id"),
        Index("ix_invoices_location_id_number", "location_id", "number"),
        Index("ix_invoices_location_id_created_at", "location_id", "created_at"),
        Index("ix_invoices_location_id_total", "location_id", "total", "created_at", "id"),
        Index("ix_invoices_look_up_at", "look_up_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"))
    hoop_id: Mapped[str] = mapped_column(String(64))
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contacts.id"), index=True)
    number: Mapped[str] = mapped_column(String(255))
    title: Mapped[str | None] = mapped_column(String(255))
    status: Mapped[InvoiceStatus] = mapped_column(Word(InvoiceStatus))
    live_mode: Mapped[bool] = mapped_column(default=True)
    currency: Mapped[str] = mapped_column(String(3))
    total: Mapped[Decimal] = mapped_column(Money)
    amount_paid: Mapped[Decimal] = mapped_column(Money)
    amount_due: Mapped[Decimal] = mapped_column(Money)
    issue_date: Mapped[date | None] = mapped_column()
    due_date: Mapped[date | None] = mapped_column()
    discount_type: Mapped[str | None] = mapped_column(String(12))
    discount_value: Mapped[Decimal | None] = mapped_column(Money)
    discount_products: Mapped[list[str] | None] = mapped_column(ExactJSON)
    created_at: Mapped[datetime] = mapped_column(Moment)
    updated_at: Mapped[datetime] = mapped_column(Moment)
    revision: Mapped[int] = mapped_column(default=1)
    content_hash: Mapped[str] = mapped_column(String(64))
    customer_hash: Mapped[str | None] = mapped_column(String(64))
    look_up_at: Mapped[datetime | None] = mapped_column(Moment)
    held: Mapped[bool] = mapped_column(default=False)
    looked_up_at: Mapped[datetime | None] = mapped_column(Moment)
    seen_at: Mapped[datetime | None] = mapped_column(Moment)
    sent_number: Mapped[str | None] = mapped_column(String(255))

    location: Mapped[Location] = relationship(viewonly=True)
    contact: Mapped[Contact | None] = relationship()
    lines: Mapped[list["Line"]] = relationship(order_by="Line.position", cascade="all, delete-orphan")
    payments: Mapped[list["Payment"]] = relationship(order_by="Payment.id", back_populates="invoice")

    @property
    def number_sent(self) -> str:
        """The number that Xero gets: HoopAI's, with the suffix that a person chose for it."""
        chosen = self.sent_number or ""
        return chosen if chosen.startswith(f"{self.number}-") else self.number


Index("ix_invoices_folded", Invoice.location_id, folded(Invoice.number), postgresql_ops=OPERATORS)
Index("ix_invoices_digits", Invoice.location_id, digits(Invoice.number), Invoice.created_at, Invoice.id)


class Ending(Base):
    """A void or deletion that was heard before its invoice. It is final: whatever comes of the invoice is too late."""

    __tablename__ = "endings"
    __table_args__ = (UniqueConstraint("location_id", "hoop_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"))
    hoop_id: Mapped[str] = mapped_column(String(64))
    heard_at: Mapped[datetime] = mapped_column(Moment, default=clock.now)


class Line(Base):
    """One line. `unit_amount` is the price of one; `taxes` a list of {key, name, rate}; `tax_key` joins their keys.

    `decided_total` is set on a charge that a person has booked for what HoopAI's total held beside the lines: the
    total that it was decided for. With another total the decision no longer counts.
    """

    __tablename__ = "lines"
    __table_args__ = (Index("ix_lines_category_key_invoice_id", "category_key", "invoice_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoices.id"), index=True)
    position: Mapped[int] = mapped_column()
    name: Mapped[str] = mapped_column(String(500))
    description: Mapped[str | None] = mapped_column(String(4000))
    quantity: Mapped[Decimal] = mapped_column(Money)
    unit_amount: Mapped[Decimal] = mapped_column(Money)
    product_id: Mapped[str | None] = mapped_column(String(64))
    category_key: Mapped[str] = mapped_column(String(300))
    taxes: Mapped[list[dict[str, object]]] = mapped_column(ExactJSON, default=list)
    tax_key: Mapped[str] = mapped_column(String(300), default="none")
    tax_inclusive: Mapped[bool | None] = mapped_column()
    decided_total: Mapped[Decimal | None] = mapped_column(Money)

    invoice: Mapped[Invoice] = relationship(viewonly=True)


class Payment(Base):
    """Money received for an invoice, in the invoice's currency.

    HoopAI's events carry only the cumulative amount, so a payment known from an event alone is the step up to
    `paid_to`, of method `default`. `hoop_id` is the transaction's id once one is known, `covers` further ones that
    the step already held; `note` says where it differs from them because it was in Xero by then.
    `surplus_of_id` is set for what was received above what is owed: the payment that it was split off from, or its
    own id where nothing of it is owed.
    """

    __tablename__ = "payments"
    __table_args__ = (
        UniqueConstraint("location_id", "hoop_id"),
        Index("ix_payments_location_id_id", "location_id", "id"),
        Index("ix_payments_location_id_paid_on", "location_id", "paid_on", "id"),
        Index("ix_payments_location_id_amount", "location_id", "amount"),
        Index("ix_payments_location_id_method", "location_id", "method"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"))
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoices.id"), index=True)
    hoop_id: Mapped[str | None] = mapped_column(String(64))
    covers: Mapped[list[str]] = mapped_column(ExactJSON, default=list)
    amount: Mapped[Decimal] = mapped_column(Money)
    paid_to: Mapped[Decimal] = mapped_column(Money)
    paid_on: Mapped[date] = mapped_column()
    method: Mapped[str] = mapped_column(String(30), default="default")
    note: Mapped[str | None] = mapped_column(String(300))
    surplus_of_id: Mapped[int | None] = mapped_column(ForeignKey("payments.id"))
    taken_back_at: Mapped[datetime | None] = mapped_column(Moment)
    created_at: Mapped[datetime] = mapped_column(Moment, default=clock.now)

    invoice: Mapped[Invoice] = relationship(back_populates="payments")


class Refund(Base):
    """Money given back, in the invoice's currency.

    `hoop_id` is the transaction's id and how much of it had gone back by then, as HoopAI knows no id of a refund;
    `payment_id` the payment it came from. `reduced` tells that the invoice's paid amount fell by it as well.
    """

    __tablename__ = "refunds"
    __table_args__ = (UniqueConstraint("location_id", "hoop_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"), index=True)
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoices.id"), index=True)
    payment_id: Mapped[int | None] = mapped_column(ForeignKey("payments.id"))
    hoop_id: Mapped[str] = mapped_column(String(100))
    amount: Mapped[Decimal] = mapped_column(Money)
    refunded_on: Mapped[date] = mapped_column()
    method: Mapped[str] = mapped_column(String(30), default="default")
    reduced: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(Moment, default=clock.now)

    invoice: Mapped[Invoice] = relationship()
    payment: Mapped[Payment | None] = relationship()
