"""Documents as Xero wants them: our words in, Xero's names and exact bytes out (developer.xero.com)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date as Day
from decimal import Decimal
from typing import Any, Literal

from portal.xero import numbers
from portal.xero.wording import (
    contact_email,
    contact_name,
    cut,
    invoice_number_problem,
    link_back,
    mark_in,
    payment_mark,
)

__all__ = [
    "MAX_BYTES",
    "MAX_ELEMENTS",
    "AddressOut",
    "AllocationOut",
    "ContactOut",
    "CreditNoteOut",
    "InvoiceOut",
    "InvoiceStatus",
    "LineOut",
    "NotExact",
    "Out",
    "OverpaymentOut",
    "PaymentDeletionOut",
    "PaymentOut",
    "RefundOut",
    "TrackingOut",
    "VoidOut",
    "batch_body",
    "contact_email",
    "contact_name",
    "element",
    "fitting",
    "invoice_number_problem",
    "link_back",
    "mark_in",
    "payment_mark",
    "route",
    "written",
]

MAX_ELEMENTS = 50
MAX_BYTES = 3_000_000

Amounts = Literal["Exclusive", "Inclusive", "NoTax"]
InvoiceStatus = Literal["DRAFT", "AUTHORISED"]


class NotExact(ValueError):
    """An amount has more decimals than Xero keeps; sending it would change it."""


@dataclass(frozen=True)
class AddressOut:
    """A postal address; Xero prints the POBOX one on invoices."""

    line1: str = ""
    line2: str = ""
    city: str = ""
    region: str = ""
    postal_code: str = ""
    country: str = ""


@dataclass(frozen=True)
class ContactOut:
    """A contact; `number` is our own key for it (ContactNumber), `contact_id` Xero's when it is being
    changed.
    """

    number: str
    name: str
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    phone: str | None = None
    address: AddressOut | None = None
    contact_id: str | None = None


@dataclass(frozen=True)
class TrackingOut:
    """One tracking choice of a line, by its ids, which outlive a renaming."""

    tracking_id: str
    option_id: str


@dataclass(frozen=True)
class LineOut:
    """A line. Unit amounts and quantities keep four decimals, a discount is a rate in percent or an amount.

    The line's sum is never sent: Xero computes it.
    """

    description: str
    quantity: Decimal
    unit_amount: Decimal
    account_code: str | None = None
    account_id: str | None = None
    tax_type: str | None = None
    discount_rate: Decimal | None = None
    discount_amount: Decimal | None = None
    line_item_id: str | None = None
    tracking: tuple[TrackingOut, ...] = ()


@dataclass(frozen=True)
class InvoiceOut:
    """A sales invoice. With `invoice_id` it changes that one, without it creates one (never overwrites)."""

    number: str
    contact_id: str
    date: Day
    due_date: Day
    currency: str
    lines: Sequence[LineOut]
    amounts: Amounts
    status: InvoiceStatus = "AUTHORISED"
    reference: str | None = None
    url: str | None = None
    branding_theme_id: str | None = None
    invoice_id: str | None = None


@dataclass(frozen=True)
class PaymentOut:
    """A payment of an invoice, in the invoice's currency. `reference` must carry our mark."""

    invoice_id: str
    account_id: str
    date: Day
    amount: Decimal
    reference: str


@dataclass(frozen=True)
class RefundOut:
    """Money back on a credit note."""

    credit_note_id: str
    account_id: str
    date: Day
    amount: Decimal
    reference: str


@dataclass(frozen=True)
class OverpaymentOut:
    """Money above what a customer owes, in the bank account's own currency. `reference` must carry our mark."""

    contact_id: str
    account_id: str
    date: Day
    amount: Decimal
    reference: str
    description: str


@dataclass(frozen=True)
class PaymentDeletionOut:
    """Takes a payment back; Xero allows no other change to one."""

    payment_id: str


@dataclass(frozen=True)
class VoidOut:
    """Ends an invoice: VOIDED for an approved one, DELETED for a draft."""

    invoice_id: str
    status: Literal["VOIDED", "DELETED"] = "VOIDED"


