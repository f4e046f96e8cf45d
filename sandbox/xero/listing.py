"""Lists: filter, modified since, order, pages (developer.xero.com, Requests and responses)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.xero.books import Doc
from sandbox.xero.call import Call
from sandbox.xero.dates import parse_moment, stamp
from sandbox.xero.errors import QueryParse
from sandbox.xero.filters import Fields, order, where

LARGEST = 1000


@dataclass(frozen=True)
class Listed:
    """The rows to show, whether the read was paged (only then lines are shown), and the envelope's pagination."""

    rows: list[Doc]
    paged: bool
    more: dict[str, Any]


def listed(call: Call, rows: list[Doc], known: Fields, usual: str, paged: bool = False) -> Listed:
    """`rows` through `where`, If-Modified-Since, `order` (else `usual`) and the page asked for."""
    if since := _since(call):
        rows = [row for row in rows if row.get("UpdatedDateUTC", since) >= since]
    if text := call.query.get("where", "").strip():
        test = where(text, known)
        rows = [row for row in rows if test(row)]
    rows = order(call.query.get("order", "").strip() or usual, known)(rows)
    if not paged and "page" not in call.query and "pagesize" not in call.query:
        return Listed(rows, False, {})
    page, size = _whole(call, "page", 1, 1_000_000), _whole(call, "pageSize", 100, LARGEST)
    told = {"page": page, "pageSize": size, "pageCount": -(-len(rows) // size), "itemCount": len(rows)}
    return Listed(rows[(page - 1) * size : page * size], True, {"pagination": told})


def _since(call: Call) -> str:
    given = call.asked.header("If-Modified-Since")
    if not given:
        return ""
    try:
        return stamp(parse_moment(given).replace(microsecond=0))
    except (ValueError, TypeError):
        raise QueryParse(f"The If-Modified-Since header '{given}' is not a date.") from None


def _whole(call: Call, name: str, usual: int, largest: int) -> int:
    given = call.query.get(name.lower(), "") or str(usual)
    if not given.isdigit() or not 1 <= int(given) <= largest:
        raise QueryParse(f"{name} must be a whole number from 1 to {largest}.")
    return int(given)
