"""A call to the stand-in and its answer as plain values, so that a call can also be served late or off the web."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import simplejson

JSON = "application/json; charset=utf-8"
HTML = "text/html; charset=utf-8"
TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True)
class Asked:
    """One request: header and query names in lower case, path below the mount point."""

    method: str
    path: str
    raw_query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def query(self) -> dict[str, str]:
        """Query parameters by lower-case name; of a repeated one the last counts."""
        return {name.lower(): value for name, value in parse_qsl(self.raw_query, keep_blank_values=True)}

    def header(self, name: str) -> str:
        """The header's value, or an empty text."""
        return self.headers.get(name.lower(), "")


@dataclass
class Answer:
    """One reply. `cut` is what a fault does to it on the way out: nothing, `drop` or `truncate`."""

    status: int
    body: bytes = b""
    content_type: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    cut: str = ""


def dumps(value: Any) -> bytes:
    """Compact JSON bytes with exact numbers."""
    return simplejson.dumps(value, use_decimal=True, separators=(",", ":"), ensure_ascii=False).encode()


def json_answer(status: int, value: Any, **headers: str) -> Answer:
    """A JSON reply; header names in snake case."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Answer(status, dumps(value), JSON, named)


def text_answer(status: int, text: str, content_type: str = TEXT) -> Answer:
    """A reply in plain words."""
    return Answer(status, text.encode(), content_type)