@dataclass(frozen=True)
class CreditNoteOut:
    """A sales credit note; it has no discounts (developer.xero.com, Credit Notes)."""

    number: str
    contact_id: str
    date: Day
    currency: str
    lines: Sequence[LineOut]
    amounts: Amounts
    status: Literal["DRAFT", "AUTHORISED"] = "AUTHORISED"
    reference: str | None = None
    credit_note_id: str | None = None


@dataclass(frozen=True)
class AllocationOut:
    """Sets part of a credit note against an invoice."""

    credit_note_id: str
    invoice_id: str
    amount: Decimal
    date: Day


Documents = ContactOut | InvoiceOut | CreditNoteOut | VoidOut
Money = PaymentOut | RefundOut | OverpaymentOut | PaymentDeletionOut | AllocationOut
Out = Documents | Money


def element(out: Out) -> dict[str, Any]:
    """The JSON object for one document; NotExact if an amount could not be kept as it is."""
    match out:
        case ContactOut():
            return _contact(out)
        case InvoiceOut():
            return _invoice(out)
        case CreditNoteOut():
            return _credit_note(out)
        case PaymentOut():
            return {"Invoice": {"InvoiceID": out.invoice_id}, **_paid(out)}
        case RefundOut():
            return {"CreditNote": {"CreditNoteID": out.credit_note_id}, **_paid(out)}
        case OverpaymentOut():
            return _overpaid(out)
        case PaymentDeletionOut():
            return {"Status": "DELETED"}
        case VoidOut():
            return {"InvoiceID": out.invoice_id, "Status": out.status}
        case AllocationOut():
            invoice = {"InvoiceID": out.invoice_id}
            return {"Amount": _exact(out.amount, 2), "Date": out.date.isoformat(), "Invoice": invoice}


def route(out: Out) -> tuple[str, str]:
    """Method and path for one document: creating is PUT, changing is POST by Xero's id."""
    match out:
        case ContactOut(contact_id=None):
            return "PUT", "Contacts"
        case ContactOut():
            return "POST", f"Contacts/{out.contact_id}"
        case InvoiceOut(invoice_id=None):
            return "PUT", "Invoices"
        case InvoiceOut() | VoidOut():
            return "POST", f"Invoices/{out.invoice_id}"
        case CreditNoteOut(credit_note_id=None):
            return "PUT", "CreditNotes"
        case CreditNoteOut():
            return "POST", f"CreditNotes/{out.credit_note_id}"
        case PaymentDeletionOut():
            return "POST", f"Payments/{out.payment_id}"
        case AllocationOut():
            return "PUT", f"CreditNotes/{out.credit_note_id}/Allocations"
        case PaymentOut() | RefundOut():
            return "PUT", "Payments"
        case OverpaymentOut():
            return "PUT", "BankTransactions"


def written(one: dict[str, Any]) -> bytes:
    """The bytes of one element; the same element always gives the same bytes."""
    return numbers.dump(one)


def batch_body(collection: str, elements: Sequence[bytes]) -> bytes:
    """The bytes of a batch of written elements. ValueError when empty or over the limits."""
    if not 0 < len(elements) <= MAX_ELEMENTS:
        raise ValueError(f"A batch has 1 to {MAX_ELEMENTS} elements.")
    body = b'{"' + collection.encode() + b'":[' + b",".join(elements) + b"]}"
    if len(body) > MAX_BYTES:
        raise ValueError(f"A batch has at most {MAX_BYTES} bytes.")
    return body


def fitting(elements: Sequence[bytes], most: int = MAX_ELEMENTS) -> int:
    """How many of the first written elements fit into one batch; at least 1 if there are any."""
    size = 32
    for count, one in enumerate(elements[: min(most, MAX_ELEMENTS)]):
        size += len(one) + 1
        if size > MAX_BYTES:
            return max(count, 1)
    return min(len(elements), most, MAX_ELEMENTS)


