"""The calls to Xero's accounting API for one organisation (developer.xero.com, Accounting API)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from portal.xero import numbers
from portal.xero.classify import error_of
from portal.xero.errors import NoAnswer
from portal.xero.left import LimitsLeft
from portal.xero.transport import Answer, OnRequest, Transport

API = "api.xro/2.0"
_SUMMARISED = re.compile(
    r"^(Invoices|Contacts|Payments|CreditNotes|BatchPayments|[A-Za-z]+/[^/]+/Allocations)$"
)
_UNIT_PRICED = re.compile(r"^(Invoices|CreditNotes)(/[^/]+)?$")


@dataclass(frozen=True)
class Reply:
    """A 2xx answer (or a 304 to "changed since", with an empty list). Numbers in `data` are exact.

    `parts` has the text of each element of the lists in `data`.
    """

    status: int
    data: Any = field(repr=False)
    raw: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    duration_ms: int
    correlation_id: str | None
    limits: LimitsLeft
    parts: numbers.Parts = field(default_factory=dict, repr=False)


class XeroClient:
    """Talks to one Xero organisation with one access token.

    Every method raises the errors of `portal.xero.errors` for whatever is not a 2xx. Nothing is ever sent
    twice, no redirect is followed, and the token goes to the host of `api_url` only. One client may serve
    several threads. `on_request` gets a `transport.Exchange` after every call. `timeout` is (connect, read)
    in seconds.
    """

    def __init__(
        self,
        api_url: str,
        access_token: str,
        tenant_id: str,
        *,
        on_request: OnRequest | None = None,
        timeout: tuple[float, float] = (5.0, 60.0),
    ) -> None:
        self._transport = Transport(api_url, access_token, timeout, on_request)
        self._tenant = {"xero-tenant-id": tenant_id}
        self.tenant_id = tenant_id

    def __repr__(self) -> str:
        return f"XeroClient(tenant_id={self.tenant_id!r})"

    def __enter__(self) -> XeroClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the kept connections."""
        self._transport.close()

    def renew(self, access_token: str) -> None:
        """Go on with a fresh access token over the connections already open."""
        self._transport.token = access_token

    def organisation(self) -> dict[str, Any]:
        """The organisation itself, as Xero's Organisation object."""
        found = self._listed("Organisation", "Organisations")
        if not found:
            raise NoAnswer("Xero's answer held no organisation.", status=200)
        return found[0]

    def actions(self) -> dict[str, bool]:
        """What this sign-in may do here, by Xero's action name (Organisation, Actions)."""
        found = self._listed("Organisation/Actions", "Actions")
        return {str(item.get("Name")): item.get("Status") == "ALLOWED" for item in found}

    def accounts(self) -> list[dict[str, Any]]:
        """The whole chart of accounts, archived ones included; the list is not paged."""
        return self._listed("Accounts", "Accounts")

    def tax_rates(self) -> list[dict[str, Any]]:
        """All tax rates, in every status."""
        return self._listed("TaxRates", "TaxRates")

    def currencies(self) -> list[dict[str, Any]]:
        """The currencies this organisation has added."""
        return self._listed("Currencies", "Currencies")

    def branding_themes(self) -> list[dict[str, Any]]:
        """The branding themes; SortOrder 0 is the default one."""
        return self._listed("BrandingThemes", "BrandingThemes")

    def tracking_categories(self) -> list[dict[str, Any]]:
        """The tracking categories with their options, archived ones included."""
        return self._listed("TrackingCategories", "TrackingCategories", {"includeArchived": "true"})

    def contacts_changed_since(self, moment: datetime | None, page: int, page_size: int = 500) -> Reply:
        """One page of contacts changed at or after `moment` (aware; None for all), archived ones included.

        Pages count from 1 and are ordered by id, so that a contact changing meanwhile does not push another
        out of sight. Xero's header has whole seconds. Balances do not count as changes (developer.xero.com,
        Contacts).
        """
        query = {
            "page": str(page), "pageSize": str(page_size), "includeArchived": "true", "order": "ContactID",
        }  # fmt: skip
        headers = {} if moment is None else {"If-Modified-Since": _stamp(moment)}
        return self._get("Contacts", query, headers)

    def contacts(self, ids: Sequence[str]) -> Reply:
        """The contacts with these ContactIDs, archived ones included."""
        return self._get("Contacts", {"IDs": _ids(ids), "includeArchived": "true", **_room(ids)})

    def contacts_numbered(self, numbers_: Sequence[str]) -> Reply:
        """The contacts with these ContactNumbers, archived ones included. At most 40 at a time."""
        where = _any_of("ContactNumber", numbers_)
        return self._get("Contacts", {"where": where, "includeArchived": "true", **_room(numbers_)})

    def contacts_named(self, name: str) -> Reply:
        """The contacts with exactly this Name, archived ones included; Xero ignores case and accents."""
        return self._get(
            "Contacts", {"where": _any_of("Name", [name]), "includeArchived": "true", **_room([name])}
        )

    def invoices_numbered(self, numbers_: Sequence[str]) -> Reply:
        """The invoices with these numbers, with lines, payments and credits, unit prices to 4 decimals.

        Bills may carry the same number as a sales invoice: look at each one's Type. At most 50 at a time.
        """
        if any("," in number for number in numbers_):
            return self._get("Invoices", {"where": _any_of("InvoiceNumber", numbers_), **_full(numbers_)})
        return self._get("Invoices", {"InvoiceNumbers": ",".join(_some(numbers_)), **_full(numbers_)})

    def invoices(self, ids: Sequence[str]) -> Reply:
        """The invoices with these InvoiceIDs, with lines, payments and credits, unit prices to 4 decimals."""
        return self._get("Invoices", {"IDs": _ids(ids), **_full(ids)})

    def recent_sales(self, count: int = 100) -> Reply:
        """The newest sales invoices by date, with lines; drafts, voided and deleted ones left out. At most 1,000."""
        words = {"where": 'Type=="ACCREC"', "Statuses": "AUTHORISED,PAID", "order": "Date DESC"}
        return self._get("Invoices", {**words, "page": "1", "pageSize": str(count)})

    def credit_notes_numbered(self, numbers_: Sequence[str]) -> Reply:
        """The credit notes with these numbers, with lines and allocations."""
        return self._get("CreditNotes", {"where": _any_of("CreditNoteNumber", numbers_), **_full(numbers_)})

    def payments_of(self, invoice_id: str) -> Reply:
        """All payments of one invoice, deleted ones included (developer.xero.com, Payments)."""
        where = f'Invoice.InvoiceID==guid("{UUID(invoice_id)}")'
        return self._get("Payments", {"where": where, "page": "1", "pageSize": "1000"})

    def payments_referenced(self, references: Sequence[str]) -> Reply:
        """The payments with exactly these references, of invoices and of credit notes alike. At most 40 at a time."""
        where = _any_of("Reference", references)
        return self._get("Payments", {"where": where, "page": "1", "pageSize": "1000"})

    def overpayments_referenced(self, references: Sequence[str]) -> Reply:
        """The overpayments with exactly these references. At most 40 at a time."""
        where = _any_of("Reference", references)
        return self._get("Overpayments", {"where": where, "page": "1", "pageSize": "1000"})

    def overpayment(self, overpayment_id: str) -> Reply:
        """One overpayment."""
        return self._get(f"Overpayments/{UUID(overpayment_id)}")

    def sales_dated(self, first: date, last: date, page: int) -> Reply:
        """A page of up to 1,000 sales invoices dated from `first` to `last`, with lines, in every status.

        Pages count from 1 and are ordered by id, so that one changing meanwhile does not hide another.
        """
        return self._dated("Invoices", 'Type=="ACCREC"', "InvoiceID", first, last, page)

    def credit_notes_dated(self, first: date, last: date, page: int) -> Reply:
        """A page of up to 1,000 sales credit notes of these days, as `sales_dated`."""
        return self._dated("CreditNotes", 'Type=="ACCRECCREDIT"', "CreditNoteID", first, last, page)

    def payments_dated(self, first: date, last: date, page: int) -> Reply:
        """A page of up to 1,000 payments of sales invoices and sales credit notes of these days, deleted ones too."""
        kinds = '(PaymentType=="ACCRECPAYMENT" OR PaymentType=="ARCREDITPAYMENT")'
        return self._dated("Payments", kinds, "PaymentID", first, last, page)

    def overpayments_dated(self, first: date, last: date, page: int) -> Reply:
        """A page of up to 1,000 overpayments by customers of these days, as `sales_dated`."""
        return self._dated("Overpayments", 'Type=="RECEIVE-OVERPAYMENT"', "OverpaymentID", first, last, page)

    def _dated(self, path: str, where: str, order: str, first: date, last: date, page: int) -> Reply:
        days = f"Date>={_day(first)} AND Date<={_day(last)}"
        query = {"where": f"{where} AND {days}", "order": order, "page": str(page), "pageSize": "1000"}
        return self._get(path, query)

    def payment(self, payment_id: str) -> Reply:
        """One payment by its PaymentID, also a deleted one."""
        return self._get(f"Payments/{UUID(payment_id)}")

    def write(
        self, method: str, path: str, body: bytes, key: str, *, not_after: float | None = None
    ) -> Reply:
        """Send exactly these bytes once under this Idempotency-Key.

        Lists are asked for with summarizeErrors=false, so every element answers for itself; invoices and
        credit notes with unitdp=4. `not_after` (seconds since 1970): later than that nothing is sent and
        NotSent is raised.
        """
        if (
            method not in ("PUT", "POST")
            or not 0 < len(key) <= 128
            or not key.isascii()
            or not key.isprintable()
        ):
            raise ValueError("A write is a PUT or POST with a key of 1 to 128 plain characters.")
        path = path.strip("/").removeprefix(API + "/")
        headers = {**self._tenant, "Content-Type": "application/json", "Idempotency-Key": key}
        answer = self._transport.send(
            method,
            f"{API}/{path}",
            query=query_of(path),
            headers=headers,
            body=body,
            key=key,
            not_after=not_after,
        )
        return _reply(answer)

    def _listed(self, path: str, name: str, query: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        found = self._get(path, query).data.get(name)
        if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
            raise NoAnswer(f"Xero's answer held no {name}.", status=200)
        return found

    def _get(
        self, path: str, query: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        answer = self._transport.send(
            "GET", f"{API}/{path}", query=query, headers={**self._tenant, **(headers or {})}
        )
        return _reply(answer, path)


def query_of(path: str) -> dict[str, str]:
    """The query a write to `path` is sent with."""
    query = {"summarizeErrors": "false"} if _SUMMARISED.match(path) else {}
    return {**query, "unitdp": "4"} if _UNIT_PRICED.match(path) else query


def _reply(answer: Answer, collection: str | None = None) -> Reply:
    if answer.status == 304 and collection:
        return _as_reply(answer, {collection: []})
    if not 200 <= answer.status < 300:
        raise error_of(answer)
    if answer.status == 204 and not answer.raw:
        return _as_reply(answer, {})
    try:
        data, parts = numbers.load_parts(answer.raw)
    except ValueError:
        raise NoAnswer(
            "Xero's answer could not be read.",
            status=answer.status,
            correlation_id=answer.correlation_id,
            limits=LimitsLeft.from_headers(answer.headers),
            duration_ms=answer.duration_ms,
        ) from None
    return _as_reply(answer, data, parts)


def _as_reply(answer: Answer, data: dict[str, Any], parts: numbers.Parts | None = None) -> Reply:
    return Reply(
        status=answer.status,
        data=data,
        raw=answer.raw,
        headers=answer.headers,
        duration_ms=answer.duration_ms,
        correlation_id=answer.correlation_id,
        limits=LimitsLeft.from_headers(answer.headers),
        parts=parts or {},
    )


def _day(day: date) -> str:
    return f"DateTime({day.year},{day.month},{day.day})"


def _stamp(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise ValueError("A moment needs a time zone.")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _some(values: Sequence[str]) -> list[str]:
    if not values:
        raise ValueError("Nothing to look for.")
    return list(dict.fromkeys(values))


def _ids(ids: Sequence[str]) -> str:
    return ",".join(str(UUID(one)) for one in _some(ids))


def _any_of(field_name: str, values: Sequence[str]) -> str:
    return " OR ".join(f'{field_name}=="{_escaped(value)}"' for value in _some(values))


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _room(values: Iterable[str]) -> dict[str, str]:
    return {"page": "1", "pageSize": str(min(1000, max(100, 2 * len(list(values)))))}


def _full(values: Iterable[str]) -> dict[str, str]:
    return {"unitdp": "4", **_room(values)}
