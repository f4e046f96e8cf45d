"""The Account Mapping page: every category, tax and payment method with its choice, use and what waits for it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import BigInteger, Numeric, func, select, type_coerce

from portal import clock
from portal.extensions import db
from portal.models import (
    Category,
    HoopTax,
    Invoice,
    LedgerAccount,
    Line,
    MappingKind,
    Payment,
    Push,
    PushState,
    TaxRate,
)
from portal.services import mappings, paging, suggesting
from portal.services.mapping_book import Choices, Target
from portal.services.mapping_history import method_name
from portal.services.mappings import DEFAULT, NO_TAX, NO_TAX_NAME, MappingBook, percent_key
from portal.services.paging import Page

MOST_OPTIONS = 2_500
FEW = 100
USED_WITHIN = timedelta(days=90)
IN_USE, BY_USE = "in use", "use"
FILTERS = ("all", "unmapped", "stale", "waiting", IN_USE)
SORTS = ("", "name", "use", "account")


@dataclass(slots=True)
class CategoryRow:
    """One category: its own choice, the account it goes to now, what it carried in 90 days, what waits for it."""

    key: str
    name: str
    own: str
    account: LedgerAccount | None
    waiting: int = 0
    invoices: int = 0
    money: dict[str, Decimal] | None = None
    suggestion: LedgerAccount | None = None
    why: str = ""
    products: int = 0

    @property
    def stale(self) -> bool:
        """Whether the chosen account can no longer be used."""
        return (self.account is not None and not self.account.takes_revenue) or (
            bool(self.own) and self.account is None
        )

    @property
    def unmapped(self) -> bool:
        """Whether no account is chosen, own or default."""
        return self.account is None and not self.own


@dataclass(frozen=True, slots=True)
class TaxRow:
    """One HoopAI tax, its rate in Xero (`own`, or that of any tax of its percentage), and the rates that fit."""

    key: str
    name: str
    rate: Decimal
    own: str
    chosen: TaxRate | None
    choices: list[TaxRate]
    waiting: int

    @property
    def stale(self) -> bool:
        """Whether the chosen rate can no longer be used or has another percentage now."""
        return self.chosen is not None and (not self.chosen.usable or self.chosen.rate != self.rate)


@dataclass(frozen=True, slots=True)
class MethodRow:
    """One payment method and the account chosen for it."""

    key: str
    name: str
    own: str
    account: LedgerAccount | None
    waiting: int

    @property
    def stale(self) -> bool:
        """Whether the chosen account can no longer be used."""
        return bool(self.own) and (self.account is None or not self.account.takes_payments)


@dataclass(frozen=True, slots=True)
class Table:
    """All of the page. `inline` tells whether each row may carry its own list of accounts."""

    default: LedgerAccount | None
    categories: Page[CategoryRow]
    counts: dict[str, int]
    taxes: list[TaxRow]
    methods: list[MethodRow]
    revenue_accounts: list[LedgerAccount]
    payment_accounts: list[LedgerAccount]
    rounding: LedgerAccount | None
    rounding_accounts: list[LedgerAccount]
    inline: bool
    suggested: bool
    book: MappingBook


def table(location_id: int, only: str = "all", search: str = "", page: int = 1, sort: str = "") -> Table:
    """One page of categories, filtered, searched and sorted, beside all taxes and payment methods."""
    book = mappings.book(location_id)
    waiting = _waiting(location_id)
    rows = _categories(location_id, book, waiting)
    by_use = only == IN_USE or sort == BY_USE
    if by_use:
        _add_use(location_id, rows)
    revenue = revenue_accounts(book)
    fitting = [row for row in rows if _fits(row, only, search)]
    shown = paging.cut(_in_order(fitting, sort), page)
    suggesting.add(location_id, shown.items, revenue)
    if not by_use:
        _add_use(location_id, shown.items)
    return Table(
        default=book.default_account,
        categories=shown,
        counts={
            name: sum(_fits(row, name, "") for row in rows) for name in FILTERS if name != IN_USE or by_use
        },
        taxes=_taxes(location_id, book, waiting),
        methods=_methods(location_id, book, waiting),
        revenue_accounts=revenue,
        payment_accounts=payment_accounts(book),
        rounding=book.rounding_account,
        rounding_accounts=rounding_accounts(book),
        inline=len(shown.items) * len(revenue) <= MOST_OPTIONS,
        suggested=any(row.suggestion for row in shown.items),
        book=book,
    )


def category(
    location_id: int, key: str
) -> tuple[CategoryRow | None, list[LedgerAccount], LedgerAccount | None]:
    """One category, the accounts it may go to, and the default account."""
    book = mappings.book(location_id)
    row = next(
        (each for each in _categories(location_id, book, _waiting(location_id)) if each.key == key), None
    )
    revenue = revenue_accounts(book)
    if row is not None:
        _add_use(location_id, [row])
        suggesting.add(location_id, [row], revenue)
    return row, revenue, book.default_account


def revenue_accounts(book: MappingBook) -> list[LedgerAccount]:
    """The accounts that invoice lines may go to, by code."""
    return _sorted(account for account in book.accounts.values() if account.takes_revenue)


def payment_accounts(book: MappingBook) -> list[LedgerAccount]:
    """The accounts that money received may go to, by code."""
    return _sorted(account for account in book.accounts.values() if account.takes_payments)


def rounding_accounts(book: MappingBook) -> list[LedgerAccount]:
    """The accounts meant for rounding: Xero's own one and those named so; where there are none all that would do."""
    fit = [each for each in book.accounts.values() if book.takes_rounding(each)]
    meant = [each for each in fit if "round" in each.name.casefold() or each is book.rounding_account]
    return _sorted(meant or fit)


