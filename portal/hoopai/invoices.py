"""What HoopAI says about an invoice, from a webhook or from REST (HighLevel API docs, Invoices and invoice
events).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from functools import wraps
from typing import Any, NamedTuple, ParamSpec, TypeVar

from portal.hoopai import people, reading
from portal.hoopai.people import AddressSaid, ContactSaid
from portal.hoopai.reading import BadValue

__all__ = [
    "STATUSES",
    "AddressSaid",
    "BadInvoice",
    "ChargeSaid",
    "ContactSaid",
    "DiscountSaid",
    "InvoiceMention",
    "InvoiceSaid",
    "LineSaid",
    "Reader",
    "TaxSaid",
    "ends",
    "mention",
    "said",
]

P = ParamSpec("P")
T = TypeVar("T")
STATUSES = ("draft", "sent", "payment_processing", "partially_paid", "paid", "void", "delete")
_ID = re.compile(r"^[A-Za-z0-9._-]{1,64}$")
_CURRENCY = re.compile(r"^[A-Z]{3}$")
_OF_EVENT = {"InvoiceVoid": "void", "InvoiceDelete": "delete"}
_ENDS = frozenset(_OF_EVENT.values())


class BadInvoice(ValueError):
    """An invoice that can't be understood: which `field`, and why. No value is shown."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field} {reason}")
        self.field = field
        self.reason = reason


class TaxSaid(NamedTuple):
    """A tax on a line. `key` is HoopAI's id, or name and rate where it has none; `rate` is a percentage."""

    key: str
    name: str
    rate: Decimal
    calculation: str


class LineSaid(NamedTuple):
    """A line; `amount` is the price of one. `tax_inclusive` is None when HoopAI did not say."""

    hoop_id: str | None
    product_id: str | None
    name: str
    description: str
    quantity: Decimal
    amount: Decimal
    taxes: tuple[TaxSaid, ...]
    tax_inclusive: bool | None


class DiscountSaid(NamedTuple):
    """The invoice's discount: `type` percentage or fixed; only on `product_ids` unless empty."""

    type: str
    value: Decimal
    product_ids: tuple[str, ...] = ()


class ChargeSaid(NamedTuple):
    """Something the customer paid beside the lines: a processing fee, a tip, a late fee."""

    name: str
    amount: Decimal


class InvoiceSaid(NamedTuple):
    """An invoice as HoopAI last told it; amounts in major units, `amount_paid` cumulative.

    `contact` None means that nothing was said of the contact (HoopAI's update events leave it out), never that
    there is none any more. `reduced` means that the message had no list of lines at all (void and delete
    events): `lines` and `discount` then say nothing either and must not replace what is known.
    """

    hoop_id: str
    number: str | None
    status: str
    live_mode: bool
    currency: str
    total: Decimal
    amount_paid: Decimal
    amount_due: Decimal
    issue_date: date | None
    due_date: date | None
    name: str
    title: str
    contact: ContactSaid | None
    discount: DiscountSaid | None
    lines: tuple[LineSaid, ...]
    created_at: datetime | None
    updated_at: datetime | None
    reduced: bool
    charges: tuple[ChargeSaid, ...] = ()

    @property
    def content(self) -> tuple[object, ...]:
        """All that does not change by the invoice being sent and paid, to see whether any of it has changed."""
        return (
            self.number, self.live_mode, self.currency, self.total, self.issue_date, self.due_date, self.name,
            self.title, self.contact, self.discount, self.lines, self.charges, self.reduced,
        )  # fmt: skip


class InvoiceMention(NamedTuple):
    """The least an event says: which invoice, and its status if given or plain from the event."""

    hoop_id: str
    status: str | None
    updated_at: datetime | None


def _of_an_invoice(read: Callable[P, T]) -> Callable[P, T]:
    """A bad value makes the invoice one that cannot be understood."""

    @wraps(read)
    def read_it(*args: P.args, **named: P.kwargs) -> T:
        try:
            return read(*args, **named)
        except BadValue as bad:
            raise BadInvoice(bad.field, bad.reason) from None

    return read_it


@_of_an_invoice
def ends(payload: dict[str, Any], event: str | None = None) -> bool:
    """Whether this says that the invoice was voided or deleted: then there may be nothing but a `mention` in it."""
    return _status(payload, event) in _ENDS


@_of_an_invoice
def said(payload: dict[str, Any], event: str | None = None) -> InvoiceSaid:
    """Read a whole invoice. `event` supplies the status of a void or delete that has none.

    Numbers may come in quotes and the invoice number as a number. BadInvoice for what is missing or makes
    no sense: id, status, currency and total are needed; what is paid and due follows from the status where
    it is left out.
    """
    currency, total = _currency(payload), reading.amount(payload, "total")
    details = reading.record(payload, "contactDetails")
    live = reading.flag(payload, "liveMode")
    return InvoiceSaid(
        currency=currency,
        total=total,
        **_progress(payload, event, total),
        hoop_id=_id(payload),
        number=_number(payload),
        live_mode=live is not False,
        issue_date=reading.day(payload, "issueDate"),
        due_date=reading.day(payload, "dueDate"),
        name=reading.text(payload, "name") or "",
        title=reading.text(payload, "title") or "",
        contact=people.on_invoice(details) if details else None,
        discount=_discount(reading.record(payload, "discount")),
        lines=tuple(
            _line(item, index) for index, item in enumerate(reading.records(payload, "invoiceItems"))
        ),
        created_at=reading.moment(payload, "createdAt"),
        reduced=payload.get("invoiceItems") is None,
        charges=_charges(reading.record(payload, "miscellaneousCharges")),
    )


