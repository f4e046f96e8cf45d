"""Where HoopAI's categories, taxes and payment methods go in Xero."""

from collections.abc import Iterable
from collections.abc import Mapping as Dict
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, cached_property
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, Select, bindparam, delete, func, select
from sqlalchemy.orm import Session

from portal import bell, clock
from portal.extensions import db
from portal.models import (
    Category,
    Connection,
    HoopTax,
    Invoice,
    LedgerAccount,
    Line,
    Mapping,
    MappingKind,
    MappingSave,
    Product,
    Push,
    PushState,
    TaxRate,
    TrackingOption,
    User,
)
from portal.services import audit, mapping_gaps, mapping_history, outbox, shelf, tracking
from portal.services.mapping_book import (
    ANY_TAX,
    DEFAULT,
    DEFAULT_ACCOUNT,
    NO_TAX,
    NO_TAX_NAME,
    Choices,
    MappingBook,
    Target,
    percent_key,
)
from portal.services.mapping_rules import checked, meant
from portal.services.unit import transaction

__all__ = [
    "ANY_TAX",
    "DEFAULT",
    "DEFAULT_ACCOUNT",
    "NO_TAX",
    "NO_TAX_NAME",
    "Choices",
    "MappingBook",
    "Missing",
    "Saved",
    "Target",
    "at_hand",
    "book",
    "learn",
    "left_by",
    "missing",
    "percent_key",
    "save",
]

PRODUCT = "product:"


class Missing:
    """What still has to be chosen before everything known can be sent; names are for people.

    Whether anything is missing at all is asked in one small query; the names are read when they are wanted.
    """

    def __init__(self, location_id: int, known: MappingBook | None = None) -> None:
        self._location_id = location_id
        self._known = known

    @cached_property
    def complete(self) -> bool:
        """Whether nothing is missing."""
        return mapping_gaps.complete(self._location_id)

    @property
    def categories(self) -> list[str]:
        """Categories without an account."""
        return [name for name, account in self._accounts if account is None]

    @property
    def archived(self) -> list[str]:
        """Categories whose account can no longer be used."""
        return [name for name, account in self._accounts if account is not None and not account.takes_lines]

    @cached_property
    def taxes(self) -> list[str]:
        """Taxes without a fitting rate."""
        named = sorted((name, key) for key, name in self.book.tax_names.items())
        return [name for name, key in named if not self.book.mends(f"tax:{key}")]

    @cached_property
    def category_names(self) -> dict[str, str]:
        """What each category is called, by its key and in the order of their names."""
        mine = Category.location_id == self._location_id
        rows = db.session.execute(select(Category.key, Category.name).where(mine).order_by(Category.name))
        return {key: name for key, name in rows}

    @property
    def payment_account(self) -> bool:
        """Whether the account for payments is missing."""
        return not self.book.mends(f"payment:{DEFAULT}")

    @property
    def sentence(self) -> str:
        """What is to be chosen: `accounts for 2 categories, tax rates for 1 tax and an account for payments`."""
        accounts, taxes = len(self.categories) + len(self.archived), len(self.taxes)
        parts = (
            [f"accounts for {accounts} {'category' if accounts == 1 else 'categories'}"] if accounts else []
        )
        parts += [] if self._accounts or self.book.default_account else ["an account for revenue"]
        parts += [f"tax rates for {taxes} {'tax' if taxes == 1 else 'taxes'}"] if taxes else []
        parts += ["an account for payments"] if self.payment_account else []
        return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)

    @cached_property
    def book(self) -> MappingBook:
        """The choices that there are."""
        return self._known or book(self._location_id)

    @cached_property
    def _accounts(self) -> list[tuple[str, LedgerAccount | None]]:
        return [(name, self.book.account_for(key)) for key, name in self.category_names.items()]


@dataclass(frozen=True, slots=True)
class Saved:
    """What a save did: how many choices changed, how many waiting documents it set free, its place in the history.

    `meanwhile` tells what somebody else has changed since the page was read, a sentence each.
    """

    changed: int
    freed: int
    save_id: int | None = None
    meanwhile: tuple[str, ...] = ()


def book(location_id: int) -> MappingBook:
    """All choices of the location. Empty where it is not connected."""
    return _book(db.session(), location_id)


def left_by(before: MappingBook, changes: Choices) -> set[str]:
    """The causes that concern accounts and options which these changes leave."""
    values = {before.chosen[target] for target in changes if before.chosen.get(target)}
    return {f"{word}:{value}" for value in values for word in ("account", "tracking")}


