"""The declarative base and the column types that every table shares."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Any

import simplejson
from sqlalchemy import BigInteger, DateTime, MetaData, Numeric, String, Text, inspect
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator, TypeEngine

SCALE = Decimal(10_000)
FOUR_PLACES = Decimal("0.0001")
NAMES = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Every table of the portal."""

    metadata = MetaData(naming_convention=NAMES)

    def __init__(self, **values: Any) -> None:
        """A new row. Its columns are laid down as they stand: a change is only noted of what was there before.

        What is not said is None, until the column's default is written in its place.
        """
        here, blank = vars(self), _blank(type(self))
        here.update(blank)
        for name, value in values.items():
            if name in blank:
                here[name] = value
            elif hasattr(type(self), name):
                setattr(self, name, value)
            else:
                raise TypeError(f"{type(self).__name__} has no {name}")

    def put(self, **values: object) -> None:
        """Set those columns that differ."""
        here = vars(self)
        for name, value in values.items():
            if (here[name] if name in here else getattr(self, name)) != value:
                setattr(self, name, value)


@cache
def _blank(kind: type[Base]) -> dict[str, None]:
    return dict.fromkeys(column.key for column in inspect(kind).column_attrs)


class Money(TypeDecorator[Decimal]):
    """An exact Decimal with four places: NUMERIC(18,4), on SQLite a whole number of ten-thousandths.

    SQLite has no decimal type and would keep a float, so the scaled integer keeps cents exact and sums right.
    """

    impl = Numeric(18, 4)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The column type of this database."""
        return dialect.type_descriptor(BigInteger() if dialect.name == "sqlite" else Numeric(18, 4))

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Decimal → what the database keeps; more than four places raise ValueError."""
        if value is None:
            return None
        exact = Decimal(value)
        scaled = exact * SCALE
        whole = int(scaled)
        if whole != scaled:
            raise ValueError(f"{value} has more than four decimals")
        return whole if dialect.name == "sqlite" else exact

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        """What the database keeps → Decimal with four places."""
        if value is None or dialect.name != "sqlite":
            return value
        return (Decimal(value) / SCALE).quantize(FOUR_PLACES)


class Moment(TypeDecorator[datetime]):
    """An aware UTC moment; a naive one is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Aware → UTC, naive for SQLite, which keeps no zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs a time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Always aware, always UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Written(str):
    """A document that is JSON text already, such as a part of a request: ExactJSON keeps it as it stands."""

    __slots__ = ()


class ExactJSON(TypeDecorator[Any]):
    """JSON kept as text with its decimals exact."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Anything JSON, Decimals included → text."""
        if value is None or isinstance(value, Written):
            return value
        return str(_encoder.encode(value))

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """Text → Python, numbers with a point as Decimal."""
        return None if value is None else _decoder.decode(value)


_encoder = simplejson.JSONEncoder(use_decimal=True, sort_keys=True)
_decoder = simplejson.JSONDecoder(parse_float=Decimal)


class Word(TypeDecorator[StrEnum]):
    """A member of a StrEnum, kept as its word. Looked up in tables, as every row that is read has several."""

    impl = String(20)
    cache_ok = True

    def __init__(self, words: type[StrEnum]) -> None:
        super().__init__()
        self.words = words
        self._kept = _Known(words, {None: None} | {each: each.value for each in words})
        self._read = _Known(words, {None: None} | {each.value: each for each in words})

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """A member or its word → the word; anything else raises ValueError."""
        word: str | None = self._kept[value]
        return word

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:
        """The same for SQLAlchemy, without a step between."""
        return self._kept.__getitem__

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:
        """The word → its member; anything else raises ValueError."""
        member: StrEnum | None = self._read[value]
        return member

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        """The same for SQLAlchemy, without a step between."""
        return self._read.__getitem__


class _Known(dict[Any, Any]):
    """What stands for each word; a word that is none raises ValueError."""

    def __init__(self, words: type[StrEnum], pairs: dict[Any, Any]) -> None:
        super().__init__(pairs)
        self._words = words

    def __missing__(self, unknown: Any) -> None:
        raise ValueError(f"{unknown!r} is no {self._words.__name__}")
