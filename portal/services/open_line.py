"""A connection of its own that stays open from one commit to the next, and statements compiled once.

Lending a connection, beginning, compiling and taking it back costs several times what a short write costs itself; here
that is done once. Durable as ever: the connection is one of the engine's, with all that `database.prepare` sets.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ClauseElement, Engine
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.compiler import SQLCompiler

Row = Mapping[str, Any]


class Statement:
    """A statement as the database's driver takes it; `columns` are those that a row has, for an insert."""

    def __init__(
        self, statement: ClauseElement, dialect: Dialect, columns: Sequence[str] | None = None
    ) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=columns)
        assert isinstance(compiled, SQLCompiler)
        self.text = str(compiled)
        self._positional = compiled.positional
        names = compiled.positiontup if compiled.positiontup is not None else list(compiled.binds)
        types = {name: compiled.binds[name].type.dialect_impl(dialect) for name in names}
        self._each = [(name, types[name].bind_processor(dialect)) for name in names]

    def values(self, row: Row) -> list[Any] | dict[str, Any]:
        """What stands for the row's values in the text. Raises as the column's type for one that is none."""
        found = {name: process(row[name]) if process else row[name] for name, process in self._each}
        return list(found.values()) if self._positional else found


Step = tuple[Statement, Row]


class OpenLine:
    """The connection; opened at the first write, closed after any error. Not for two threads at once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._begin = "BEGIN IMMEDIATE" if engine.dialect.name == "sqlite" else "BEGIN"
        self._line: Any = None

    def write(self, steps: Sequence[Step]) -> list[int]:
        """Do all steps in one transaction, durable on return; how many rows each one changed. Raises as the driver.

        A connection that has died since the last write is replaced, and all is done once more. It may have died with
        the answer to its commit on the way, so the steps have to be such that doing them twice does no harm.
        """
        kept = self._line is not None
        try:
            return self._write(steps)
        except BaseException as error:
            again = kept and self._has_died(error)
            self.close()
            if not again:
                raise
        return self.write(steps)

    def close(self) -> None:
        """Hang up; the next write opens another."""
        line, self._line = self._line, None
        if line is not None:
            line.close()

    def _write(self, steps: Sequence[Step]) -> list[int]:
        line = self._line = self._line or self._opened()
        if len(steps) == 1:
            return [_changed(line, *steps[0])]
        line.execute(self._begin)
        counts = [_changed(line, *step) for step in steps]
        line.execute("COMMIT")
        return counts

    def _has_died(self, error: Any) -> bool:
        return self._engine.dialect.is_disconnect(error, self._line, None)

    def _opened(self) -> Any:
        """A connection that is no longer the pool's; what it is told counts at once unless a transaction was begun."""
        lent = self._engine.raw_connection()
        lent.detach()
        line = lent.dbapi_connection
        assert line is not None
        self._engine.dialect.set_isolation_level(line, "AUTOCOMMIT")
        return line


def _changed(line: Any, statement: Statement, row: Row) -> int:
    count: int = line.execute(statement.text, statement.values(row)).rowcount
    return count