def learn(
    session: Session, location_id: int, categories: Dict[str, str], taxes: Dict[str, tuple[str, Decimal]]
) -> None:
    """Remember categories (key → name) and taxes (key → name, percentage) that HoopAI uses; the last word wins, also
    that of an invoice which says only what it has said before.

    Runs inside the caller's transaction.
    """
    known = _by_key(session, Category, location_id, list(categories))
    for key, name in categories.items():
        category = known.get(key)
        if category is None:
            known[key] = Category(location_id=location_id, key=key[:300], name=(name or key)[:300])
            session.add(known[key])
        elif name and category.name != name[:300]:
            category.name = name[:300]
            shelf.forget_all(session, location_id, Invoice)
    shelf.keep(session, location_id, Category, known)
    _learn_taxes(session, location_id, taxes)
    shelf.settle(session, location_id)


def at_hand(session: Session, location_id: int, categories: Iterable[str]) -> None:
    """Ask once for these categories, which `learn` is about to be told of one by one."""
    _by_key(session, Category, location_id, sorted(categories))


def missing(location_id: int, known: MappingBook | None = None) -> Missing:
    """What has to be chosen before everything known can be sent; `known` is the book where it was read already."""
    return Missing(location_id, known)


def of_tracking(location_id: int, tracking_id: str) -> Choices:
    """The choices that take back everything chosen of one tracking category."""
    chosen = book(location_id).chosen
    return {
        (kind, key): ""
        for kind, key in chosen
        if kind == MappingKind.TRACKING and tracking.of_key(key)[0] == tracking_id
    }


def save(
    location_id: int, user: User, choices: Choices, seen: Choices | None = None, *, how: str = "page"
) -> Saved:
    """Make these choices; an empty text takes a choice back. Accounts are named by AccountID or code.

    All or nothing: raises ChooseAgain whose `fields` name each refused target as `kind:key`. `seen` are the
    choices that the person saw: one that somebody else changed since is refused likewise. What the choices mend
    is queued again and a worker is rung.
    """
    with transaction() as session:
        before = _book(session, location_id)
        wanted = checked(before, choices)
        meanwhile = mapping_history.meanwhile(session, location_id, before, wanted, meant(before, seen or {}))
        changes = {target: to for target, to in wanted.items() if before.chosen.get(target, "") != to}
        if not changes:
            return Saved(0, 0, None, meanwhile)
        for target, to in changes.items():
            _choose(session, location_id, user, target, to)
        freed = _free(session, location_id, before, changes)
        tenant_id = _tenant(session, location_id)
        save_id = mapping_history.note(session, location_id, tenant_id, user, before, changes, freed, how)
        audit.note(session, user, location_id, "mappings.save", _told(session, save_id))
        connection_id = session.scalar(select(Connection.id).where(Connection.location_id == location_id))
    if freed and connection_id:
        bell.ring("jobs.pushes.drain", connection_id)
    return Saved(len(changes), len(freed), save_id, meanwhile)


def _book(session: Session, location_id: int) -> MappingBook:
    here, asked = {"location_id": location_id}, _asked()
    accounts, rates = session.scalars(asked.accounts, here), session.scalars(asked.rates, here)
    rows = session.execute(asked.chosen, here)
    taxes, options = session.execute(asked.taxes, here).all(), session.scalars(asked.options, here).all()
    return MappingBook(
        {account.account_id: account for account in accounts},
        {rate.tax_type: rate for rate in rates},
        {(kind, key): value for kind, key, value in rows},
        {tax.key: tax.rate for tax in taxes if tax.key != NO_TAX},
        {option.option_id: option for option in options},
        {tax.key: tax.name for tax in taxes},
        tracking.all_of(options),
    )


class _Asked(NamedTuple):
    """The questions that a location's book is made of."""

    accounts: Select[LedgerAccount]
    rates: Select[TaxRate]
    chosen: Select[*tuple[MappingKind, str, str]]
    taxes: Select[*tuple[str, str, Decimal]]
    options: Select[TrackingOption]


