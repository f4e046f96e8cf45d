"""What numbers are found by: two expressions that both databases keep in an index."""

from typing import Any

from sqlalchemy import ColumnElement, and_, func, literal_column
from sqlalchemy.orm import Session

DIGITS: ColumnElement[str] = literal_column("'0123456789'")
NOUGHT: ColumnElement[str] = literal_column("'0'")
AFTER: ColumnElement[int] = literal_column("1")
LAST = "\U0010ffff"
OPERATORS = {"folded": "text_pattern_ops"}


def folded(text: Any) -> ColumnElement[str]:
    """A text in small letters; the index of it orders by bytes, so that a beginning is a range in any language."""
    return func.lower(text).label("folded")


def digits(number: Any) -> ColumnElement[str]:
    """The digits at a number's end without leading zeros: `1042` of `HS-01042`.

    All of it is literal: SQLite takes the index of an expression only where nothing in it is a parameter.
    """
    head = func.length(func.rtrim(number, DIGITS))
    return func.ltrim(func.substr(number, head + AFTER), NOUGHT)


def begins(session: Session, column: Any, beginning: str) -> ColumnElement[bool]:
    """The condition that a text begins so, in any case: said so that this database takes the index of `folded`.

    A beginning without a digit fits most numbers of a location; SQLite then had to sort them all to find the newest,
    so there the index is kept out of it and the newest are walked through.
    """
    text, low = func.lower(column), beginning.lower()
    if session.get_bind().dialect.name == "postgresql":
        return text.startswith(low, autoescape=True)
    told = text if any(map(str.isdigit, low)) else text.concat("")
    return and_(told >= low, told < low + LAST)
