"""The Account Mapping page: every category, tax and payment method with its choice, use and what waits for it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select

from portal.extensions import db
from portal.models import Category, Connection, LedgerAccount, MappingKind, TaxRate
from portal.services import mapping_use, mappings, paging, suggesting, tracking
from portal.services.mapping_book import Choices, Target
from portal.services.mapping_history import method_name
from portal.services.mappings import DEFAULT, NO_TAX, NO_TAX_NAME, MappingBook, percent_key
from portal.services.paging import Page
from portal.services.tracking import Tracking

FEW_OPTIONS = 400
SIZE = 40
ALL, UNMAPPED, STALE, WAITING, IN_USE = "all", "unmapped", "stale", "waiting", "in use"
BY_USE = "use"


@dataclass(slots=True)
class CategoryRow:
    """One category: its own choice, the account it goes to now, what it carried in 90 days, what waits for it.

    `unmapped`: no account is chosen, own or default; `stale`: the chosen one can no longer be used.
    """

    key: str
    name: str
    own: str
    account: LedgerAccount | None
    unmapped: bool
    stale: bool
    waiting: int = 0
    invoices: int = 0
    money: dict[str, Decimal] = field(default_factory=dict)
    suggestion: LedgerAccount | None = None
    why: str = ""


FITS: dict[str, Callable[[CategoryRow], object]] = {
    ALL: lambda row: True,
    UNMAPPED: lambda row: row.unmapped,
    STALE: lambda row: row.stale,
    WAITING: lambda row: row.waiting,
    IN_USE: lambda row: row.invoices,
}


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
class Asked:
    """What the page is asked for: a filter, a search, an order, a page; `wide` offers every eligible account."""

    only: str = ALL
    search: str = ""
    sort: str = ""
    page: int = 1
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """All of the page.

    `revenue_accounts` are offered for lines, `more_accounts` tells whether there are eligible ones beside them;
    `few` whether each row may carry its own lists, else one list serves all rows.
    """

    default: LedgerAccount | None
    categories: Page[CategoryRow]
    counts: Mapping[str, int]
    taxes: list[TaxRow]
    methods: list[MethodRow]
    revenue_accounts: list[LedgerAccount]
    more_accounts: bool
    payment_accounts: list[LedgerAccount]
    rounding: LedgerAccount | None
    rounding_accounts: list[LedgerAccount]
    trackings: list[Tracking]
    few: bool
    suggested: bool
    book: MappingBook
    looked_at: datetime | None


def table(location_id: int, asked: Asked | None = None, facts: Mapping[str, object] | None = None) -> Table:
    """One page of categories, filtered, searched and sorted, beside all taxes and payment methods.

    `facts` are those of the organisation, where they are at hand.
    """
    asked = asked or Asked()
    facts = _facts(location_id) if facts is None else facts
    book, waiting = mappings.book(location_id), mapping_use.waiting(location_id)
    rows = _categories(location_id, book, waiting)
    by_use = asked.only == IN_USE or asked.sort == BY_USE
    if by_use:
        _add_use(location_id, rows)
    chosen = {name: [row for row in rows if fits(row)] for name, fits in FITS.items()}
    fitting = chosen.get(asked.only, rows)
    if asked.search:
        fitting = [row for row in fitting if _found(row, asked.search)]
    shown = paging.cut(_in_order(fitting, asked.sort), asked.page, SIZE)
    revenue = revenue_accounts(book)
    offered = revenue_accounts(book, wide=True) if asked.wide else revenue
    suggesting.add(facts, shown.items, revenue)
    if not by_use:
        _add_use(location_id, shown.items)
    trackings = _trackings(book)
    options = len(offered) + sum(len(each.options) for each in trackings)
    return Table(
        default=book.default_account,
        categories=shown,
        counts={name: len(found) for name, found in chosen.items() if name != IN_USE or by_use},
        taxes=_taxes(book, waiting),
        methods=_methods(location_id, book, waiting),
        revenue_accounts=offered,
        more_accounts=any(each.takes_lines and not each.takes_revenue for each in book.accounts.values()),
        payment_accounts=payment_accounts(book),
        rounding=book.rounding_account,
        rounding_accounts=rounding_accounts(book),
        trackings=trackings,
        few=(len(shown.items) + 2) * options <= FEW_OPTIONS,
        suggested=any(row.suggestion for row in shown.items),
        book=book,
        looked_at=suggesting.looked_at(facts),
    )


def category(
    location_id: int, key: str
) -> tuple[CategoryRow | None, list[LedgerAccount], LedgerAccount | None]:
    """One category, the accounts it may go to, and the default account."""
    book = mappings.book(location_id)
    revenue = revenue_accounts(book)
    found = _categories(location_id, book, mapping_use.waiting(location_id), key)
    if found:
        _add_use(location_id, found)
        suggesting.add(_facts(location_id), found, revenue)
    return (found[0] if found else None), revenue, book.default_account


def revenue_accounts(book: MappingBook, *, wide: bool = False) -> list[LedgerAccount]:
    """The accounts that invoice lines may go to, by code: those of revenue, or all that Xero takes (`wide`)."""
    return _sorted(
        each for each in book.accounts.values() if (each.takes_lines if wide else each.takes_revenue)
    )


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
    suggesting.add(_facts(location_id), rows, revenue_accounts(book))
    found: dict[Target, str] = {
        (MappingKind.CATEGORY, row.key): row.suggestion.account_id for row in rows if row.suggestion
    }
    for tax in _taxes(book, {}):
        if not tax.chosen and len(tax.choices) == 1:
            found[MappingKind.TAX, tax.key] = tax.choices[0].tax_type
    return found


def _facts(location_id: int) -> Mapping[str, object]:
    found = db.session.scalar(select(Connection.organisation).where(Connection.location_id == location_id))
    return found or {}


def _trackings(book: MappingBook) -> list[Tracking]:
    """The active tracking categories, and archived ones that choices still name."""
    named = {tracking.of_key(key)[0] for kind, key in book.chosen if kind == MappingKind.TRACKING}
    return [each for each in book.trackings if (each.active and each.options) or each.tracking_id in named]


def _categories(
    location_id: int, book: MappingBook, waiting: dict[str, int], only: str | None = None
) -> list[CategoryRow]:
    wanted = select(Category.key, Category.name).where(Category.location_id == location_id)
    found = db.session.execute(wanted.where(Category.key == only) if only is not None else wanted)
    usable = {account.account_id for account in book.accounts.values() if account.takes_lines}
    default = book.default_account
    rows = [_category(key, name, book, default, usable, waiting) for key, name in found]
    return sorted(rows, key=lambda row: (not row.waiting, not row.unmapped, row.name.casefold(), row.key))


def _category(
    key: str,
    name: str,
    book: MappingBook,
    default: LedgerAccount | None,
    usable: set[str],
    waiting: dict[str, int],
) -> CategoryRow:
    own = book.chosen.get((MappingKind.CATEGORY, key), "")
    account = book.accounts.get(own) if own else default
    stale = account.account_id not in usable if account else bool(own)
    waits = waiting.get(f"category:{key}", 0)
    if stale and account:
        waits += waiting.get(f"account:{account.account_id}", 0)
    return CategoryRow(key, name, own, account, not (account or own), stale, waits)


def _found(row: CategoryRow, search: str) -> bool:
    text = f"{row.name} {row.account.label if row.account else ''}"
    return search.casefold() in text.casefold()


def _in_order(rows: list[CategoryRow], sort: str) -> list[CategoryRow]:
    if sort == "name":
        return sorted(rows, key=lambda row: (row.name.casefold(), row.key))
    if sort == BY_USE:
        return sorted(rows, key=lambda row: (-row.invoices, row.name.casefold(), row.key))
    if sort == "account":
        return sorted(rows, key=lambda row: (row.account.label if row.account else "", row.name.casefold()))
    return rows


def _add_use(location_id: int, rows: Sequence[CategoryRow]) -> None:
    used = mapping_use.of(location_id, [row.key for row in rows])
    for row in rows:
        if use := used.get(row.key):
            row.invoices, row.money = use.invoices, use.money


def _taxes(book: MappingBook, waiting: dict[str, int]) -> list[TaxRow]:
    known = [(key, book.tax_names[key], rate) for key, rate in book.percents.items()]
    taxes = sorted(known, key=lambda each: (-each[2], each[1]))
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
    seen = mapping_use.methods(location_id) | {
        key for kind, key in book.chosen if kind == MappingKind.PAYMENT
    }
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
            for row in _taxes(book, {})
        ),
        *(Named(MappingKind.PAYMENT, row.key, row.name) for row in _methods(location_id, book, {})),
    ]
