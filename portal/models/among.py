"""Whether a number is one of many, the many handed over as one parameter.

`IN (…)` names a parameter for each: a text of its own for each count, which has to be made, read and planned anew.
This one is the same text however many there are.
"""

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import ARRAY, BindParameter, Boolean, ColumnElement, Integer, String, bindparam
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine


class Ids(TypeDecorator[list[int]]):
    """Ids as one value: an array, on SQLite a list in JSON."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """How this database takes it."""
        return dialect.type_descriptor(String() if dialect.name == "sqlite" else ARRAY(Integer))

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Any ids → what the database takes."""
        found = list(value)
        return json.dumps(found) if dialect.name == "sqlite" else found


def among(column: Any, ids: Iterable[int] | str) -> ColumnElement[bool]:
    """The condition that `column` is one of these ids, or of those that the parameter of this name will have."""
    return _Among(column, named(ids) if isinstance(ids, str) else bindparam(None, ids, Ids(), unique=True))


def named(name: str) -> BindParameter[list[int]]:
    """Ids that are handed over when the statement runs."""
    return bindparam(name, type_=Ids())


class _Among(FunctionElement[bool]):
    name = "among"
    type = Boolean()
    inherit_cache = True

    def self_group(self, against: Any = None) -> Any:
        """As it stands: SQLite would compare it with 1, and then look into every row."""
        return self


@compiles(_Among, "postgresql")
def _array(element: _Among, compiler: SQLCompiler, **how: Any) -> str:
    column, ids = (compiler.process(each, **how) for each in element.clauses)
    return f"{column} = ANY ({ids})"


@compiles(_Among, "sqlite")
def _list(element: _Among, compiler: SQLCompiler, **how: Any) -> str:
    column, ids = (compiler.process(each, **how) for each in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({ids}))"
