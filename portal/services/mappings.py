"""Where HoopAI's categories, taxes and payment methods go in Xero."""

from collections.abc import Mapping as Dict
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from sqlalchemy import Select, delete, select
from sqlalchemy.orm import Session

from portal import bell, clock
from portal.errors import ChooseAgain
from portal.extensions import db
from portal.models import (
    Category,
    Connection,
    HoopTax,
    LedgerAccount,
    Mapping,
    MappingKind,
    Push,
    PushState,
    TaxRate,
    User,
)
from portal.services import audit, outbox
from portal.services.unit import transaction

NO_TAX = "none"
NO_TAX_NAME = "No tax"
ANY_TAX = "rate:"
DEFAULT = "default"
DEFAULT_ACCOUNT = "account"

Target = tuple[MappingKind, str]
Choices = Dict[Target, str]


@dataclass(frozen=True, slots=True)
class MappingBook:
    """Every choice of one location beside the organisation's accounts and tax rates.

    `accounts` is by AccountID, `rates` by tax type, `chosen` gives the AccountID or tax type of each target,
    `percents` the percentage of each HoopAI tax.
    """

    accounts: dict[str, LedgerAccount]
    rates: dict[str, TaxRate]
    chosen: dict[Target, str]
    percents: dict[str, Decimal] = field(default_factory=dict)

    def account_for(self, category_key: str) -> LedgerAccount | None:
        """The category's own account, else the default one. It may be archived: see `.takes_revenue`.

        An own choice that the organisation does not have gives None, never the default account.
        """
        own = self.chosen.get((MappingKind.CATEGORY, category_key))
        return self.accounts.get(own) if own else self.default_account

    @property
    def default_account(self) -> LedgerAccount | None:
        """The account of categories without an own one."""
        return self.accounts.get(self.chosen.get((MappingKind.DEFAULT, DEFAULT_ACCOUNT), ""))

    def tax_for(self, tax_key: str) -> TaxRate | None:
        """The tax rate chosen for a HoopAI tax (`none` for lines without tax), usable or not.

        A tax without a choice of its own goes where any tax of its percentage goes.
        """
        own = self.chosen.get((MappingKind.TAX, tax_key))
        if own is None and tax_key in self.percents:
            own = self.chosen.get((MappingKind.TAX, percent_key(self.percents[tax_key])))
        return self.rates.get(own or "")

    def payment_account_for(self, method: str) -> LedgerAccount | None:
        """Where money of this method is received: its own account, else the one for all methods."""
        own = self.chosen.get((MappingKind.PAYMENT, method)) or self.chosen.get(
            (MappingKind.PAYMENT, DEFAULT)
        )
        return self.accounts.get(own) if own else None

    def mends(self, cause: str) -> bool:
        """Whether what `cause` names (category:…, tax:…, payment:…, account:…) is in order now."""
        kind, _, key = cause.partition(":")
        if kind == "category":
            account = self.account_for(key)
            return account is not None and account.takes_revenue
        if kind == "tax":
            rate = self.tax_for(key)
            return rate is not None and rate.usable and rate.rate == self.percents.get(key, rate.rate)
        if kind == "payment":
            account = self.payment_account_for(key)
            return account is not None and account.takes_payments
        return kind == "account" and self._account_in_order(key)

    def _account_in_order(self, account_id: str) -> bool:
        account = self.accounts.get(account_id)
        in_use = {kind for (kind, _), value in self.chosen.items() if value == account_id}
        if account is None or not account.active:
            return not in_use
        fits_payments = MappingKind.PAYMENT not in in_use or account.takes_payments
        return fits_payments and (not in_use - {MappingKind.PAYMENT} or account.takes_revenue)


@dataclass(frozen=True, slots=True)
class Missing:
    """What still has to be chosen; names are for people."""

    categories: list[str] = field(default_factory=list)
    archived: list[str] = field(default_factory=list)
    taxes: list[str] = field(default_factory=list)
    payment_account: bool = False

    @property
    def complete(self) -> bool:
        """Whether nothing is missing."""
        return not (self.categories or self.archived or self.taxes or self.payment_account)

    @property
    def sentence(self) -> str:
        """What is to be chosen: `accounts for 2 categories, tax rates for 1 tax and an account for payments`."""
        accounts, taxes = len(self.categories) + len(self.archived), len(self.taxes)
        parts = (
            [f"accounts for {accounts} {'category' if accounts == 1 else 'categories'}"] if accounts else []
        )
        parts += [f"tax rates for {taxes} {'tax' if taxes == 1 else 'taxes'}"] if taxes else []
        parts += ["an account for payments"] if self.payment_account else []
        return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


