"""How SQLite goes about what it is asked: statements are listened to as they come, their plans read afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from portal.extensions import db
from portal.services.unit import release

Asked = dict[str, Any]


@contextmanager
def listening() -> Iterator[Asked]:
    """Every question and change but inserts of many, by its text, with what was asked for first."""
    asked: Asked = {}

    def hear(
        _line: object, _cursor: object, statement: str, values: object, _context: object, many: bool
    ) -> None:
        if not many and statement.split()[0] in ("SELECT", "UPDATE", "DELETE"):
            asked.setdefault(statement, values)

    event.listen(db.engine, "before_cursor_execute", hear)
    try:
        yield asked
    finally:
        event.remove(db.engine, "before_cursor_execute", hear)


def steps(asked: Asked) -> list[tuple[str, str]]:
    """Each step of each plan, with the statement that it is of."""
    line = db.session.connection()
    plans = {
        statement: line.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
        for statement, values in asked.items()
    }
    release()
    return [(str(row[-1]), statement) for statement, plan in plans.items() for row in plan]
