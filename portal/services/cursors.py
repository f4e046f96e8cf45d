"""Long lists for programs: page after page behind an opaque cursor, stable while rows are added."""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from sqlalchemy import ColumnElement, and_, or_
from sqlalchemy.orm import InstrumentedAttribute

from portal.errors import ChooseAgain

T = TypeVar("T")
MOST_ID = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Feed(Generic[T]):
    """One page of a long list, and the cursor of the next one, None after the last."""

    items: Sequence[T]
    next: str | None


def cut(rows: Sequence[T], size: int, mark: Callable[[T], str]) -> Feed[T]:
    """The first `size` of rows that were read with one more; `mark` is the cursor that stands behind a row."""
    shown = rows[:size]
    return Feed(shown, mark(shown[-1]) if len(rows) > size else None)


def by_id(row_id: int) -> str:
    """The cursor behind the row with this id."""
    return _text(f"i{row_id}")


def by_moment(at: datetime, row_id: int) -> str:
    """The cursor behind the row of this moment and id."""
    return _text(f"m{at.isoformat()}/{row_id}")


def before_id(cursor: str | None, column: InstrumentedAttribute[int]) -> list[ColumnElement[bool]]:
    """The condition that a row comes after the cursor in a list by falling id. Raises ChooseAgain."""
    return [] if not cursor else [column < _id(_read(cursor, "i"))]


def before_moment(
    cursor: str | None, moments: InstrumentedAttribute[datetime], ids: InstrumentedAttribute[int]
) -> list[ColumnElement[bool]]:
    """The same in a list by falling moment, then falling id. Raises ChooseAgain."""
    if not cursor:
        return []
    text, _, row_id = _read(cursor, "m").partition("/")
    at = _moment(text)
    return [moments <= at, or_(moments < at, and_(moments == at, ids < _id(row_id)))]


def _text(plain: str) -> str:
    return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def _read(cursor: str, kind: str) -> str:
    try:
        plain = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise _unknown() from None
    if not plain.startswith(kind):
        raise _unknown()
    return plain[1:]


def _moment(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise _unknown() from None
    if at.tzinfo is None:
        raise _unknown()
    return at


def _id(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 10 or int(text) > MOST_ID:
        raise _unknown()
    return int(text)


def _unknown() -> ChooseAgain:
    return ChooseAgain(
        "This cursor is not one that the API gave. Begin without one.",
        {"cursor": "Not a cursor of this list."},
    )
