"""Look-ups at HoopAI's REST API for one location (HighLevel API docs, version 2021-07-28)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError
from urllib3.util.retry import Retry

from portal.hoopai import reading
from portal.hoopai.errors import HoopError, HoopNotFound, HoopRefused, HoopTokenRefused, HoopUnavailable

__all__ = [
    "HoopClient",
    "HoopError",
    "HoopNotFound",
    "HoopPage",
    "HoopRefused",
    "HoopTokenRefused",
    "HoopUnavailable",
    "RatesLeft",
]

VERSION = "2021-07-28"
MAX_PAGES = 1000
MOST_RESET = 86_400
_ID = re.compile(r"^[A-Za-z0-9_-]{1,100}$")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class HoopPage:
    """One page of a list; `total` as HoopAI counts it, `next_page` None on the last one."""

    items: list[dict[str, Any]] = field(repr=False)
    total: int | None
    next_page: int | None


@dataclass(frozen=True)
class RatesLeft:
    """How many calls HoopAI still takes in this interval and today, and when the interval starts anew (seconds)."""

    burst: int
    day: int
    reset: float


class HoopClient:
    """Asks HoopAI about one location with its API token. Numbers in what comes back are exact.

    Raises HoopUnavailable (no answer, 429, 5xx), HoopTokenRefused (401, 403), HoopNotFound (404),
    HoopRefused (other 4xx). Nothing is retried here. `timeout` is (connect, read) in seconds. Pages count
    from 0. After a call `left` says what the rate limit still allows, None where HoopAI did not tell.
    """

    def __init__(
        self, api_url: str, token: str, location_id: str, *, timeout: tuple[float, float] = (5.0, 20.0)
    ) -> None:
        parts = urlsplit(api_url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
            raise ValueError("The address must start with https://; http:// is only for this machine.")
        self._base = api_url.rstrip("/")
        self._token = token
        self.location_id = location_id
        self._timeout = timeout
        self._session = _session()
        self.left: RatesLeft | None = None
        self.calls = 0

    def __repr__(self) -> str:
        return f"HoopClient(location_id={self.location_id!r})"

    def invoices(
        self,
        page: int = 0,
        *,
        limit: int = 100,
        status: str | None = None,
        since: date | None = None,
        until: date | None = None,
    ) -> HoopPage:
        """One page of invoices by issue date, newest first; HoopAI cannot filter by change."""
        query = {**self._alt(), "status": status, "startAt": _day(since), "endAt": _day(until)}
        return self._page("/invoices/", query, page, limit, "invoices", "total")

    def each_invoice(
        self, *, since: date | None = None, until: date | None = None
    ) -> Iterator[dict[str, Any]]:
        """All invoices issued from `since` to `until`, each once."""
        return _each(lambda page: self.invoices(page, since=since, until=until))

    def invoice(self, invoice_id: str) -> dict[str, Any]:
        """One invoice in full."""
        found = self._get(f"/invoices/{_id(invoice_id)}", self._alt())
        return _inner(found, "invoice")

    def transactions(
        self,
        page: int = 0,
        *,
        limit: int = 100,
        invoice_id: str | None = None,
        contact_id: str | None = None,
        since: date | None = None,
        until: date | None = None,
    ) -> HoopPage:
        """One page of transactions, optionally those of one invoice or contact or of some days."""
        query = {
            **self._alt(),
            "locationId": self.location_id,
            "entityId": invoice_id,
            "contactId": contact_id,
            "startAt": _day(since),
            "endAt": _day(until),
        }
        return self._page("/payments/transactions", query, page, limit, "data", "totalCount")

    def each_transaction(
        self,
        *,
        invoice_id: str | None = None,
        contact_id: str | None = None,
        since: date | None = None,
        until: date | None = None,
    ) -> Iterator[dict[str, Any]]:
        """All transactions asked for, each once."""
        return _each(
            lambda page: self.transactions(
                page, invoice_id=invoice_id, contact_id=contact_id, since=since, until=until
            )
        )

    def contact(self, contact_id: str) -> dict[str, Any]:
        """One contact."""
        return _inner(self._get(f"/contacts/{_id(contact_id)}", {}), "contact")

    def product(self, product_id: str) -> dict[str, Any]:
        """One product, with the `collectionIds` it belongs to."""
        return _inner(self._get(f"/products/{_id(product_id)}", {"locationId": self.location_id}), "product")

    def products(self) -> list[dict[str, Any]]:
        """All products, with their `collectionIds`."""
        return list(_each(self.products_page))

    def products_page(self, page: int = 0, *, limit: int = 100) -> HoopPage:
        """One page of products."""
        return self._page("/products/", {"locationId": self.location_id}, page, limit, "products", "total")

    def collections(self) -> list[dict[str, Any]]:
        """All product collections (id and name)."""
        return list(_each(self.collections_page))

    def collections_page(self, page: int = 0, *, limit: int = 100) -> HoopPage:
        """One page of product collections."""
        return self._page("/products/collections", self._alt(), page, limit, "data", "total")

    def _alt(self) -> dict[str, str | None]:
        return {"altId": self.location_id, "altType": "location"}

    def _page(
        self,
        path: str,
        query: dict[str, str | None] | dict[str, str],
        page: int,
        limit: int,
        name: str,
        count: str,
    ) -> HoopPage:
        if page < 0 or limit < 1:
            raise ValueError("Pages count from 0.")
        data = self._get(path, {**query, "limit": str(limit), "offset": str(page * limit)})
        items = data.get(name)
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise HoopUnavailable("HoopAI's answer could not be read.", status=200)
        total = _count(data, count)
        more = bool(items) and (
            (page * limit + len(items) < total) if total is not None else len(items) >= limit
        )
        return HoopPage(items, total, page + 1 if more else None)

    def _get(self, path: str, query: dict[str, str | None] | dict[str, str]) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._token}", "Version": VERSION, "Accept": "application/json"}
        asked = {name: value for name, value in query.items() if value is not None}
        try:
            response = self._session.get(
                self._base + path, params=asked, headers=headers, timeout=self._timeout, allow_redirects=False
            )
        except (requests.RequestException, HTTPError, OSError) as error:
            raise HoopUnavailable(f"HoopAI did not answer ({type(error).__name__}).") from None
        finally:
            self.calls += 1
        self.left = _left(response)
        if response.status_code != 200:
            raise _error(response)
        try:
            data = reading.load(response.content)
        except ValueError:
            data = None
        if not isinstance(data, dict):
            raise HoopUnavailable("HoopAI's answer could not be read.", status=response.status_code)
        return data


def _session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    adapter = HTTPAdapter(max_retries=Retry(0, read=False, respect_retry_after_header=False), pool_maxsize=4)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _error(response: requests.Response) -> HoopError:
    status = response.status_code
    if status in (401, 403):
        return HoopTokenRefused("HoopAI does not accept the API token.", status=status)
    if status == 404:
        return HoopNotFound("HoopAI has no such thing in this location.", status=status)
    if 400 <= status < 500 and status not in (408, 429):
        return HoopRefused("HoopAI did not accept the request.", status=status)
    return HoopUnavailable("HoopAI is busy at the moment.", status=status, retry_after=_seconds(response))


def _seconds(response: requests.Response) -> float | None:
    for name in ("Retry-After", "X-RateLimit-Reset"):
        said = _whole(response, name)
        if said is not None and said < MOST_RESET:
            return float(said)
    return None


def _left(response: requests.Response) -> RatesLeft | None:
    burst, day = _whole(response, "X-RateLimit-Remaining"), _whole(response, "X-RateLimit-Daily-Remaining")
    if burst is None and day is None:
        return None
    interval = (_whole(response, "X-RateLimit-Interval-Milliseconds") or 10_000) / 1000
    reset = _whole(response, "X-RateLimit-Reset")
    known = reset is not None and reset < MOST_RESET
    return RatesLeft(
        burst=MAX_PAGES if burst is None else burst,
        day=MAX_PAGES if day is None else day,
        reset=float(reset) if known and reset is not None else interval,
    )


def _whole(response: requests.Response, name: str) -> int | None:
    said = response.headers.get(name, "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 12 else None


def _each(page_at: Callable[[int], HoopPage]) -> Iterator[dict[str, Any]]:
    """Every item once: a list that grows while being read repeats items, and those are left out."""
    seen: set[str] = set()
    number: int | None = 0
    while number is not None and number < MAX_PAGES:
        page = page_at(number)
        for item in page.items:
            key = str(item.get("_id") or item.get("id") or "")
            if not key or key not in seen:
                seen.add(key)
                yield item
        number = page.next_page


def _inner(data: dict[str, Any], name: str) -> dict[str, Any]:
    found = data.get(name)
    return found if isinstance(found, dict) else data


def _count(data: dict[str, Any], name: str) -> int | None:
    value = data.get(name)
    if isinstance(value, list) and value and isinstance(value[0], dict):
        value = value[0].get("total")
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _id(text: str) -> str:
    if not _ID.match(text):
        raise ValueError("Not an id of HoopAI's.")
    return text


def _day(when: date | None) -> str | None:
    return when.isoformat() if when else None