def _contact(out: ContactOut) -> dict[str, Any]:
    phones = [{"PhoneType": "DEFAULT", "PhoneNumber": cut(out.phone, 50)}] if out.phone else None
    return _filled(
        ContactID=out.contact_id,
        ContactNumber=out.number,
        Name=contact_name(out.name),
        FirstName=cut(out.first_name, 255),
        LastName=cut(out.last_name, 255),
        EmailAddress=contact_email(out.email),
        Phones=phones,
        Addresses=[_address(out.address)] if out.address else None,
    )


def _address(out: AddressOut) -> dict[str, Any]:
    return _filled(
        AddressType="POBOX",
        AddressLine1=cut(out.line1, 500),
        AddressLine2=cut(out.line2, 500),
        City=cut(out.city, 255),
        Region=cut(out.region, 255),
        PostalCode=cut(out.postal_code, 50),
        Country=cut("".join(char for char in out.country if char.isalpha() or char == " "), 50),
    )


def _invoice(out: InvoiceOut) -> dict[str, Any]:
    return _filled(
        InvoiceID=out.invoice_id,
        Type="ACCREC",
        InvoiceNumber=out.number,
        Contact={"ContactID": out.contact_id},
        Date=out.date.isoformat(),
        DueDate=out.due_date.isoformat(),
        CurrencyCode=out.currency,
        LineAmountTypes=out.amounts,
        Status=out.status,
        Reference=cut(out.reference, 255),
        Url=link_back(out.url),
        BrandingThemeID=out.branding_theme_id,
        LineItems=[_line(line) for line in out.lines],
    )


def _credit_note(out: CreditNoteOut) -> dict[str, Any]:
    if any(line.discount_rate or line.discount_amount for line in out.lines):
        raise ValueError("A credit note has no discounts.")
    return _filled(
        CreditNoteID=out.credit_note_id,
        Type="ACCRECCREDIT",
        CreditNoteNumber=out.number,
        Contact={"ContactID": out.contact_id},
        Date=out.date.isoformat(),
        CurrencyCode=out.currency,
        LineAmountTypes=out.amounts,
        Status=out.status,
        Reference=cut(out.reference, 255),
        LineItems=[_line(line) for line in out.lines],
    )


def _line(line: LineOut) -> dict[str, Any]:
    if line.discount_rate is not None and line.discount_amount is not None:
        raise ValueError("A line has a discount rate or a discount amount, not both.")
    return _filled(
        LineItemID=line.line_item_id,
        Description=cut(line.description, 4000),
        Quantity=_exact(line.quantity, 4),
        UnitAmount=_exact(line.unit_amount, 4),
        AccountCode=line.account_code,
        AccountID=None if line.account_code else line.account_id,
        TaxType=line.tax_type,
        DiscountRate=None if line.discount_rate is None else _exact(line.discount_rate, 4),
        DiscountAmount=None if line.discount_amount is None else _exact(line.discount_amount, 2),
        Tracking=[
            {"TrackingCategoryID": one.tracking_id, "TrackingOptionID": one.option_id}
            for one in line.tracking
        ]
        or None,
    )


def _paid(out: PaymentOut | RefundOut) -> dict[str, Any]:
    return _filled(
        Account={"AccountID": out.account_id},
        Date=out.date.isoformat(),
        Amount=_exact(out.amount, 2),
        Reference=cut(out.reference, 255),
    )


def _overpaid(out: OverpaymentOut) -> dict[str, Any]:
    """A bank transaction of one line without an account, which Xero puts on accounts receivable."""
    line = {"Description": cut(out.description, 4000), "LineAmount": _exact(out.amount, 2)}
    return {
        "Type": "RECEIVE-OVERPAYMENT", "LineAmountTypes": "NoTax", "Contact": {"ContactID": out.contact_id},
        "BankAccount": {"AccountID": out.account_id}, "Date": out.date.isoformat(),
        "Reference": cut(out.reference, 255), "LineItems": [line],
    }  # fmt: skip


def _exact(amount: Decimal, places: int) -> Decimal:
    plain = numbers.shortest(amount)
    if -int(plain.as_tuple().exponent) > places:
        raise NotExact(f"More than {places} decimals.")
    return plain


def _filled(**names: Any) -> dict[str, Any]:
    return {name: value for name, value in names.items() if value is not None and value != ""}
