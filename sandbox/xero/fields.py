"""Typed reading of posted JSON; a value of the wrong type refuses the whole request, as the real reader does."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

import simplejson

from sandbox.xero.dates import parse_day
from sandbox.xero.errors import PostDataInvalid

Element = dict[str, Any]
GUID = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$", re.IGNORECASE)
NO_ID = "00000000-0000-0000-0000-000000000000"


def elements(body: bytes, plural: str) -> list[Element]:
    """The posted objects: `{plural: […]}`, one bare object, or a bare list."""
    try:
        posted = simplejson.loads(body, use_decimal=True)
    except ValueError as problem:
        raise PostDataInvalid(f"The posted data is not valid JSON: {problem}") from None
    found = posted.get(plural, posted) if isinstance(posted, dict) else posted
    if isinstance(found, dict):
        found = [found]
    if not isinstance(found, list) or not found or not all(isinstance(one, dict) for one in found):
        raise PostDataInvalid(
            f"Error reading the posted data: an array of {plural} is expected. Path '{plural}'."
        )
    return found


def text(element: Element, key: str) -> str | None:
    """Text, or None when left out or null; numbers are taken as text."""
    value = element.get(key)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, dict | list | bool):
        raise _unconvertible(value, "System.String", key)
    return str(value)


def number(element: Element, key: str) -> Decimal | None:
    """A finite number, given as JSON number or as text."""
    value = element.get(key)
    if value is None or value == "":
        return None
    if isinstance(value, int | str | Decimal) and not isinstance(value, bool):
        try:
            read = Decimal(value.replace(",", "") if isinstance(value, str) else value)
        except InvalidOperation:
            raise _unconvertible(value, "System.Nullable`1[System.Decimal]", key) from None
        if read.is_finite():
            return read
    raise _unconvertible(value, "System.Nullable`1[System.Decimal]", key)


def day(element: Element, key: str) -> str | None:
    """A calendar day as ISO text."""
    value = text(element, key) or text(element, f"{key}String")
    if not value:
        return None
    try:
        return parse_day(value).isoformat()
    except ValueError:
        raise _unconvertible(value, "System.Nullable`1[System.DateTime]", key) from None


def flag(element: Element, key: str) -> bool | None:
    """True, False or None; the words are taken too."""
    value = element.get(key)
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if value is None or isinstance(value, bool):
        return value
    raise _unconvertible(value, "System.Nullable`1[System.Boolean]", key)


def choice(element: Element, key: str, allowed: dict[str, str], kind: str) -> str | None:
    """One of `allowed` (lower-case name → Xero's spelling)."""
    value = text(element, key)
    if not value:
        return None
    if value.lower() not in allowed:
        raise _unconvertible(value, kind, key)
    return allowed[value.lower()]


def guid(element: Element, key: str) -> str | None:
    """An id in lower case; the all-zero id counts as left out."""
    value = text(element, key)
    if not value or value == NO_ID:
        return None
    if not GUID.match(value):
        raise _unconvertible(value, "System.Nullable`1[System.Guid]", key)
    return value.lower()


def part(element: Element, key: str) -> Element | None:
    """A nested object, or None."""
    value = element.get(key)
    if value is None or isinstance(value, dict):
        return value
    raise _unconvertible(value, key, key)


def parts(element: Element, key: str) -> list[Element] | None:
    """A nested list of objects, or None when left out."""
    value = element.get(key)
    if value is None:
        return None
    if isinstance(value, list) and all(isinstance(one, dict) for one in value):
        return value
    raise _unconvertible(value, f"{key}[]", key)


def words_day(iso: str) -> str:
    """A day as Xero writes it in messages: `31 March 2026`."""
    read = date.fromisoformat(iso)
    return f"{read.day} {read:%B %Y}"


def _unconvertible(value: object, kind: str, path: str) -> PostDataInvalid:
    shown = value if isinstance(value, str) else simplejson.dumps(value, use_decimal=True)
    return PostDataInvalid(f"Error converting value \"{shown}\" to type '{kind}'. Path '{path}'.")
