"""Where the stand-in keeps its things: kinds of documents, ids, times and look-ups."""

from __future__ import annotations

import secrets
import string
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.clock import Clock
from sandbox.store import Document, Store

LOCATIONS = "hoop.location"
CONTACTS = "hoop.contact"
COLLECTIONS = "hoop.collection"
PRODUCTS = "hoop.product"
PRICES = "hoop.price"
TAXES = "hoop.tax"
INVOICES = "hoop.invoice"
TRANSACTIONS = "hoop.transaction"
TOKENS = "hoop.token"
EVENTS = "hoop.event"
DELIVERIES = "hoop.delivery"
COUNTERS = "hoop.counter"
NUMBERS = "hoop.number"
WEBHOOKS = "hoopkeep.webhook"
SETTINGS = "hoopkeep.settings"
KEYS = "hoopkeep.keys"

NO_DECIMALS = ("JPY", "KRW", "VND", "CLP")


class Refused(Exception):
    """The shop can't do that; `status` is the HTTP status of the answer, the text one sentence saying why."""

    def __init__(self, sentence: str, status: int = 400) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.status = status


class Books:
    """Look-ups over the store; raises Refused (404) for what is not there."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self.clock = clock

    def location(self, location_id: str | None) -> Document:
        """The location's document."""
        return self._found(LOCATIONS, location_id, "location")

    def contact(self, contact_id: str | None) -> Document:
        """The contact's document (REST shape)."""
        return self._found(CONTACTS, contact_id, "contact")

    def product(self, product_id: str | None) -> Document:
        """The product's document (REST shape)."""
        return self._found(PRODUCTS, product_id, "product")

    def tax(self, tax_id: str | None) -> Document:
        """The tax rate: `_id`, `altId`, `name`, `rate`."""
        return self._found(TAXES, tax_id, "tax rate")

    def invoice(self, invoice_id: str | None) -> Document:
        """The invoice's document (REST shape; status `delete` when it was deleted)."""
        return self._found(INVOICES, invoice_id, "invoice")

    def of_location(self, kind: str, location_id: str) -> list[Document]:
        """All documents of a kind that belong to the location, oldest first. For reading only."""
        return [
            document
            for document in self.store.view(kind)
            if location_id in (document.get("altId"), document.get("locationId"), document.get("location_id"))
        ]

    def count_up(self, name: str, start: int = 1) -> int:
        """The next number of a counter; the first is `start`."""
        with self.store.unit():
            last = self.store.get(COUNTERS, name) or {"n": start - 1}
            self.store.put(COUNTERS, name, {"n": last["n"] + 1})
            return int(last["n"]) + 1

    def now(self) -> datetime:
        """The sandbox's present moment, aware, UTC."""
        return self.clock.now()

    def stamp(self, after: str | None = None) -> str:
        """Now as the vendor writes it (`2026-10-01T02:10:11.101Z`), always later than `after`."""
        moment = self.now()
        if after is not None:
            moment = max(moment, datetime.fromisoformat(after) + timedelta(milliseconds=1))
        return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def today(self, location: Document) -> date:
        """Today's date where the location is."""
        return self.now().astimezone(ZoneInfo(location["timezone"])).date()

    def _found(self, kind: str, key: str | None, noun: str) -> Document:
        document = self.store.get(kind, key) if key else None
        if document is None:
            raise Refused(f"There is no {noun} with the id {key!r}.", 404)
        return document


def hex_id() -> str:
    """A new id like the vendor's database ids: 24 hex digits."""
    return secrets.token_hex(12)


def short_id(prefix: str = "") -> str:
    """A new id like the vendor's contact and location ids: 20 letters and digits."""
    letters = string.ascii_letters + string.digits
    return prefix + "".join(secrets.choice(letters) for _ in range(20 - len(prefix)))


def decimal(value: Any, name: str) -> Decimal:
    """The value as a finite Decimal; Refused (422) naming the field otherwise."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise Refused(f"{name} must be a number, not {value!r}.", 422) from None
    if not number.is_finite():
        raise Refused(f"{name} must be a finite number.", 422)
    return number


def places(currency: str) -> int:
    """How many decimals amounts of the currency have."""
    return 0 if currency in NO_DECIMALS else 2