@_of_an_invoice
def mention(payload: dict[str, Any], event: str | None = None) -> InvoiceMention:
    """Read only id and status: enough for void and delete, which may carry nothing else. BadInvoice without
    an id.
    """
    status = reading.text(payload, "status")
    return InvoiceMention(
        hoop_id=_id(payload),
        status=_status(payload, event) if status or event in _OF_EVENT else None,
        updated_at=reading.moment(payload, "updatedAt"),
    )


class Reader:
    """Reads one invoice after the other; what is told of one just as it was the last time is not read again."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[str, InvoiceSaid]] = {}

    @_of_an_invoice
    def said(self, payload: dict[str, Any], event: str | None = None) -> InvoiceSaid:
        """What the function `said` makes of it."""
        which, parts = repr(payload.get("_id")), repr([payload.get(name) for name in _PARTS])
        told, before = self._last.get(which, (None, None))
        if before is None or told != parts:
            found = said(payload, event)
        else:
            found = before._replace(**_progress(payload, event, before.total))
        self._last[which] = parts, found
        return found


_PARTS = (
    "_id", "id", "currency", "total", "invoiceNumber", "invoiceNumberPrefix", "liveMode", "issueDate", "dueDate",
    "name", "title", "contactDetails", "discount", "invoiceItems", "createdAt", "miscellaneousCharges",
)  # fmt: skip
"""All of an invoice that is read but for its progress."""


def _progress(payload: dict[str, Any], event: str | None, total: Decimal) -> dict[str, Any]:
    """How far it has come, by which one word about an invoice as a rule differs from the next."""
    status = _status(payload, event)
    paid = reading.amount(payload, "amountPaid", default=total if status == "paid" else Decimal(0))
    return {
        "status": status,
        "amount_paid": paid,
        "amount_due": reading.amount(payload, "amountDue", default=total - paid),
        "updated_at": reading.moment(payload, "updatedAt"),
    }


def _id(payload: dict[str, Any]) -> str:
    found = reading.text(payload, "_id") or reading.text(payload, "id")
    if found is None:
        raise BadValue("_id", "is missing")
    if not _ID.match(found):
        raise BadValue("_id", "is no id: up to 64 letters, digits, dots, dashes and underscores")
    return found


def _number(payload: dict[str, Any]) -> str | None:
    """The number as text; a prefix given apart is put in front unless it is there already."""
    number = reading.text(payload, "invoiceNumber")
    prefix = reading.text(payload, "invoiceNumberPrefix")
    whole = f"{prefix}{number}" if number and prefix and not number.startswith(prefix) else number
    if whole and len(whole) > 255:
        raise BadValue("invoiceNumber", "is longer than the 255 characters that Xero takes")
    return whole


def _status(payload: dict[str, Any], event: str | None) -> str:
    status = (reading.text(payload, "status") or _OF_EVENT.get(event or "", "")).lower()
    if event == "InvoiceDelete" or status == "deleted":
        return "delete"
    if not status:
        raise BadValue("status", "is missing")
    if status not in STATUSES:
        raise BadValue("status", "is not one this portal knows")
    return status


def _currency(payload: dict[str, Any]) -> str:
    code = (reading.text(payload, "currency") or "").upper()
    if not code:
        raise BadValue("currency", "is missing")
    if not _CURRENCY.match(code):
        raise BadValue("currency", "is not a three-letter code")
    return code


def _discount(source: dict[str, Any]) -> DiscountSaid | None:
    if not source:
        return None
    value = reading.amount(source, "value", default=Decimal(0), name="discount.value")
    if value == 0:
        return None
    kind = (reading.text(source, "type") or "").lower()
    if kind not in ("percentage", "fixed") or value < 0 or (kind == "percentage" and value > 100):
        raise BadValue("discount", "makes no sense")
    products = source.get("validOnProductIds")
    ids = tuple(one for one in products if isinstance(one, str)) if isinstance(products, list) else ()
    return DiscountSaid(kind, value, ids)


def _charges(source: dict[str, Any]) -> tuple[ChargeSaid, ...]:
    """The charges with the amounts that were paid; what is only configured has none and is no charge yet."""
    found = [
        ChargeSaid(
            reading.text(item, "name") or "", reading.amount(item, "amount", name="paidCharges.amount")
        )
        for item in reading.records(source, "paidCharges")
    ]
    return tuple(charge for charge in found if charge.amount > 0)


def _line(item: dict[str, Any], index: int) -> LineSaid:
    where = f"invoiceItems[{index}]"
    taxes = tuple(_tax(one, where) for one in reading.records(item, "taxes"))
    stated = reading.flag(item, "taxInclusive")
    inclusive = True if any(tax.calculation == "inclusive" for tax in taxes) else None
    return LineSaid(
        hoop_id=reading.text(item, "_id") or reading.text(item, "id"),
        product_id=(reading.text(item, "productId") or "")[:64] or None,
        name=reading.text(item, "name") or "",
        description=reading.text(item, "description") or "",
        quantity=reading.amount(item, "qty", default=Decimal(1), name=f"{where}.qty"),
        amount=reading.amount(item, "amount", name=f"{where}.amount"),
        taxes=taxes,
        tax_inclusive=stated if stated is not None else inclusive,
    )


def _tax(item: dict[str, Any], where: str) -> TaxSaid:
    rate = reading.amount(item, "rate", name=f"{where}.taxes.rate")
    if not 0 <= rate <= 100:
        raise BadValue(f"{where}.taxes.rate", "is not a percentage")
    name = reading.text(item, "name") or ""
    key = reading.text(item, "_id") or reading.text(item, "id") or f"{name}@{rate.normalize():f}"
    return TaxSaid(key, name, rate, (reading.text(item, "calculation") or "exclusive").lower())
