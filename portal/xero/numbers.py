"""JSON in and out with exact numbers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import simplejson


def load(raw: bytes) -> Any:
    """Parse JSON with every non-integer number as Decimal; ValueError for anything else, NaN and Infinity
    included.
    """
    try:
        return simplejson.loads(raw.decode("utf-8-sig"), use_decimal=True, allow_nan=False)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def dump(value: Any) -> bytes:
    """Compact UTF-8 JSON. Decimals are written as plain numbers: 150, 0.1, never 1.5E+2."""
    text = simplejson.dumps(
        plain(value), use_decimal=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode()


def plain(value: Any) -> Any:
    """The same tree with every Decimal in its shortest plain form; TypeError for a float."""
    if isinstance(value, Decimal):
        return shortest(value)
    if isinstance(value, float):
        raise TypeError("a float near money")
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def shortest(number: Decimal) -> Decimal:
    """The same value without trailing zeros and without an exponent; ValueError for NaN and Infinity."""
    if not number.is_finite():
        raise ValueError("not a number")
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return Decimal(0) if text in ("-0", "") else Decimal(text)
