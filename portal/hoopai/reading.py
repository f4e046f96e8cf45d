"""Single values out of HoopAI's JSON: tolerant of form, strict about meaning."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Any

import simplejson

_DAY = re.compile(r"^(\d{4}-\d{2}-\d{2})($|[T ])")
_WHOLE = 10**12
_MOST = Decimal(_WHOLE)
_DUST = Decimal("0.0000001")
_FOUR_PLACES = Decimal("0.0001")
_EXACT = simplejson.JSONDecoder(parse_float=Decimal)


class BadValue(ValueError):
    """A value that can't be understood. `field` names it, `reason` is a short sentence; the value is not
    shown.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


def load(raw: bytes) -> Any:
    """JSON with exact numbers; ValueError for anything else, NaN and Infinity included."""
    try:
        return _EXACT.decode(raw.decode())
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except ArithmeticError:
        raise ValueError("a number is beyond all measure") from None


def text(source: dict[str, Any], field: str) -> str | None:
    """A text without outer spaces, or a whole number as text; None if absent, empty or null."""
    value = source.get(field)
    if value is None or value == "":
        return None
    if type(value) is str:
        return clean(value) or None
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        raise BadValue(field, "is not a text")
    return clean(str(value)) or None


def clean(value: str) -> str:
    """The text without outer spaces and without what no database keeps (NUL, halves of surrogate pairs)."""
    if value.isascii() and "\x00" not in value:
        return value.strip()
    return value.replace("\x00", "").encode("utf-8", "replace").decode().strip()


def amount(source: dict[str, Any], field: str, *, default: Decimal | None = None, name: str = "") -> Decimal:
    """An exact number in major units, given as a number or in quotes, at most four decimals and below
    10**12.

    Sums that HoopAI computed in binary (150.10000000000002) are taken for the four-decimal number they
    stand for.
    """
    value = source.get(field)
    label = name or field
    if type(value) is int and -_WHOLE < value < _WHOLE:
        return Decimal(value)
    if value is None or value == "":
        if default is None:
            raise BadValue(label, "is missing")
        return default
    number = _number(value, label)
    if abs(number) >= _MOST:
        raise BadValue(label, "is too large")
    if 0 <= _places(number) <= 4:
        return number
    kept = number.quantize(_FOUR_PLACES, ROUND_HALF_EVEN)
    if abs(kept - number) > _DUST:
        raise BadValue(label, "has more than four decimals")
    return Decimal(format(kept.normalize(), "f"))


def day(source: dict[str, Any], field: str) -> date | None:
    """A calendar day from YYYY-MM-DD, or the day part of a longer stamp as written; None if absent."""
    value = text(source, field)
    if value is None:
        return None
    found = _DAY.match(value)
    try:
        if found:
            return date.fromisoformat(found[1])
    except ValueError:
        pass
    raise BadValue(field, "is not a date")


def moment(source: dict[str, Any], field: str) -> datetime | None:
    """A moment in UTC from ISO text (no zone means UTC) or milliseconds since 1970; None if absent."""
    value = source.get(field)
    if value is None or value == "":
        return None
    try:
        if isinstance(value, int) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / 1000 if value > 10**11 else value, UTC)
        stamp = datetime.fromisoformat(value) if isinstance(value, str) else None
    except (ValueError, OverflowError, OSError):
        stamp = None
    if stamp is None:
        raise BadValue(field, "is not a time")
    try:
        return stamp.astimezone(UTC) if stamp.tzinfo else stamp.replace(tzinfo=UTC)
    except OverflowError:
        raise BadValue(field, "is not a time") from None


def flag(source: dict[str, Any], field: str) -> bool | None:
    """A yes or no; None if absent."""
    value = source.get(field)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise BadValue(field, "is neither true nor false")


def record(source: dict[str, Any], field: str) -> dict[str, Any]:
    """An object; an empty one if absent or of another kind."""
    value = source.get(field)
    return value if isinstance(value, dict) else {}


def records(source: dict[str, Any], field: str) -> list[dict[str, Any]]:
    """A list of objects; empty if absent, BadValue if it holds anything else."""
    value = source.get(field)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise BadValue(field, "is not a list of objects")
    return value


def _number(value: Any, label: str) -> Decimal:
    if isinstance(value, (bool, float)) or not isinstance(value, (int, str, Decimal)):
        raise BadValue(label, "is not a number")
    try:
        number = Decimal(value.strip() if isinstance(value, str) else value)
    except InvalidOperation:
        raise BadValue(label, "is not a number") from None
    if not number.is_finite():
        raise BadValue(label, "is not a number")
    if number and number.adjusted() > 15:
        raise BadValue(label, "is too large")
    return number


def _places(number: Decimal) -> int:
    return -int(number.as_tuple().exponent)
