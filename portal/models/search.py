"""What numbers are found by: two expressions that both databases keep in an index."""

from typing import Any

from sqlalchemy import ColumnElement, and_, func
from sqlalchemy.orm import Session

DIGITS = "0123456789"
LAST = "\U0010ffff"
OPERATORS = {"folded": "text_pattern_ops"}


def folded(text: Any) -> ColumnElement[str]:
    """A text in small letters; the index of it orders by bytes, so that a beginning is a range in any language."""
    return func.lower(text).label("folded")


def digits(number: Any) -> ColumnElement[str]:
    """The digits at a number's end without leading zeros: `1042` of `HS-01042`."""
    head = func.length(func.rtrim(number, DIGITS))
    return func.ltrim(func.substr(number, head + 1), "0")


def begins(session: Session, column: Any, beginning: str) -> ColumnElement[bool]:
    """The condition that a text begins so, in any case: said so that this database takes the index of `folded`."""
    text, low = func.lower(column), beginning.lower()
    if session.get_bind().dialect.name == "postgresql":
        return text.startswith(low, autoescape=True)
    return and_(text >= low, text < low + LAST)
