"""Whether anything is left to choose, asked in one small query however many categories there are.

The frame of every page asks this; `mappings.missing` names what is left.
"""

from collections.abc import Mapping
from decimal import Decimal

from sqlalchemy import Select, and_, case, func, literal, null, or_, select, union_all
from sqlalchemy.sql import ColumnElement

from portal.extensions import db
from portal.models import Category, Connection, HoopTax, LedgerAccount, MappingKind, TaxRate
from portal.models import Mapping as Choice
from portal.services.mapping_book import DEFAULT, DEFAULT_ACCOUNT, NO_TAX, percent_key

ACCOUNTS, TAX, RATE, FITS = "accounts", "tax", "rate", "fits"
CHOSEN = and_(Choice.location_id == Connection.location_id, Choice.tenant_id == Connection.tenant_id)
ACCOUNT = and_(LedgerAccount.connection_id == Connection.id, LedgerAccount.account_id == Choice.account_id)
NOT_SYSTEM = func.coalesce(LedgerAccount.system_account, "") == ""
TAKES_LINES = and_(
    LedgerAccount.status == "ACTIVE", func.coalesce(LedgerAccount.code, "") != "", NOT_SYSTEM,
    LedgerAccount.type != "BANK",
)  # fmt: skip
TAKES_PAYMENTS = and_(
    LedgerAccount.status == "ACTIVE", NOT_SYSTEM, or_(LedgerAccount.type == "BANK", LedgerAccount.payments_enabled)
)  # fmt: skip


def complete(location_id: int) -> bool:
    """Whether every category, tax and payment that is known of the location can go to Xero as it is mapped."""
    accounts = select(literal(ACCOUNTS), literal(""), null(), case((_accounts(location_id), FITS), else_=""))
    rows = db.session.execute(union_all(_used(location_id), _rates(location_id), accounts)).all()
    rates = {key: rate if fit else None for of, key, rate, fit in rows if of == RATE}
    return all(_fits(rates, *row) for row in rows)


def _fits(rates: Mapping[str, Decimal | None], of: str, key: str, rate: Decimal, fit: str) -> bool:
    """As `MappingBook.chosen_tax` has it: a tax goes by its own choice, else by that of any tax of its percentage."""
    if of == ACCOUNTS:
        return bool(fit)
    if of != TAX:
        return True
    return (
        rates.get(key) is not None if key == NO_TAX else rates.get(key, rates.get(percent_key(rate))) == rate
    )


def _accounts(location_id: int) -> ColumnElement[bool]:
    default = _chosen(location_id, MappingKind.DEFAULT, DEFAULT_ACCOUNT, TAKES_LINES)
    payments = _chosen(location_id, MappingKind.PAYMENT, DEFAULT, TAKES_PAYMENTS)
    return and_(payments, or_(default, ~_unmapped(location_id)), ~_unusable(location_id))


def _chosen(
    location_id: int, kind: MappingKind, key: str, usable: ColumnElement[bool]
) -> ColumnElement[bool]:
    """Whether this choice is made and its account can be used."""
    return (
        select(Choice.id)
        .join(Connection, CHOSEN)
        .join(LedgerAccount, ACCOUNT)
        .where(Choice.location_id == location_id, Choice.kind == kind, Choice.key == key, usable)
        .exists()
    )


def _unmapped(location_id: int) -> ColumnElement[bool]:
    """Whether a category has no choice of its own."""
    own = (
        select(Choice.id)
        .join(Connection, CHOSEN)
        .where(
            Choice.location_id == location_id, Choice.kind == MappingKind.CATEGORY, Choice.key == Category.key
        )
    )  # fmt: skip
    return select(Category.id).where(Category.location_id == location_id, ~own.exists()).exists()


def _unusable(location_id: int) -> ColumnElement[bool]:
    """Whether the own choice of a category cannot be used."""
    return (
        select(Choice.id)
        .join(Connection, CHOSEN)
        .join(Category, and_(Category.location_id == Choice.location_id, Category.key == Choice.key))
        .outerjoin(LedgerAccount, ACCOUNT)
        .where(
            Choice.location_id == location_id,
            Choice.kind == MappingKind.CATEGORY,
            or_(LedgerAccount.id.is_(None), ~TAKES_LINES),
        )
        .exists()
    )


def _used(location_id: int) -> Select[str, str, Decimal, str]:
    mine = HoopTax.location_id == location_id
    return select(literal(TAX), HoopTax.key, HoopTax.rate, literal("")).where(mine)


def _rates(location_id: int) -> Select[str, str, Decimal, str]:
    fits = and_(TaxRate.status == "ACTIVE", TaxRate.applies_to_revenue)
    return (
        select(literal(RATE), Choice.key, TaxRate.rate, case((fits, FITS), else_=""))
        .join(Connection, CHOSEN)
        .outerjoin(TaxRate, and_(TaxRate.connection_id == Connection.id, TaxRate.tax_type == Choice.tax_type))
        .where(Choice.location_id == location_id, Choice.kind == MappingKind.TAX)
    )
