"""JSON as the vendor's JavaScript writes it: compact, and amounts without trailing zeros."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import simplejson


def text_of(content: Any) -> str:
    """The content as compact JSON text with exact numbers (477.00 becomes 477, 27.50 becomes 27.5)."""
    return simplejson.dumps(_plain(content), use_decimal=True, separators=(",", ":"), ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else value.normalize()
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value
