"""`where` and `order`: a small reader of Xero's filter language (developer.xero.com, Requests and responses).

AND, OR, parentheses, == != >= <= > <, guid("…"), DateTime(2026, 1, 31), quoted text, numbers, true, false, null, and
.Contains(), .StartsWith(), .EndsWith().
"""

from __future__ import annotations

import operator
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sandbox.xero.books import Doc
from sandbox.xero.errors import QueryParse
from sandbox.xero.fields import GUID

Test = Callable[[Doc], bool]
_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*")|(?P<number>-?\d+(?:\.\d+)?)|(?P<word>[A-Za-z_][A-Za-z0-9_.]*)"""
    r"""|(?P<op>==|!=|>=|<=|&&|\|\||[()=<>,!]))"""
)
_OPS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "=": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_METHODS: dict[str, Callable[[str, str], bool]] = {
    "contains": lambda value, part: part in value,
    "startswith": str.startswith,
    "endswith": str.endswith,
}


@dataclass(frozen=True)
class Field:
    """A field one may ask for: its kind (text, guid, number, moment, flag) and how to read it."""

    kind: str
    read: Callable[[Doc], Any]


Fields = dict[str, Field]


def fields(**kinds: str) -> Fields:
    """Fields read from the document's key of the same name."""
    return {name.lower(): Field(kind, _reader(name)) for name, kind in kinds.items()}


def where(text: str, known: Fields) -> Test:
    """The test a filter describes; QueryParse when it can't be read."""
    reader = _Reader(_tokens(text), known)
    test = reader.either()
    if reader.left():
        raise QueryParse(f"Syntax error at '{reader.peek()[1]}'")
    return test


def order(text: str, known: Fields) -> Callable[[list[Doc]], list[Doc]]:
    """How to sort, from `Date DESC, InvoiceID`; QueryParse on an unknown field."""
    steps = []
    for step in text.split(","):
        name, _, direction = step.strip().partition(" ")
        if direction.strip().upper() not in ("", "ASC", "DESC", "ASCENDING", "DESCENDING"):
            raise QueryParse(f"Syntax error at '{direction.strip()}'")
        steps.append((_field(name, known), direction.strip().upper().startswith("DESC")))

    def sort(rows: list[Doc]) -> list[Doc]:
        for field, backwards in reversed(steps):
            rows = sorted(rows, key=lambda row, field=field: _sortable(field, row), reverse=backwards)  # type: ignore[misc]
        return rows

    return sort