@dataclass(frozen=True, slots=True)
class Saved:
    """What a save did: how many choices changed, how many waiting documents it set free."""

    changed: int
    freed: int


def percent_key(percent: Decimal) -> str:
    """The key under which any tax of this percentage is mapped; it can be chosen before HoopAI has used one."""
    return f"{ANY_TAX}{percent.normalize():f}"


def book(location_id: int) -> MappingBook:
    """All choices of the location. Empty where it is not connected."""
    return _book(db.session(), location_id)


def learn(
    session: Session, location_id: int, categories: Dict[str, str], taxes: Dict[str, tuple[str, Decimal]]
) -> None:
    """Remember categories (key → name) and taxes (key → name, percentage) that HoopAI uses; newest name wins.

    Runs inside the caller's transaction.
    """
    known = _by_key(session, Category, location_id, list(categories))
    for key, name in categories.items():
        category = known.get(key)
        if category is None:
            session.add(Category(location_id=location_id, key=key[:300], name=(name or key)[:300]))
        elif name and category.name != name[:300]:
            category.name = name[:300]
    _learn_taxes(session, location_id, taxes)
    session.flush()


def missing(location_id: int) -> Missing:
    """What has to be chosen before everything known can be sent."""
    session = db.session()
    chosen = _book(session, location_id)
    categories = session.execute(
        select(Category.key, Category.name).where(Category.location_id == location_id).order_by(Category.name)
    ).all()
    accounts = [(name, chosen.account_for(key)) for key, name in categories]
    taxes = session.execute(
        select(HoopTax.key, HoopTax.name).where(HoopTax.location_id == location_id).order_by(HoopTax.name)
    ).all()
    return Missing(
        categories=[name for name, account in accounts if account is None],
        archived=[name for name, account in accounts if account is not None and not account.takes_revenue],
        taxes=[name for key, name in taxes if not chosen.mends(f"tax:{key}")],
        payment_account=not chosen.mends(f"payment:{DEFAULT}"),
    )


def save(location_id: int, user: User, choices: Choices) -> Saved:
    """Make these choices; an empty text takes a choice back. Accounts are named by AccountID or code.

    All or nothing: raises ChooseAgain whose `fields` name each refused target as `kind:key`. What the choices
    mend is queued again and a worker is rung.
    """
    with transaction() as session:
        before = _book(session, location_id)
        wanted = _checked(session, location_id, before, choices)
        changes = {target: to for target, to in wanted.items() if before.chosen.get(target, "") != to}
        for target, to in changes.items():
            _choose(session, location_id, user, target, to)
        freed = _free(session, location_id, before, changes)
        if changes:
            audit.note(session, user, location_id, "mappings.save", _told(changes))
        connection_id = session.scalar(select(Connection.id).where(Connection.location_id == location_id))
    if freed and connection_id:
        bell.ring("jobs.pushes.drain", connection_id)
    return Saved(len(changes), freed)


def _book(session: Session, location_id: int) -> MappingBook:
    mine = select(Connection.id).where(Connection.location_id == location_id).scalar_subquery()
    accounts = session.scalars(select(LedgerAccount).where(LedgerAccount.connection_id == mine))
    rates = session.scalars(select(TaxRate).where(TaxRate.connection_id == mine))
    rows = session.scalars(
        select(Mapping).where(
            Mapping.location_id == location_id, Mapping.tenant_id == _tenant(session, location_id)
        )
    )
    return MappingBook(
        {account.account_id: account for account in accounts},
        {rate.tax_type: rate for rate in rates},
        {(MappingKind(row.kind), row.key): row.account_id or row.tax_type or "" for row in rows},
        {tax.key: tax.rate for tax in session.scalars(_taxes_of(location_id)) if tax.key != NO_TAX},
    )


def _tenant(session: Session, location_id: int) -> str:
    """The organisation whose choices count: the one the location is linked to."""
    found = session.scalar(select(Connection.tenant_id).where(Connection.location_id == location_id))
    return found or ""


def _taxes_of(location_id: int) -> Select[HoopTax]:
    return select(HoopTax).where(HoopTax.location_id == location_id)


