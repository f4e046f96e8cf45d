"""Everything that can be mapped with its own choice, without the figures of the page."""

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import select

from portal.extensions import db
from portal.models import Category, Connection, ConnectionState, HoopTax, MappingKind, Payment
from portal.services.mapping_book import ANY_TAX, DEFAULT, NO_TAX, NO_TAX_NAME, MappingBook
from portal.services.mapping_rules import any_tax


@dataclass(frozen=True, slots=True)
class Listing:
    """Everything of one location: categories as (key, name, AccountID), taxes as (key, name, percentage, tax type),
    payment methods as (key, AccountID).

    A category's and a method's choice is its own, empty for none; a tax's is the one that counts for it.
    """

    categories: list[tuple[str, str, str]]
    taxes: list[tuple[str, str, Decimal, str]]
    methods: list[tuple[str, str]]


def connected(location_id: int) -> bool:
    """Whether there is an organisation whose accounts can be chosen."""
    state = db.session.scalar(select(Connection.state).where(Connection.location_id == location_id))
    return state is not None and state != ConnectionState.DISCONNECTED


def listing(location_id: int, book: MappingBook) -> Listing:
    """All of it, by name and key."""
    return Listing(_categories(location_id, book), _taxes(location_id, book), _methods(location_id, book))


def _categories(location_id: int, book: MappingBook) -> list[tuple[str, str, str]]:
    rows = db.session.execute(select(Category.key, Category.name).where(Category.location_id == location_id))
    names = {key: key.partition(":")[2] for kind, key in book.chosen if kind == MappingKind.CATEGORY}
    names |= {key: name for key, name in rows}
    found = [(key, name, book.chosen.get((MappingKind.CATEGORY, key), "")) for key, name in names.items()]
    return sorted(found, key=lambda each: (each[1].casefold(), each[0]))


def _taxes(location_id: int, book: MappingBook) -> list[tuple[str, str, Decimal, str]]:
    rows = db.session.scalars(
        select(HoopTax).where(HoopTax.location_id == location_id).order_by(HoopTax.name)
    )
    found = {tax.key: (tax.name, tax.rate) for tax in rows if tax.key != NO_TAX}
    for kind, key in book.chosen:
        if kind == MappingKind.TAX and key.startswith(ANY_TAX):
            found[key] = any_tax(key)
    found[NO_TAX] = (NO_TAX_NAME, Decimal(0))
    return [(key, name, rate, book.chosen_tax(key)) for key, (name, rate) in found.items()]


def _methods(location_id: int, book: MappingBook) -> list[tuple[str, str]]:
    seen = set(
        db.session.scalars(select(Payment.method).where(Payment.location_id == location_id).distinct())
    )
    seen |= {key for kind, key in book.chosen if kind == MappingKind.PAYMENT}
    keys = [DEFAULT, *sorted(seen - {DEFAULT})]
    return [(key, book.chosen.get((MappingKind.PAYMENT, key), "")) for key in keys]