def suggestions(location_id: int) -> Choices:
    """Every suggestion of the page: for categories without a usable account, and taxes that one rate alone fits."""
    book = mappings.book(location_id)
    rows = _categories(location_id, book, {})
    suggesting.add(location_id, rows, revenue_accounts(book))
    found: dict[Target, str] = {
        (MappingKind.CATEGORY, row.key): row.suggestion.account_id for row in rows if row.suggestion
    }
    for tax in _taxes(location_id, book, {}):
        if not tax.chosen and len(tax.choices) == 1:
            found[MappingKind.TAX, tax.key] = tax.choices[0].tax_type
    return found


def _categories(location_id: int, book: MappingBook, waiting: dict[str, int]) -> list[CategoryRow]:
    found = db.session.execute(select(Category.key, Category.name).where(Category.location_id == location_id))
    rows = [
        CategoryRow(
            key,
            name,
            book.chosen.get((MappingKind.CATEGORY, key), ""),
            book.account_for(key),
            waiting.get(f"category:{key}", 0),
        )
        for key, name in found
    ]
    for row in rows:
        if row.account is not None and row.stale:
            row.waiting += waiting.get(f"account:{row.account.account_id}", 0)
    return sorted(rows, key=lambda row: (not row.waiting, not row.unmapped, row.name.casefold(), row.key))


def _fits(row: CategoryRow, only: str, search: str) -> bool:
    if (
        search
        and search.casefold() not in f"{row.name} {row.account.label if row.account else ''}".casefold()
    ):
        return False
    if only == "unmapped":
        return row.unmapped
    if only == "stale":
        return row.stale
    if only == "in use":
        return row.invoices > 0
    return row.waiting > 0 if only == "waiting" else True


def _in_order(rows: list[CategoryRow], sort: str) -> list[CategoryRow]:
    if sort == "name":
        return sorted(rows, key=lambda row: (row.name.casefold(), row.key))
    if sort == "use":
        return sorted(rows, key=lambda row: (-row.invoices, row.name.casefold(), row.key))
    if sort == "account":
        return sorted(rows, key=lambda row: (row.account.label if row.account else "", row.name.casefold()))
    return rows


def _waiting(location_id: int) -> dict[str, int]:
    rows = db.session.execute(
        select(Push.cause, func.count())
        .where(Push.location_id == location_id, Push.state == PushState.BLOCKED, Push.cause.is_not(None))
        .group_by(Push.cause)
    )
    return {str(cause): count for cause, count in rows}


