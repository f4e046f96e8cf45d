"""Which invoices that Xero holds have lines whose account the mapping now gives differently."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.models import Connection, Document, Invoice, Line, Link
from portal.services.mapping_book import MappingBook
from portal.words import ENDED

PART = 500
Group = tuple[str | None, str]


@dataclass(slots=True)
class Concerned:
    """One invoice in Xero with lines of a changed category; `money` is what these lines come to, untaxed."""

    invoice_id: int
    number: str
    day: date | None
    currency: str
    paid: bool
    money: Decimal = Decimal(0)
    moves: set[tuple[str, str]] = field(default_factory=set)


def moved(
    session: Session, location_id: int, before: MappingBook, after: MappingBook
) -> dict[Group, tuple[str, str]]:
    """Which lines (by product and category) go elsewhere: from AccountID to AccountID."""
    found: dict[Group, tuple[str, str]] = {}
    for product_id, key in session.execute(
        select(Line.product_id, Line.category_key)
        .join(Invoice, Invoice.id == Line.invoice_id)
        .where(Invoice.location_id == location_id)
        .distinct()
    ):
        was, becomes = before.account_of_line(product_id, key), after.account_of_line(product_id, key)
        if was is not None and becomes is not None and was.account_id != becomes.account_id:
            found[product_id, key] = (was.account_id, becomes.account_id)
    return found


def concerned(
    session: Session, connection: Connection, before: MappingBook, after: MappingBook
) -> list[Concerned]:
    """The invoices in the connected organisation that the change would have booked differently, oldest first."""
    moves = moved(session, connection.location_id, before, after)
    keys = sorted({key for _, key in moves})
    found: dict[int, Concerned] = {}
    for start in range(0, len(keys), PART):
        for row in _lines(session, connection, keys[start : start + PART]):
            _count(found, moves, row)
    return sorted(found.values(), key=lambda each: each.invoice_id)


def _count(found: dict[int, Concerned], moves: dict[Group, tuple[str, str]], row: Sequence[object]) -> None:
    invoice_id, number, day, currency, status, product_id, key, quantity, price = row
    move = moves.get((product_id, key))  # type: ignore[arg-type]
    if move is None:
        return
    assert isinstance(invoice_id, int)
    one = found.setdefault(
        invoice_id,
        Concerned(
            invoice_id, str(number), day if isinstance(day, date) else None, str(currency), status == "PAID"
        ),
    )
    one.money += Decimal(str(quantity)) * Decimal(str(price))
    one.moves.add(move)


def _lines(session: Session, connection: Connection, keys: list[str]) -> Sequence[Sequence[object]]:
    return session.execute(
        select(
            Invoice.id, Invoice.number, Invoice.issue_date, Invoice.currency, Link.xero_status,
            Line.product_id, Line.category_key, Line.quantity, Line.unit_amount,
        )
        .join(Line, Line.invoice_id == Invoice.id)
        .join(Link, Link.document_id == Invoice.id)
        .where(
            Invoice.location_id == connection.location_id,
            Link.location_id == connection.location_id,
            Link.tenant_id == connection.tenant_id,
            Link.document == Document.INVOICE,
            Link.ours.is_(True),
            Link.xero_status.not_in(ENDED),
            Line.category_key.in_(keys),
        )
    ).all()  # fmt: skip