def _checked(session: Session, location_id: int, known: MappingBook, choices: Choices) -> dict[Target, str]:
    taxes = {tax.key: (tax.name, tax.rate) for tax in session.scalars(_taxes_of(location_id))}
    codes = {account.code: account.account_id for account in known.accounts.values() if account.code}
    wanted: dict[Target, str] = {}
    refused: dict[str, str] = {}
    for (kind, key), value in choices.items():
        to = value.strip()
        to = to if kind == MappingKind.TAX or to in known.accounts else codes.get(to, to)
        wanted[kind, key] = to
        unchanged = to == known.chosen.get((kind, key), "")
        problem = None if unchanged or not to else _refusal(known, kind, to, taxes.get(key) or _any_tax(key))
        if problem:
            refused[f"{kind}:{key}"] = problem
    if refused:
        count = len(refused)
        raise ChooseAgain(
            f"{count} choice{'s' if count > 1 else ''} cannot be used. Nothing was saved.", refused
        )
    return wanted


def _any_tax(key: str) -> tuple[str, Decimal]:
    try:
        percent = Decimal(key.removeprefix(ANY_TAX)) if key.startswith(ANY_TAX) else Decimal(0)
    except InvalidOperation:
        percent = Decimal(0)
    return (f"Any tax of {percent:f} %" if percent else NO_TAX_NAME), percent


def _refusal(known: MappingBook, kind: MappingKind, to: str, tax: tuple[str, Decimal]) -> str | None:
    if kind == MappingKind.TAX:
        return _tax_refusal(known.rates.get(to), tax)
    account = known.accounts.get(to)
    if account is None:
        return "Xero has no such account. Choose one from the list."
    if not account.active:
        return f"{account.label} is archived in Xero. Choose another account."
    if kind == MappingKind.PAYMENT and not account.takes_payments:
        return (
            f"{account.label} takes no payments. Choose a bank account or one enabled for payments in Xero."
        )
    if kind != MappingKind.PAYMENT and not account.takes_revenue:
        return f"{account.label} is not a revenue account. Choose one of type revenue, sales or other income."
    return None


def _tax_refusal(rate: TaxRate | None, tax: tuple[str, Decimal]) -> str | None:
    if rate is None:
        return "Xero has no such tax rate. Choose one from the list."
    if not rate.usable:
        return f"{rate.name} cannot be used for sales in Xero. Choose another rate."
    name, percentage = tax
    if rate.rate != percentage:
        return (
            f"{name} is {percentage.normalize():f} % in HoopAI, but {rate.name} is {rate.rate.normalize():f} % "
            f"in Xero. Choose a rate of {percentage.normalize():f} %."
        )
    return None


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
    row.account_id, row.tax_type = (None, to) if kind == MappingKind.TAX else (to, None)
    row.changed_at, row.changed_by_id = clock.now(), user.id
    session.flush()


def _free(session: Session, location_id: int, before: MappingBook, changes: dict[Target, str]) -> int:
    left = {f"account:{before.chosen[target]}" for target in changes if before.chosen.get(target)}
    after = _book(session, location_id)
    blocked = session.scalars(
        select(Push.cause)
        .where(Push.location_id == location_id, Push.state == PushState.BLOCKED, Push.cause.is_not(None))
        .distinct()
    ).all()
    mended = [cause for cause in blocked if cause and (cause in left or after.mends(cause))]
    return outbox.free(session, location_id, mended) if mended and changes else 0


def _told(changes: dict[Target, str]) -> str:
    shown = [f"{kind}:{key} → {to or 'none'}" for (kind, key), to in changes.items()]
    return "; ".join(shown)[:500]


def _by_key(session: Session, kind: type[Category], location_id: int, keys: list[str]) -> dict[str, Category]:
    rows = session.scalars(select(kind).where(kind.location_id == location_id, kind.key.in_(keys)))
    return {row.key: row for row in rows}


def _learn_taxes(session: Session, location_id: int, taxes: Dict[str, tuple[str, Decimal]]) -> None:
    rows = session.scalars(
        select(HoopTax).where(HoopTax.location_id == location_id, HoopTax.key.in_(list(taxes)))
    )
    known = {row.key: row for row in rows}
    for key, (name, rate) in taxes.items():
        tax = known.get(key)
        if tax is None:
            session.add(HoopTax(location_id=location_id, key=key[:300], name=(name or key)[:200], rate=rate))
            continue
        tax.rate = rate
        tax.name = (name or tax.name)[:200]
