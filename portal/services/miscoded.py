"""Lines in Xero whose account is not the one that today's mapping gives: by category, with what could move them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import func, or_, select
from sqlalchemy.orm import selectinload

from portal import clock
from portal.extensions import db
from portal.models import (
    Category,
    Connection,
    Document,
    Invoice,
    LedgerAccount,
    Line,
    Link,
    MappingChange,
    MappingKind,
)
from portal.services import mappings, recoding
from portal.services.mapping_book import DEFAULT_ACCOUNT, MappingBook
from portal.words import ENDED

LATELY = timedelta(days=90)
MOST = 500
SHOWN = 5


@dataclass(slots=True)
class Miscoded:
    """One category: the account its lines are in, the one they should be in, how many lines, how much money.

    `save_id` is the newest save of the mapping that a re-coding can follow, `recoding_id` one that was begun for it.
    """

    category: str
    key: str
    was: str
    becomes: str
    by_hand: bool
    lines: int = 0
    money: dict[str, Decimal] = field(default_factory=dict)
    invoice_ids: list[int] = field(default_factory=list)
    invoices: list[tuple[str, str]] = field(default_factory=list)
    save_id: int | None = None
    recoding_id: int | None = None


def found(location_id: int) -> list[Miscoded]:
    """What is in another account than today's mapping says, of the newest 500 invoices of 90 days, the most first.

    Xero's own word is taken where the invoice was read back since, else what was sent last.
    """
    book, connection = mappings.book(location_id), _connection(location_id)
    if connection is None:
        return []
    by_code = {account.code: account for account in book.accounts.values() if account.code}
    gathered: dict[tuple[str, str, str], Miscoded] = {}
    for invoice, link in _sent(location_id, connection):
        for line, sent, seen in _paired(invoice, link):
            _count(gathered, book, by_code, invoice, line, sent, seen)
    rows = sorted(gathered.values(), key=lambda each: -each.lines)
    _name(location_id, rows)
    _add_saves(location_id, connection, rows)
    return rows


def followers(location_id: int) -> tuple[list[str], str | None]:
    """The names of categories that go to the default account for want of their own, and that account."""
    book = mappings.book(location_id)
    default = book.default_account
    names = db.session.execute(
        select(Category.key, Category.name).where(Category.location_id == location_id).order_by(Category.name)
    )
    mine = [name for key, name in names if default and (MappingKind.CATEGORY, key) not in book.chosen]
    return mine, default.label if default else None


def _sent(location_id: int, connection: Connection) -> Sequence[tuple[Invoice, Link]]:
    rows = db.session.execute(
        select(Invoice, Link)
        .join(Link, Link.document_id == Invoice.id)
        .where(
            Invoice.location_id == location_id,
            Invoice.created_at > clock.now() - LATELY,
            Link.location_id == location_id,
            Link.tenant_id == connection.tenant_id,
            Link.document == Document.INVOICE,
            Link.ours.is_(True),
            Link.xero_status.not_in(ENDED),
        )
        .options(selectinload(Invoice.lines))
        .order_by(Invoice.id.desc())
        .limit(MOST)
    )
    return [(invoice, link) for invoice, link in rows]


def _paired(invoice: Invoice, link: Link) -> list[tuple[Line, str | None, str | None]]:
    """Each line with the account code that it was sent with, and the one that Xero last told."""
    sent = (link.content or {}).get("LineItems") or []
    seen = (link.seen or {}).get("lines") or []
    if len(sent) < len(invoice.lines):
        return []
    told = [row.get("AccountCode") for row in seen] if len(seen) == len(sent) else []
    return [
        (line, sent[place].get("AccountCode"), told[place] if told else None)
        for place, line in enumerate(invoice.lines)
    ]


def _count(
    gathered: dict[tuple[str, str, str], Miscoded],
    book: MappingBook,
    by_code: dict[str, LedgerAccount],
    invoice: Invoice,
    line: Line,
    sent: str | None,
    seen: str | None,
) -> None:
    wanted, code = book.account_of_line(line.product_id, line.category_key), seen or sent
    if wanted is None or not code or wanted.code == code:
        return
    was = by_code[code].label if code in by_code else code
    row = gathered.setdefault(
        (line.category_key, code, wanted.account_id),
        Miscoded(line.name, line.category_key, was, wanted.label, bool(seen and seen != sent)),
    )
    row.lines += 1
    money = line.quantity * line.unit_amount
    row.money[invoice.currency] = row.money.get(invoice.currency, Decimal(0)) + money
    if invoice.id not in row.invoice_ids:
        row.invoice_ids.append(invoice.id)
        if len(row.invoices) < SHOWN:
            row.invoices.append((invoice.number, invoice.hoop_id))


def _name(location_id: int, rows: Sequence[Miscoded]) -> None:
    keys = [row.key for row in rows]
    query = select(Category.key, Category.name).where(
        Category.location_id == location_id, Category.key.in_(keys)
    )
    names = {key: name for key, name in db.session.execute(query)}
    for row in rows:
        row.category = names.get(row.key, row.category)


def _add_saves(location_id: int, connection: Connection, rows: Sequence[Miscoded]) -> None:
    """The newest save that changed each category's account, its own or the default one."""
    found = db.session.execute(
        select(MappingChange.kind, MappingChange.key, func.max(MappingChange.save_id))
        .where(
            MappingChange.location_id == location_id,
            MappingChange.tenant_id == connection.tenant_id,
            or_(
                MappingChange.key.in_([row.key for row in rows]),
                (MappingChange.kind == MappingKind.DEFAULT) & (MappingChange.key == DEFAULT_ACCOUNT),
            ),
        )
        .group_by(MappingChange.kind, MappingChange.key)
    )
    saves = {(MappingKind(kind), key): save_id for kind, key, save_id in found}
    for row in rows:
        own = saves.get((MappingKind.CATEGORY, row.key))
        row.save_id = own or saves.get((MappingKind.DEFAULT, DEFAULT_ACCOUNT))
    begun = recoding.latest(location_id, [row.save_id for row in rows if row.save_id])
    for row in rows:
        row.recoding_id = begun.get(row.save_id or 0)


def _connection(location_id: int) -> Connection | None:
    return db.session.scalar(select(Connection).where(Connection.location_id == location_id))