def _add_use(location_id: int, rows: Sequence[CategoryRow]) -> None:
    """How many invoices and how much money each carried lately, in one query: of some keys, or of all."""
    shown = {row.key: row for row in rows}
    exact = db.engine.dialect.name == "sqlite"
    kind = BigInteger() if exact else Numeric()
    sums = func.sum(type_coerce(Line.quantity, kind) * type_coerce(Line.unit_amount, kind))
    found = db.session.execute(
        select(
            Line.category_key, Invoice.currency, func.count(Invoice.id.distinct()), type_coerce(sums, kind)
        )
        .join(Invoice, Invoice.id == Line.invoice_id)
        .where(
            *([Line.category_key.in_(list(shown))] if len(rows) <= FEW else []),
            Invoice.location_id == location_id,
            Invoice.created_at >= clock.now() - USED_WITHIN,
        )
        .group_by(Line.category_key, Invoice.currency)
        .order_by(Invoice.currency)
    )
    for key, currency, count, total in found:
        row = shown.get(key)
        if row is None:
            continue
        row.invoices += count
        money = Decimal(str(total or 0)) / (100_000_000 if exact else 1)
        row.money = {**(row.money or {}), currency: money}


def _taxes(location_id: int, book: MappingBook, waiting: dict[str, int]) -> list[TaxRow]:
    known = db.session.scalars(
        select(HoopTax).where(HoopTax.location_id == location_id).order_by(HoopTax.rate.desc(), HoopTax.name)
    )
    taxes = [(tax.key, tax.name, tax.rate) for tax in known if tax.key != NO_TAX]
    usable = sorted(
        (rate for rate in book.rates.values() if rate.usable), key=lambda rate: rate.name.casefold()
    )
    return [
        TaxRow(
            key,
            name,
            rate,
            book.chosen.get((MappingKind.TAX, key), ""),
            book.tax_for(key),
            [each for each in usable if each.rate == rate],
            waiting.get(f"tax:{key}", 0),
        )
        for key, name, rate in [*_any_taxes(usable), *taxes, (NO_TAX, NO_TAX_NAME, Decimal(0))]
    ]


def _any_taxes(usable: list[TaxRate]) -> list[tuple[str, str, Decimal]]:
    percents = sorted({rate.rate for rate in usable if rate.rate}, reverse=True)
    return [(percent_key(percent), "Any tax of", percent) for percent in percents]


def _methods(location_id: int, book: MappingBook, waiting: dict[str, int]) -> list[MethodRow]:
    seen = set(
        db.session.scalars(select(Payment.method).where(Payment.location_id == location_id).distinct())
    )
    seen |= {key for kind, key in book.chosen if kind == MappingKind.PAYMENT}
    keys = [DEFAULT, *sorted(seen - {DEFAULT})]
    return [_method(key, book, waiting) for key in keys]


def _method(key: str, book: MappingBook, waiting: dict[str, int]) -> MethodRow:
    own = book.chosen.get((MappingKind.PAYMENT, key), "")
    return MethodRow(key, method_name(key), own, book.accounts.get(own), waiting.get(f"payment:{key}", 0))


def _sorted(accounts: Iterable[LedgerAccount]) -> list[LedgerAccount]:
    return sorted(accounts, key=lambda account: (account.code is None, account.code or "", account.name))


@dataclass(frozen=True, slots=True)
class Named:
    """Something that can be mapped, by its name."""

    kind: MappingKind
    key: str
    name: str


def all_rows(location_id: int) -> list[Named]:
    """Every category, tax and payment method of the page."""
    book = mappings.book(location_id)
    return [
        *(Named(MappingKind.CATEGORY, row.key, row.name) for row in _categories(location_id, book, {})),
        *(
            Named(MappingKind.TAX, row.key, row.name if row.key == NO_TAX else f"{row.name} {row.rate:f} %")
            for row in _taxes(location_id, book, {})
        ),
        *(Named(MappingKind.PAYMENT, row.key, row.name) for row in _methods(location_id, book, {})),
    ]
