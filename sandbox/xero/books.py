"""The books: tables of documents with indexes, kept through the sandbox's store. Documents are never changed in
place; a changed one is put back.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.clock import Clock
from sandbox.store import Store
from sandbox.xero.dates import stamp

Doc = dict[str, Any]
Keys = dict[str, Callable[[Doc], Hashable | None]]
PREFIX = "xero."


class Table:
    """Documents of one kind, found by id or by one of the named keys."""

    def __init__(self, books: Books, kind: str, id_key: str, keys: Keys | None = None) -> None:
        self._books, self._store = books, books.store
        self._kind, self.id_key, self._keys = PREFIX + kind, id_key, keys or {}
        self._docs: dict[str, Doc] = {}
        self._index: dict[str, dict[Hashable, dict[str, None]]] = {name: {} for name in self._keys}
        for doc in self._store.all(self._kind):
            self._take(doc)

    def get(self, key: str | None) -> Doc | None:
        """The document, to read only."""
        return self._docs.get(key) if key else None

    def all(self) -> list[Doc]:
        """Every document in the order of creation, to read only."""
        return list(self._docs.values())

    def find(self, name: str, value: Hashable) -> list[Doc]:
        """The documents whose key `name` has this value, oldest first."""
        return [self._docs[key] for key in list(self._index[name].get(value, ()))]

    def first(self, name: str, value: Hashable) -> Doc | None:
        """The oldest of `find`, or None."""
        return next(iter(self.find(name, value)), None)

    def put(self, doc: Doc) -> Doc:
        """Keep the document, new or changed."""
        key = doc[self.id_key]
        self._books.writes += 1
        self._store.put(self._kind, key, doc)
        old = self._docs.get(key)
        if old is None or list(self._values(old)) != list(self._values(doc)):
            self._drop(key)
            self._take(doc)
        self._docs[key] = doc
        return doc

    def delete(self, key: str) -> None:
        """Forget the document."""
        self._books.writes += 1
        self._store.delete(self._kind, key)
        self._drop(key)
        self._docs.pop(key, None)

    def __len__(self) -> int:
        return len(self._docs)

    def _take(self, doc: Doc) -> None:
        key = doc[self.id_key]
        self._docs[key] = doc
        for name, value in self._values(doc):
            self._index[name].setdefault(value, {})[key] = None

    def _drop(self, key: str) -> None:
        if (old := self._docs.get(key)) is not None:
            for name, value in self._values(old):
                self._index[name].get(value, {}).pop(key, None)

    def _values(self, doc: Doc) -> Iterator[tuple[str, Hashable]]:
        for name, read in self._keys.items():
            if (value := read(doc)) is not None:
                yield name, value


def folded(value: str | None) -> str | None:
    """Text as Xero compares names: without case; empty counts as none."""
    return value.strip().casefold() if value else None


class Book:
    """Everything of one organisation."""

    def __init__(self, books: Books, tenant: str) -> None:
        self.books, self.tenant = books, tenant
        table = self._table
        self.accounts = table("accounts", "AccountID", {"code": lambda doc: doc.get("Code")})
        self.tax_rates = table("tax_rates", "TaxType")
        self.tracking = table("tracking", "TrackingCategoryID")
        self.themes = table("themes", "BrandingThemeID")
        self.contacts = table("contacts", "ContactID", _CONTACT_KEYS)
        self.invoices = table("invoices", "InvoiceID", _document_keys("InvoiceNumber"))
        self.credit_notes = table("credit_notes", "CreditNoteID", _document_keys("CreditNoteNumber"))
        self.overpayments = table("overpayments", "OverpaymentID", {"contact": lambda doc: doc["ContactID"]})
        self.payments = table("payments", "PaymentID", {"document": lambda doc: doc["DocumentID"]})
        self.allocations = table("allocations", "AllocationID", _ALLOCATION_KEYS)
        self.counters = table("counters", "name")

    @property
    def organisation(self) -> Doc:
        """The organisation's own document."""
        found = self.books.organisation(self.tenant)
        if found is None:
            raise KeyError(self.tenant)
        return found

    @property
    def base_currency(self) -> str:
        """The currency the books are kept in."""
        return str(self.organisation["BaseCurrency"])

    def today(self) -> date:
        """Today where the organisation is."""
        return self.books.clock.now().astimezone(ZoneInfo(self.organisation["zone"])).date()

    def now(self) -> str:
        """The moment, as kept in documents."""
        return stamp(self.books.clock.now())

    def next_number(self, name: str, prefix: str, taken: Callable[[str], bool]) -> str:
        """The next free number of the series, `INV-0001` onwards."""
        kept = self.counters.get(name)
        last = int(kept["last"]) if kept else 0
        while True:
            last += 1
            number = f"{prefix}{last:04d}"
            if not taken(number):
                self.counters.put({"name": name, "last": last})
                return number

    def rate_of(self, currency: str) -> Decimal:
        """How much of `currency` one unit of the base currency is worth today."""
        return (
            Decimal(1)
            if currency == self.base_currency
            else Decimal(self.organisation["exchange"].get(currency, 1))
        )

    def _table(self, name: str, id_key: str, keys: Keys | None = None) -> Table:
        return Table(self.books, f"{self.tenant}.{name}", id_key, keys)


class Books:
    """All organisations, users' tokens and connections of the stand-in."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store, self.clock, self.writes = store, clock, 0
        self.forget()

    def forget(self) -> None:
        """Read everything anew from the store (after a reset or an undone unit)."""
        self._books: dict[str, Book] = {}
        self.organisations = Table(self, "organisations", "OrganisationID")
        self.connections = Table(self, "connections", "id", {"user": lambda doc: (doc["user"], doc["app"])})
        self.consents = Table(self, "consents", "id")
        self.codes = Table(self, "codes", "code")
        self.refresh_tokens = Table(self, "refresh_tokens", "hash", {"set": lambda doc: doc["set"]})
        self.idempotency = Table(self, "idempotency", "key")
        self.settings = Table(self, "settings", "name")

    def organisation(self, tenant: str) -> Doc | None:
        """The organisation's document, or None."""
        return self.organisations.get(tenant)

    def book(self, tenant: str) -> Book:
        """The books of one organisation, which must exist."""
        with self.store.lock:
            if tenant not in self._books:
                self._books[tenant] = Book(self, tenant)
            return self._books[tenant]

    @contextmanager
    def writing(self) -> Iterator[datetime]:
        """One durable commit around a request; when it fails nothing of it stays."""
        with self.store.lock:
            before = self.writes
            try:
                with self.store.unit():
                    yield self.clock.now()
            except BaseException:
                if self.writes != before:
                    self.forget()
                raise


def _document_keys(number_key: str) -> Keys:
    return {
        "number": lambda doc: (doc["Type"], folded(doc.get(number_key))),
        "contact": lambda doc: doc["ContactID"],
    }


_CONTACT_KEYS: Keys = {
    "name": lambda doc: folded(doc["Name"]),
    "number": lambda doc: folded(doc.get("ContactNumber")),
    "account_number": lambda doc: folded(doc.get("AccountNumber")),
}
_ALLOCATION_KEYS: Keys = {"source": lambda doc: doc["SourceID"], "invoice": lambda doc: doc["InvoiceID"]}
