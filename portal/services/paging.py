"""Long lists in pages: by number where the whole is at hand or small, else by where the last page ended.

A list that grows without end is never counted or skipped through: a page begins after a row (`Cursor`), and an index
leads straight there, however far back it is.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import Integer, Select, bindparam, select, tuple_, union_all
from sqlalchemy.orm import InstrumentedAttribute

from portal.extensions import db

T = TypeVar("T")
SIZE = 40
CHUNK = 500
START = datetime(1970, 1, 1, tzinfo=UTC)
LARGEST = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list: its items, its number from 1, and how many items there are in all."""

    items: Sequence[T]
    number: int
    total: int
    size: int = SIZE

    @property
    def count(self) -> int:
        """How many pages there are."""
        return max(1, -(-self.total // self.size))


def cut(items: Sequence[T], number: int, size: int = SIZE) -> Page[T]:
    """The page with this number out of a list that is at hand; the nearest one where there is none such."""
    last = max(1, -(-len(items) // size))
    number = min(max(1, number), last)
    return Page(items[(number - 1) * size : number * size], number, len(items), size)


class Side(StrEnum):
    """From where a page goes: the newest, or what is older or newer than its cursor."""

    TOP = "top"
    OLDER = "older"
    NEWER = "newer"


class Cursor(NamedTuple):
    """Where a page begins: behind this row, or before it where `newer`. The key is the moment or day of the list."""

    key: datetime | date
    id: int
    newer: bool = False

    @property
    def text(self) -> str:
        """As it stands in an address."""
        return f"{_number(self.key)}.{self.id}"

    @property
    def side(self) -> Side:
        """Whether its page is newer or older than it."""
        return Side.NEWER if self.newer else Side.OLDER


@dataclass(frozen=True, slots=True)
class Slice(Generic[T]):
    """One page of an endless list, newest first, and the cursors of its neighbours (None at an end)."""

    items: Sequence[T]
    older: str | None = None
    newer: str | None = None


def cursor(text: str, *, newer: bool = False, days: bool = False) -> Cursor | None:
    """The cursor that an address names; None for anything that is none. `days` where the list is by calendar day."""
    number, _, row = text.partition(".")
    if not (number.isascii() and number.isdigit() and row.isascii() and row.isdigit()):
        return None
    if len(number) > 16 or len(row) > 10 or int(row) > LARGEST:
        return None
    try:
        key = date.fromordinal(int(number)) if days else START + timedelta(microseconds=int(number))
    except (ValueError, OverflowError):
        return None
    return Cursor(key, int(row), newer)


def chunks(page: Callable[[Cursor | None, int], Slice[int]], days: bool = False) -> Iterator[Sequence[int]]:
    """The ids of an endless list in chunks, for a file; `page` gives the one of this size at a cursor."""
    at: Cursor | None = None
    while True:
        part = page(at, CHUNK)
        yield part.items
        at = cursor(part.older, days=days) if part.older else None
        if at is None:
            return


def window(
    arms: Sequence[Select[int, Any]],
    ident: InstrumentedAttribute[int],
    key: InstrumentedAttribute[Any],
    side: Side,
) -> Select[int, Any]:
    """What asks for one page of everything that the arms select, each once; `page` runs it.

    Each arm selects `ident` and `key` and is cut on its own, so that an index can give just what the page needs.
    """
    newer, most = side == Side.NEWER, bindparam("most", type_=Integer)
    order = (key.asc(), ident.asc()) if newer else (key.desc(), ident.desc())
    cut_arms = [_behind(arm, ident, key, side).order_by(*order).limit(most) for arm in arms]
    if len(cut_arms) == 1:
        return cut_arms[0]
    parts = [each.subquery() for each in cut_arms]
    whole = union_all(*(select(part.c[0].label("id"), part.c[1].label("key")) for part in parts)).subquery()
    both = (whole.c.key.asc(), whole.c.id.asc()) if newer else (whole.c.key.desc(), whole.c.id.desc())
    return select(whole.c.id, whole.c.key).distinct().order_by(*both).limit(most)


def page(
    question: Select[int, Any], given: Mapping[str, Any], at: Cursor | None, size: int = SIZE
) -> Slice[int]:
    """The ids of the page at this cursor, newest first; `question` is a `window` of its side."""
    place = {"at_key": at.key, "at_id": at.id} if at is not None else {}
    rows = db.session.execute(question, {**given, **place, "most": size + 1}).all()
    return _slice([(row[0], row[1]) for row in rows], at, size)


def _behind(
    arm: Select[int, Any],
    ident: InstrumentedAttribute[int],
    key: InstrumentedAttribute[Any],
    side: Side,
) -> Select[int, Any]:
    if side == Side.TOP:
        return arm
    row = tuple_(key, ident)
    place = tuple_(bindparam("at_key", type_=key.type), bindparam("at_id", type_=ident.type))
    return arm.where(row > place if side == Side.NEWER else row < place)


def _slice(rows: list[tuple[int, Any]], at: Cursor | None, size: int) -> Slice[int]:
    more, rows = len(rows) > size, rows[:size]
    if at is not None and at.newer:
        rows.reverse()
        before, after = more, True
    else:
        before, after = at is not None, more
    if not rows:
        return Slice([])
    first, last = Cursor(rows[0][1], rows[0][0]), Cursor(rows[-1][1], rows[-1][0])
    return Slice([row[0] for row in rows], last.text if after else None, first.text if before else None)


def _number(key: datetime | date) -> int:
    return (key - START) // timedelta(microseconds=1) if isinstance(key, datetime) else key.toordinal()
