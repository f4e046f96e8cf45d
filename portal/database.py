"""How the portal opens its database: PostgreSQL as it is, SQLite so that nothing committed is ever lost."""

import sqlite3
import time
from contextvars import ContextVar
from importlib import import_module
from types import ModuleType
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import DisconnectionError

from portal.errors import SettingMissing

writing: ContextVar[bool] = ContextVar("writing", default=False)

FIXED = (3, 51, 3)
TRUSTED = 1.0
PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA busy_timeout=10000",
    "PRAGMA foreign_keys=ON",
)


def engine_options(url: str) -> dict[str, Any]:
    """Arguments for `create_engine`. Raises SettingMissing where only a faulty SQLite is at hand.

    SQLite before 3.51.3 can lose commits when several processes write (sqlite.org, WAL-reset bug), so a fixed
    one is taken from the package pysqlite3 where the machine's own is older.
    """
    if not url.startswith("sqlite"):
        return {"pool_size": 10}
    return {"module": sqlite_module(), "connect_args": {"timeout": 10}}


def sqlite_module() -> ModuleType:
    """A DB-API module whose SQLite keeps what it committed. Raises SettingMissing if there is none."""
    if sqlite3.sqlite_version_info >= FIXED:
        return sqlite3
    packaged = _packaged_sqlite()
    if packaged is not None and packaged.sqlite_version_info >= FIXED:
        return packaged
    raise SettingMissing(
        f"DATABASE_URL is SQLite, but this machine's SQLite {sqlite3.sqlite_version} can lose commits; "
        "expected SQLite 3.51.3 or the package pysqlite3, or a postgresql:// address."
    )


def _packaged_sqlite() -> ModuleType | None:
    try:
        return import_module("pysqlite3.dbapi2")
    except ImportError:
        return None


def prepare(engine: Engine) -> None:
    """Set up each SQLite connection, and begin writers as writers; elsewhere, try idle connections before use."""
    if engine.dialect.name != "sqlite":
        event.listen(engine, "connect", _open_postgresql)
        event.listen(engine, "checkin", _lay_down)
        event.listen(engine, "checkout", _pick_up)
        return
    event.listen(engine, "connect", _open)
    event.listen(engine, "begin", _begin)


def _open(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _open_postgresql(connection: Any, _record: object) -> None:
    """What is committed must outlive a crash of the server, whatever the server's own settings say.

    A stamp that is lost would let a payment that has left be sent again. Stronger settings than `on` stay. And no
    question is answered by several processes: ours read little, and starting those takes 20 ms.
    """
    connection.execute(
        "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
    )
    connection.execute("SELECT set_config('max_parallel_workers_per_gather', '0', false)")
    connection.commit()


def _begin(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing.get() else "BEGIN")


def _lay_down(_connection: Any, record: Any) -> None:
    record.info["idle_since"] = time.monotonic()


def _pick_up(connection: Any, record: Any, _proxy: object) -> None:
    """Ask a connection that was idle for a while whether it still lives; a dead one is replaced by the pool."""
    if time.monotonic() - record.info.get("idle_since", time.monotonic()) < TRUSTED:
        return
    try:
        connection.execute("SELECT 1")
        connection.rollback()
    except Exception as error:
        raise DisconnectionError("The connection was closed while it was idle.") from error