@cache
def _asked() -> _Asked:
    location_id: BindParameter[int] = bindparam("location_id")
    here = Connection.location_id == location_id
    mine = select(Connection.id).where(here).scalar_subquery()
    tenant = select(Connection.tenant_id).where(here).scalar_subquery()
    target = func.coalesce(Mapping.account_id, Mapping.tax_type, Mapping.option_id, "")
    return _Asked(
        select(LedgerAccount).where(LedgerAccount.connection_id == mine),
        select(TaxRate).where(TaxRate.connection_id == mine),
        select(Mapping.kind, Mapping.key, target).where(
            Mapping.location_id == location_id, Mapping.tenant_id == tenant
        ),
        select(HoopTax.key, HoopTax.name, HoopTax.rate).where(HoopTax.location_id == location_id),
        select(TrackingOption).where(TrackingOption.connection_id == mine),
    )


def _tenant(session: Session, location_id: int) -> str:
    """The organisation whose choices count: the one the location is linked to."""
    found = session.scalar(select(Connection.tenant_id).where(Connection.location_id == location_id))
    return found or ""


def _choose(session: Session, location_id: int, user: User, target: Target, to: str) -> None:
    kind, key = target
    mine = {"location_id": location_id, "tenant_id": _tenant(session, location_id), "kind": kind, "key": key}
    row = session.scalar(select(Mapping).filter_by(**mine))
    if not to:
        session.execute(delete(Mapping).where(Mapping.id == row.id) if row else select(1))
        return
    if row is None:
        row = Mapping(**mine)
        session.add(row)
    row.account_id = to if kind not in (MappingKind.TAX, MappingKind.TRACKING) else None
    row.tax_type = to if kind == MappingKind.TAX else None
    row.option_id = to if kind == MappingKind.TRACKING else None
    row.changed_at, row.changed_by_id = clock.now(), user.id
    session.flush()


def _free(session: Session, location_id: int, before: MappingBook, changes: dict[Target, str]) -> list[int]:
    """Queue exactly what the changes mend; the ids of these pushes."""
    left = left_by(before, changes)
    after = _book(session, location_id)
    blocked = session.scalars(
        select(Push.cause)
        .where(Push.location_id == location_id, Push.state == PushState.BLOCKED, Push.cause.is_not(None))
        .distinct()
    ).all()
    mended = [cause for cause in blocked if cause and (cause in left or after.mends(cause))]
    freed = outbox.free_these(session, location_id, mended)
    for product_id in _products(changes):
        freed += _free_of_product(session, location_id, after, product_id)
    return freed


def _products(changes: dict[Target, str]) -> list[str]:
    return [
        key.removeprefix(PRODUCT)
        for (kind, key), to in changes.items()
        if kind == MappingKind.CATEGORY and to and key.startswith(PRODUCT)
    ]


def _free_of_product(session: Session, location_id: int, after: MappingBook, product_id: str) -> list[int]:
    """A product that got an account of its own sets free what its collection held up, where a line is of it."""
    account = after.account_for(PRODUCT + product_id)
    product = session.scalar(
        select(Product).where(Product.location_id == location_id, Product.hoop_id == product_id)
    )
    if product is None or account is None or not account.takes_lines:
        return []
    causes = [f"category:collection:{each}" for each in product.collections]
    of_it = select(Line.invoice_id).where(Line.product_id == product_id)
    return outbox.free_these(session, location_id, causes, of_it)


def _told(session: Session, save_id: int) -> str:
    """Each change in words: what went where, and where it goes now."""
    changes = session.get_one(MappingSave, save_id).changes
    shown = [f"{each.name}: {each.from_label or 'none'} → {each.to_label or 'none'}" for each in changes]
    return "; ".join(shown)[:500]


def _by_key(session: Session, kind: type[Any], location_id: int, keys: list[str]) -> dict[str, Any]:
    def read(missing: list[str]) -> dict[str, Any]:
        rows = session.scalars(select(kind).where(kind.location_id == location_id, kind.key.in_(missing)))
        return {row.key: row for row in rows}

    return shelf.some(session, location_id, kind, keys, read)


def _learn_taxes(session: Session, location_id: int, taxes: Dict[str, tuple[str, Decimal]]) -> None:
    known = _by_key(session, HoopTax, location_id, list(taxes))
    for key, (name, rate) in taxes.items():
        tax = known.get(key)
        if tax is None:
            known[key] = HoopTax(location_id=location_id, key=key[:300], name=(name or key)[:200], rate=rate)
            session.add(known[key])
        elif (tax.rate, tax.name) != (rate, (name or tax.name)[:200]):
            tax.rate, tax.name = rate, (name or tax.name)[:200]
            shelf.forget_all(session, location_id, Invoice)
    shelf.keep(session, location_id, HoopTax, known)
