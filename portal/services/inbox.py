"""Deliveries made durable: those that come in while one is being committed share the next commit.

A commit waits for the disk, and SQLite has one writer at a time. So whoever gets hold of the lock writes for all that
have come in meanwhile, and each hears how its own went.
"""

import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sqlalchemy import Connection, Table, bindparam, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.sql.dml import Insert

from portal import clock, database
from portal.extensions import db
from portal.models import InboundEvent, Source
from portal.services.listening import Listener

EVENTS: Table = InboundEvent.metadata.tables["inbound_events"]
SOURCES: Table = Source.metadata.tables["sources"]
_MARK = update(SOURCES).where(SOURCES.c.id == bindparam("source")).values(last_delivery_at=bindparam("at"))
MARK_EVERY = 2.0
MOST = 100


@dataclass(slots=True)
class _Entry:
    """One delivery on its way to the disk; `new` if it was not known before. Its `error` stands until it is kept."""

    listener: Listener
    row: dict[str, Any] = field(repr=False)
    done: bool = False
    new: bool = False
    error: Exception | None = field(default_factory=lambda: RuntimeError("The writing was cut short."))


class _Tray:
    """What waits for the next commit on one database."""

    def __init__(self) -> None:
        self._waiting: deque[_Entry] = deque()
        self._pen = threading.Lock()

    def put(self, entry: _Entry) -> None:
        """Returns when the entry is durable or has failed."""
        self._waiting.append(entry)
        while not entry.done:
            with self._pen:
                if not entry.done:
                    self._write()

    def _write(self) -> None:
        entries = [self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))]
        try:
            _keep(entries)
        finally:
            for entry in entries:
                entry.done = True


_trays: dict[str, _Tray] = {}


def store(listener: Listener, row: dict[str, Any]) -> bool:
    """Keep a delivery for good, with all that came in at the same time; whether it is new. Raises as the database."""
    entry = _Entry(listener, row)
    _trays.setdefault(str(db.engine.url), _Tray()).put(entry)
    if entry.error is not None:
        raise entry.error
    return entry.new


def count_refusal(source_id: int, reason: str) -> None:
    """A delivery was refused at the door; the last reason is kept for the page."""
    refused = update(SOURCES).where(SOURCES.c.id == source_id)
    with _writing(1) as line:
        line.execute(
            refused.values(
                refused_count=SOURCES.c.refused_count + 1, refused_at=clock.now(), refused_reason=reason[:200]
            )
        )


def _keep(entries: Sequence[_Entry]) -> None:
    """All in one transaction; where one breaks it, each in its own. With the database away none is tried twice."""
    try:
        with _writing(len(entries)) as line:
            for entry in entries:
                entry.new = bool(line.execute(_insert(line.dialect.name), entry.row).rowcount)
            _mark(line, [entry.listener for entry in entries])
        for entry in entries:
            entry.error = None
    except (OperationalError, InterfaceError) as away:
        _fail(entries, away)
    except Exception as error:
        if len(entries) == 1:
            _fail(entries, error)
        else:
            for entry in entries:
                _keep([entry])


def _fail(entries: Sequence[_Entry], error: Exception) -> None:
    for entry in entries:
        entry.error = error


def _mark(line: Connection, listeners: Sequence[Listener]) -> None:
    """When each source was last heard of, every two seconds at most; in order, so that no two wait for each other."""
    due = {each.source_id: each for each in listeners if time.monotonic() - each.marked > MARK_EVERY}
    for source_id in sorted(due):
        line.execute(_MARK, {"source": source_id, "at": clock.now()})
        due[source_id].marked = time.monotonic()


@contextmanager
def _writing(many: int) -> Iterator[Connection]:
    """A connection whose statements are durable once it is closed. PostgreSQL commits a single one in one go."""
    if many == 1 and db.engine.dialect.name == "postgresql":
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as line:
            yield line
        return
    token = database.writing.set(True)
    try:
        with db.engine.begin() as line:
            yield line
    finally:
        database.writing.reset(token)


@cache
def _insert(dialect: str) -> Insert:
    """Store an event unless it is known; compiled once."""
    make = postgresql.insert if dialect == "postgresql" else sqlite.insert
    unless_known = make(EVENTS).on_conflict_do_nothing(index_elements=["source_id", "dedupe"])
    return unless_known.execution_options(preserve_rowcount=True)
