"""The results of a reconciliation as people and programs read them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from portal import tables
from portal.extensions import db
from portal.models import Connection, Difference, DifferenceKind, Document, Reconciliation
from portal.services import cursors, paging, xero_links
from portal.services.cursors import Feed
from portal.services.differing import WORDS, Words
from portal.services.paging import Page

COLUMNS = ("what", "document", "number", "date", "in HoopAI", "in Xero", "reason", "next step", "Xero id")


@dataclass(frozen=True, slots=True)
class Row:
    """One difference with its words and where to look at it in Xero."""

    difference: Difference
    words: Words
    url: str | None


def listing(run: Reconciliation, kind: DifferenceKind | None = None, number: int = 1) -> Page[Row]:
    """One page of differences, what is amiss first."""
    chosen = [Difference.run_id == run.id, *([Difference.kind == kind] if kind else [])]
    total = db.session.scalar(select(func.count()).select_from(Difference).where(*chosen)) or 0
    number = min(max(1, number), max(1, -(-total // paging.SIZE)))
    harmless = Difference.kind.in_((DifferenceKind.WAITING, DifferenceKind.LEFT_OUT))
    found = db.session.scalars(
        select(Difference)
        .where(*chosen)
        .order_by(harmless, Difference.id)
        .offset((number - 1) * paging.SIZE)
        .limit(paging.SIZE)
    ).all()
    return Page(_rows(run, found), number, total)


def counts(run: Reconciliation) -> dict[DifferenceKind, int]:
    """How many differences there are of each kind that occurs."""
    rows = db.session.execute(
        select(Difference.kind, func.count()).where(Difference.run_id == run.id).group_by(Difference.kind)
    )
    found = {DifferenceKind(kind): count for kind, count in rows}
    return {kind: found[kind] for kind in DifferenceKind if kind in found}


def feed(run: Reconciliation, cursor: str | None, size: int) -> Feed[Row]:
    """Differences for programs, the newest first. Raises ChooseAgain on a foreign cursor."""
    found = db.session.scalars(
        select(Difference)
        .where(Difference.run_id == run.id, *cursors.before_id(cursor, Difference.id))
        .order_by(Difference.id.desc())
        .limit(size + 1)
    ).all()
    page = cursors.cut(found, size, lambda row: cursors.by_id(row.id))
    return Feed(_rows(run, page.items), page.next)


def as_csv(run: Reconciliation) -> Iterator[str]:
    """All differences as CSV, some lines at a time."""
    yield tables.line(COLUMNS)
    rows = db.session.scalars(
        select(Difference)
        .where(Difference.run_id == run.id)
        .order_by(Difference.id)
        .execution_options(yield_per=500)
    )
    for each in rows:
        words = WORDS[DifferenceKind(each.kind)]
        cells = (
            words.title, str(each.document), each.number, str(each.day or ""), each.ours, each.theirs, each.message,
            words.next_step, each.xero_id,
        )  # fmt: skip
        yield tables.line(map(tables.safe, cells))


def _rows(run: Reconciliation, found: Sequence[Difference]) -> list[Row]:
    connection = db.session.get(Connection, run.connection_id)
    return [Row(each, WORDS[DifferenceKind(each.kind)], _address(connection, each)) for each in found]


def _address(connection: Connection | None, each: Difference) -> str | None:
    if connection is None or each.xero_id is None or each.document != Document.INVOICE:
        return None
    return xero_links.invoice_address(connection, each.xero_id)
