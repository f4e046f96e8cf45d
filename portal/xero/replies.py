"""What Xero's answers mean: one result per element, dates, and reference data as plain facts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from datetime import date as Day
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from portal.xero.classify import messages_in
from portal.xero.facts import (
    AccountFact,
    ContactFact,
    OrganisationFact,
    TaxRateFact,
    TrackingFact,
)

if TYPE_CHECKING:
    from portal.xero.client import Reply

__all__ = [
    "AccountFact",
    "ContactFact",
    "ElementResult",
    "OrganisationFact",
    "PaymentFact",
    "TaxRateFact",
    "TrackingFact",
    "account_facts",
    "contact_facts",
    "element_results",
    "organisation_facts",
    "parse_date",
    "parse_moment",
    "parse_money",
    "payments_in",
    "results",
    "tax_rate_facts",
    "tracking_facts",
]

_NO_ID = "00000000-0000-0000-0000-000000000000"
_NAMES = {
    "Invoices": ("InvoiceID", "InvoiceNumber"),
    "Contacts": ("ContactID", "ContactNumber"),
    "Payments": ("PaymentID", "Reference"),
    "CreditNotes": ("CreditNoteID", "CreditNoteNumber"),
    "Allocations": ("AllocationID", "AllocationID"),
    "Overpayments": ("OverpaymentID", "Reference"),
    "BankTransactions": ("OverpaymentID", "Reference"),
    "Prepayments": ("PrepaymentID", "Reference"),
}
_TICKS = re.compile(r"^/Date\((-?\d{1,15})([+-]\d{4})?\)/$")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class ElementResult:
    """What became of one element of a batch.

    `xero_id` is None for a refused create. `number` is the invoice, contact or credit note number, for
    payments the Reference. `total` is an invoice's or credit note's Total, a payment's Amount. `data` is
    the element as Xero gave it, `text` its very words where they are known.
    """

    position: int
    ok: bool
    xero_id: str | None
    number: str | None
    status: str | None
    total: Decimal | None
    messages: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    data: dict[str, Any] = field(default_factory=dict, repr=False)
    text: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class PaymentFact:
    """A payment as an invoice or the payments list shows it. `reference` carries our mark."""

    payment_id: str
    date: Day | None
    amount: Decimal
    reference: str
    status: str | None


def results(reply: Reply, collection: str) -> list[ElementResult]:
    """The outcome of each element of a batch, in the order of the answer; match them by number, not only by
    place.
    """
    found = reply.data.get(collection)
    return element_results(found if isinstance(found, list) else [], collection, reply.parts.get(collection))


def element_results(
    elements: Sequence[dict[str, Any]], collection: str, texts: Sequence[str] | None = None
) -> list[ElementResult]:
    """The same from a plain list, such as `Rejected.elements`, and the text of each where it is at hand."""
    return [
        _result(position, item, collection, texts[position] if texts else None)
        for position, item in enumerate(elements)
        if isinstance(item, dict)
    ]


def payments_in(document: dict[str, Any]) -> list[PaymentFact]:
    """The payments embedded in an invoice, or in an answer's Payments list."""
    found = document.get("Payments")
    return [_payment(item) for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def parse_money(value: Any) -> Decimal | None:
    """An exact amount from a JSON number or a number in quotes; None if absent, ValueError if it is
    neither.
    """
    if value is None or value == "":
        return None
    if isinstance(value, (bool, float)):
        raise ValueError("not an exact amount")
    try:
        amount = Decimal(value)
    except (InvalidOperation, TypeError, ValueError):
        raise ValueError("not an amount") from None
    if not amount.is_finite():
        raise ValueError("not an amount")
    return amount


def parse_moment(value: Any) -> datetime | None:
    """A moment in UTC from `/Date(ms+0000)/` or ISO text (no zone means UTC); None if absent, else
    ValueError.

    The offset in the first form is only how to show it: the number is UTC (developer.xero.com, Requests and
    responses).
    """
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise ValueError("not a date")
    ticks = _TICKS.match(value)
    try:
        if ticks:
            return _EPOCH + timedelta(milliseconds=int(ticks[1]))
        moment = datetime.fromisoformat(value[:19] + _zone(value) if "." in value else value)
    except OverflowError:
        raise ValueError("not a date") from None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def parse_date(value: Any) -> Day | None:
    """A document's calendar day. Xero gives it as midnight UTC; it is never shifted to another zone."""
    moment = parse_moment(value)
    return moment.date() if moment else None


def account_facts(items: Sequence[dict[str, Any]]) -> list[AccountFact]:
    """Accounts as facts, in Xero's order (developer.xero.com, Accounts)."""
    return [
        AccountFact(
            account_id=str(item["AccountID"]),
            code=_text(item.get("Code")),
            name=str(item.get("Name") or ""),
            type=str(item.get("Type") or ""),
            class_=str(item.get("Class") or ""),
            status=str(item.get("Status") or ""),
            tax_type=_text(item.get("TaxType")),
            payments_enabled=item.get("EnablePaymentsToAccount") is True,
            system_account=_text(item.get("SystemAccount")),
            currency=_text(item.get("CurrencyCode")),
        )
        for item in items
    ]


def tax_rate_facts(items: Sequence[dict[str, Any]]) -> list[TaxRateFact]:
    """Tax rates as facts; `rate` is the effective percentage (developer.xero.com, Tax Rates)."""
    kinds = ("Assets", "Equity", "Expenses", "Liabilities", "Revenue")
    return [
        TaxRateFact(
            tax_type=str(item["TaxType"]),
            name=str(item.get("Name") or ""),
            rate=parse_money(item.get("EffectiveRate", item.get("DisplayTaxRate"))) or Decimal(0),
            status=str(item.get("Status") or ""),
            applies_to_revenue=item.get("CanApplyToRevenue") is True,
            can_apply={kind.lower(): item.get(f"CanApplyTo{kind}") is True for kind in kinds},
        )
        for item in items
    ]


def tracking_facts(items: Sequence[dict[str, Any]]) -> list[TrackingFact]:
    """The options of all tracking categories as facts (developer.xero.com, Tracking Categories)."""
    return [
        TrackingFact(
            option_id=str(option["TrackingOptionID"]),
            name=str(option.get("Name") or ""),
            status=str(option.get("Status") or ""),
            tracking_id=str(item["TrackingCategoryID"]),
            tracking_name=str(item.get("Name") or ""),
            tracking_status=str(item.get("Status") or ""),
        )
        for item in items
        for option in item.get("Options") or []
    ]


def organisation_facts(item: dict[str, Any]) -> OrganisationFact:
    """The organisation as facts; lock dates are None when not set (developer.xero.com, Organisation)."""
    return OrganisationFact(
        organisation_id=str(item["OrganisationID"]),
        name=str(item.get("Name") or ""),
        short_code=str(item.get("ShortCode") or ""),
        country=str(item.get("CountryCode") or ""),
        base_currency=str(item.get("BaseCurrency") or ""),
        timezone=str(item.get("Timezone") or ""),
        period_lock_date=parse_date(item.get("PeriodLockDate")),
        end_of_year_lock_date=parse_date(item.get("EndOfYearLockDate")),
        is_demo=item.get("IsDemoCompany") is True,
        klass=str(item.get("Class") or ""),
    )


def contact_facts(items: Sequence[dict[str, Any]]) -> list[ContactFact]:
    """Contacts as facts; `merged_into` is where a merged one went (developer.xero.com, Contacts)."""
    return [
        ContactFact(
            contact_id=str(item["ContactID"]),
            name=str(item.get("Name") or ""),
            email=_text(item.get("EmailAddress")),
            contact_number=_text(item.get("ContactNumber")),
            account_number=_text(item.get("AccountNumber")),
            status=str(item.get("ContactStatus") or ""),
            merged_into=_text(item.get("MergedToContactID")),
            updated_at=parse_moment(item.get("UpdatedDateUTC")),
        )
        for item in items
    ]


def _result(position: int, item: dict[str, Any], collection: str, text: str | None) -> ElementResult:
    id_name, number_name = _NAMES.get(collection, ("", ""))
    messages = _said(item, text, "ValidationErrors")
    failed = (
        item.get("StatusAttributeString") == "ERROR"
        or item.get("HasErrors") is True
        or item.get("HasValidationErrors") is True
        or bool(messages)
    )
    xero_id = _text(item.get(id_name))
    return ElementResult(
        position=position,
        ok=not failed,
        xero_id=None if xero_id == _NO_ID else xero_id,
        number=_text(item.get(number_name)),
        status=_text(item.get("ContactStatus") if collection == "Contacts" else item.get("Status")),
        total=parse_money(item.get("Total", item.get("Amount"))),
        messages=messages,
        warnings=_said(item, text, "Warnings"),
        data=item,
        text=text,
    )


def _said(item: dict[str, Any], text: str | None, list_name: str) -> tuple[str, ...]:
    """The messages of this list anywhere in the element; most elements have none, which their text shows at once."""
    if text is not None and not re.search(rf'"{list_name}"\s*:\s*\[\s*[^\s\]]', text):
        return ()
    return tuple(dict.fromkeys(messages_in(item, list_name)))


def _payment(item: dict[str, Any]) -> PaymentFact:
    return PaymentFact(
        payment_id=str(item.get("PaymentID") or ""),
        date=parse_date(item.get("Date")),
        amount=parse_money(item.get("Amount")) or Decimal(0),
        reference=str(item.get("Reference") or ""),
        status=_text(item.get("Status")),
    )


def _text(value: Any) -> str | None:
    return str(value) if value not in (None, "") else None


def _zone(value: str) -> str:
    tail = re.search(r"(Z|[+-]\d\d:?\d\d)$", value)
    return tail[0] if tail else ""
