"""JSON in and out with exact numbers."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any, NoReturn

import simplejson

Parts = dict[str, list[str]]
_SPACES = re.compile(r"[ \t\n\r]*")


def load(raw: bytes) -> Any:
    """Parse JSON with every non-integer number as Decimal; ValueError for anything else, NaN and Infinity
    included.
    """
    try:
        return _decoder.decode(raw.decode("utf-8-sig"))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def load_parts(raw: bytes) -> tuple[dict[str, Any], Parts]:
    """A JSON object, parsed as by `load` and only once, and beside it the text of each element of its lists.

    So that what was said about one document can be kept word for word without writing it anew.
    """
    text = raw.decode("utf-8-sig")
    try:
        found = _members(text)
    except IndexError:
        raise ValueError("not JSON") from None
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return {name: value for name, value, _ in found}, {name: parts for name, _, parts in found if parts}


def dump(value: Any) -> bytes:
    """Compact UTF-8 JSON. Decimals are written as plain numbers: 150, 0.1, never 1.5E+2."""
    text: str = _encoder.encode(plain(value))
    return text.encode()


def plain(value: Any) -> Any:
    """The same tree with every Decimal in its shortest plain form; TypeError for a float."""
    if isinstance(value, dict):
        return {key: item if type(item) is str else plain(item) for key, item in value.items()}
    if isinstance(value, Decimal):
        return shortest(value)
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float):
        raise TypeError("a float near money")
    return value


def shortest(number: Decimal) -> Decimal:
    """The same value without trailing zeros and without an exponent; ValueError for NaN and Infinity."""
    if not number.is_finite():
        raise ValueError("not a number")
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return Decimal(0) if text in ("-0", "") else Decimal(text)


def _not_exact(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a number")


_decoder = json.JSONDecoder(parse_float=Decimal, parse_constant=_not_exact)
_encoder = simplejson.JSONEncoder(
    use_decimal=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
)


def _members(text: str) -> list[tuple[str, Any, list[str]]]:
    """Name, value and, of a list, the texts of its elements, for each member of the object that `text` is."""
    members: list[tuple[str, Any, list[str]]] = []
    place = _after(text, 0, "{")
    while text[place] != "}":
        name, place = _decoder.raw_decode(text, place)
        if not isinstance(name, str):
            raise ValueError("not a JSON object")
        value, parts, place = _value(text, _after(text, place, ":"))
        members.append((name, value, parts))
        place = _next(text, place, "}")
    if _skip(text, place + 1) != len(text):
        raise ValueError("more than one JSON document")
    return members


def _value(text: str, place: int) -> tuple[Any, list[str], int]:
    if text[place] != "[":
        value, end = _decoder.raw_decode(text, place)
        return value, [], end
    values, parts, place = [], [], _skip(text, place + 1)
    while text[place] != "]":
        value, end = _decoder.raw_decode(text, place)
        values.append(value)
        parts.append(text[place:end])
        place = _next(text, end, "]")
    return values, parts, place + 1


def _skip(text: str, place: int) -> int:
    found = _SPACES.match(text, place)
    return found.end() if found else place


def _after(text: str, place: int, sign: str) -> int:
    """The first place behind this sign, spaces around it left out."""
    place = _skip(text, place)
    if text[place] != sign:
        raise ValueError(f"not JSON: no {sign}")
    return _skip(text, place + 1)


def _next(text: str, place: int, close: str) -> int:
    """Where the next member begins, or the closing sign stands."""
    place = _skip(text, place)
    if text[place] == close:
        return place
    place = _after(text, place, ",")
    if text[place] == close:
        raise ValueError("not JSON: nothing behind a comma")
    return place