class _Reader:
    def __init__(self, tokens: list[tuple[str, str]], known: Fields) -> None:
        self._tokens, self._known, self._at = tokens, known, 0

    def left(self) -> bool:
        return self._at < len(self._tokens)

    def peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self.left() else ("end", "end of the filter")

    def take(self, *wanted: str) -> str:
        _, value = self.peek()
        if wanted and value.lower() not in wanted:
            raise QueryParse(f"Syntax error at '{value}'")
        self._at += 1
        return value

    def either(self) -> Test:
        tests = [self.both()]
        while self.peek()[1].upper() in ("OR", "||"):
            self.take()
            tests.append(self.both())
        return tests[0] if len(tests) == 1 else lambda doc: any(test(doc) for test in tests)

    def both(self) -> Test:
        tests = [self.one()]
        while self.peek()[1].upper() in ("AND", "&&"):
            self.take()
            tests.append(self.one())
        return tests[0] if len(tests) == 1 else lambda doc: all(test(doc) for test in tests)

    def one(self) -> Test:
        kind, value = self.peek()
        if value == "(":
            self.take()
            inner = self.either()
            self.take(")")
            return inner
        if kind != "word":
            raise QueryParse(f"Expression expected, found '{value}'")
        self.take()
        if self.peek()[1] == "(":
            return self._method(value)
        return self._comparison(_field(value, self._known))

    def _comparison(self, field: Field) -> Test:
        sign = self.take(*_OPS)
        kind, wanted = self._literal()
        _same_kind(field, kind, sign)
        compare = _OPS[sign]

        def test(doc: Doc) -> bool:
            value = _comparable(field, field.read(doc))
            if value is None or wanted is None:
                return bool(compare(value, wanted)) if sign in ("==", "=", "!=") else False
            return bool(compare(value, wanted))

        return test

    def _method(self, path: str) -> Test:
        name, _, method = path.rpartition(".")
        if method.lower() not in _METHODS:
            raise QueryParse(f"No applicable method '{method}' exists")
        field, apply = _field(name, self._known), _METHODS[method.lower()]
        self.take("(")
        _, wanted = self._literal()
        self.take(")")
        if field.kind != "text" or not isinstance(wanted, str):
            raise QueryParse(f"No applicable method '{method}' exists in type '{field.kind}'")
        return lambda doc: apply(plain(field.read(doc) or ""), wanted)

    def _literal(self) -> tuple[str, Any]:
        kind, value = self.peek()
        self.take()
        if kind == "text":
            return "text", plain(re.sub(r"\\(.)", r"\1", value[1:-1])) or None
        if kind == "number":
            return "number", Decimal(value)
        match value.lower():
            case "guid":
                return "guid", self._guid()
            case "datetime" | "datetime.parse":
                return "moment", self._moment()
            case "true" | "false":
                return "flag", value.lower() == "true"
            case "null":
                return "null", None
        raise QueryParse(f"No property or field '{value}' exists")

    def _guid(self) -> str:
        self.take("(")
        kind, value = self.peek()
        self.take()
        self.take(")")
        if kind != "text" or not GUID.match(value[1:-1]):
            raise QueryParse(
                "Guid should contain 32 digits with 4 dashes (xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx)."
            )
        return value[1:-1].lower()

    def _moment(self) -> str:
        self.take("(")
        given: list[str] = []
        while self.peek()[1] != ")":
            given.append(self.take())
            if self.peek()[1] != ")":
                self.take(",")
        self.take(")")
        try:
            if len(given) == 1:
                return (
                    datetime.fromisoformat(given[0].strip('"'))
                    .replace(tzinfo=None)
                    .isoformat(timespec="milliseconds")
                )
            return datetime(*[int(part) for part in given]).isoformat(timespec="milliseconds")  # type: ignore[arg-type]
        except (ValueError, TypeError):
            raise QueryParse("The DateTime in the filter is not a date.") from None


def plain(value: str) -> str:
    """Text without case and accents, as Xero compares it."""
    if value.isascii():
        return value.lower()
    marks = unicodedata.normalize("NFKD", value)
    return "".join(sign for sign in marks if not unicodedata.combining(sign)).casefold()


def _tokens(text: str) -> list[tuple[str, str]]:
    found, at = [], 0
    text = text.rstrip()
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            raise QueryParse(f"Syntax error '{text[at]}' at position {at}")
        found.append((str(token.lastgroup), token[str(token.lastgroup)]))
        at = token.end()
    return found


def _field(name: str, known: Fields) -> Field:
    if name.lower() not in known:
        raise QueryParse(f"No property or field '{name}' exists")
    return known[name.lower()]


def _same_kind(field: Field, kind: str, sign: str) -> None:
    if kind not in (field.kind, "null"):
        raise QueryParse(f"Operator '{sign}' incompatible with operand types '{field.kind}' and '{kind}'")


def _comparable(field: Field, value: Any) -> Any:
    if value is None or value == "":
        return None
    if field.kind == "text":
        return plain(value)
    if field.kind == "moment":
        return f"{value}T00:00:00.000" if len(value) == 10 else value
    return value


def _sortable(field: Field, row: Doc) -> tuple[bool, Any]:
    value = _comparable(field, field.read(row))
    return (value is not None, value)


def _reader(name: str) -> Callable[[Doc], Any]:
    return lambda doc: doc.get(name)
