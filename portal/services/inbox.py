"""Deliveries made durable: those that come in while one is being committed share the next commit.

A commit waits for the disk, and SQLite has one writer at a time. So whoever gets hold of the pen writes for all that
have come in meanwhile, and each hears how its own went.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import current_app
from sqlalchemy import Engine, Table, bindparam, event, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from portal import clock
from portal.extensions import db
from portal.models import InboundEvent, Source
from portal.services.listening import Listener
from portal.services.open_line import OpenLine, Statement, Step
from portal.services.unit import transaction

EVENTS: Table = InboundEvent.metadata.tables["inbound_events"]
SOURCES: Table = Source.metadata.tables["sources"]
GIVEN = [
    "source_id",
    "location_id",
    "dedupe",
    "received_at",
    "event",
    "shape",
    "hoop_id",
    "body",
    "state",
    "reason",
]
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
    """What waits for the next commit on one database, and the line over which it is written."""

    def __init__(self, engine: Engine) -> None:
        self._waiting: deque[_Entry] = deque()
        self._pen = threading.Lock()
        self._line = OpenLine(engine)
        self._insert, self._mark = _insert(engine), _mark(engine)
        driver: Any = engine.dialect.dbapi
        self._away = (driver.OperationalError, driver.InterfaceError, SQLAlchemyError)
        event.listen(engine, "engine_disposed", self._put_away)

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
            self._keep(entries)
        finally:
            for entry in entries:
                entry.done = True

    def _keep(self, entries: Sequence[_Entry]) -> None:
        """All in one transaction; where one breaks it, each in its own. With the database away all fail at once."""
        try:
            self._commit(entries)
        except self._away as away:
            _fail(entries, away)
        except Exception as error:
            if len(entries) == 1:
                _fail(entries, error)
            else:
                for entry in entries:
                    self._keep([entry])

    def _commit(self, entries: Sequence[_Entry]) -> None:
        """Each source that was heard of is marked, in order, so that no two processes wait for each other."""
        due = _due(entries)
        steps: list[Step] = [(self._insert, entry.row) for entry in entries]
        steps += [(self._mark, {"source": each.source_id, "at": clock.now()}) for each in due]
        for entry, count in zip(entries, self._line.write(steps), strict=False):
            entry.new, entry.error = count > 0, None
        for each in due:
            each.marked = time.monotonic()

    def _put_away(self, _engine: Engine) -> None:
        with self._pen:
            self._line.close()


def store(listener: Listener, row: dict[str, Any]) -> bool:
    """Keep a delivery for good, with all that came in at the same time; whether it is new. Raises as the driver."""
    entry = _Entry(listener, row)
    _tray().put(entry)
    if entry.error is not None:
        raise entry.error
    return entry.new


def count_refusal(source_id: int, reason: str) -> None:
    """A delivery was refused at the door; the last reason is kept for the page."""
    refused = update(SOURCES).where(SOURCES.c.id == source_id)
    with transaction() as session:
        session.execute(
            refused.values(
                refused_count=SOURCES.c.refused_count + 1, refused_at=clock.now(), refused_reason=reason[:200]
            )
        )


def _tray() -> _Tray:
    """The app's own in this process: a child that was forked leaves its parent's pen and line alone."""
    kept = current_app.extensions
    name = f"portal.inbox.{os.getpid()}"
    found: _Tray = kept.get(name) or kept.setdefault(name, _Tray(db.engine))
    return found


def _due(entries: Sequence[_Entry]) -> list[Listener]:
    """Whose `last_delivery_at` has to be written, every two seconds at most."""
    now = time.monotonic()
    heard = {entry.listener.source_id: entry.listener for entry in entries}
    return [heard[key] for key in sorted(heard) if now - heard[key].marked > MARK_EVERY]


def _fail(entries: Sequence[_Entry], error: Exception) -> None:
    for entry in entries:
        entry.error = error


def _insert(engine: Engine) -> Statement:
    """Store an event unless it is known."""
    make = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert
    unless_known = make(EVENTS).on_conflict_do_nothing(index_elements=["source_id", "dedupe"])
    return Statement(unless_known.inline(), engine.dialect, GIVEN)


def _mark(engine: Engine) -> Statement:
    """When a source was last heard of."""
    source = update(SOURCES).where(SOURCES.c.id == bindparam("source"))
    return Statement(source.values(last_delivery_at=bindparam("at")), engine.dialect)
