"""Documents in memory, written through to one SQLite file, so that a restart of `run` keeps the books."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import simplejson

Document = dict[str, Any]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL,
    UNIQUE (kind, id)
)"""
_PUT = """
INSERT INTO documents (kind, id, body) VALUES (?, ?, ?)
ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body"""


class Store:
    """Plain documents by kind and id. One process, any number of threads.

    A document is made of dict, list, str, int, bool, None and Decimal (dates as ISO text). What is handed in
    and out is copied, so a change counts only when it is put back. `path` None keeps nothing on disk.
    """

    def __init__(self, path: Path | None) -> None:
        self.lock = threading.RLock()
        self._kinds: dict[str, dict[str, Document]] = {}
        self._depth = 0
        self._undo: list[tuple[str, dict[str, Document] | None]] = []
        self._db = sqlite3.connect(
            path or ":memory:", check_same_thread=False, isolation_level=None, timeout=10
        )
        if path is not None:
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
        self._durable = path is not None
        self._db.execute(_SCHEMA)
        for kind, key, body in self._db.execute("SELECT kind, id, body FROM documents ORDER BY seq"):
            self._kinds.setdefault(kind, {})[key] = simplejson.loads(body, use_decimal=True)

    def get(self, kind: str, key: str) -> Document | None:
        """The document, as a copy of your own, or None."""
        with self.lock:
            found = self._kinds.get(kind, {}).get(key)
            return None if found is None else _copied(found)

    def all(self, kind: str) -> list[Document]:
        """All documents of a kind, copies, in the order they were first put."""
        with self.lock:
            return [_copied(document) for document in self._kinds.get(kind, {}).values()]

    def view(self, kind: str) -> list[Document]:
        """Like `all` without copying: for reading many documents fast. Never change what you get."""
        with self.lock:
            return list(self._kinds.get(kind, {}).values())

    def count(self, kind: str) -> int:
        """How many documents of a kind there are."""
        with self.lock:
            return len(self._kinds.get(kind, {}))

    def put(self, kind: str, key: str, document: Document) -> None:
        """Keep a copy of the document under kind and key, replacing what was there; durable when this
        returns, or, inside a `unit()`, when the unit ends.
        """
        with self.unit():
            self._remember(kind, key)
            self._kinds.setdefault(kind, {})[key] = _copied(document)
            if self._durable:
                self._db.execute(_PUT, (kind, key, simplejson.dumps(_written(document), use_decimal=True)))

    def delete(self, kind: str, key: str) -> None:
        """Forget a document; one that is not there is no error."""
        with self.unit():
            if key in self._kinds.get(kind, {}):
                self._remember_kind(kind)
                del self._kinds[kind][key]
                self._db.execute("DELETE FROM documents WHERE kind = ? AND id = ?", (kind, key))

    def clear(self, prefix: str) -> None:
        """Forget every document whose kind begins with `prefix`."""
        with self.unit():
            for kind in [kind for kind in self._kinds if kind.startswith(prefix)]:
                self._remember_kind(kind)
                self._kinds[kind] = {}
                self._db.execute("DELETE FROM documents WHERE kind = ?", (kind,))

    @contextmanager
    def unit(self) -> Iterator[None]:
        """One durable commit for all that happens inside, or none of it. Holds the lock; nests."""
        with self.lock:
            outermost = self._depth == 0
            if outermost:
                self._undo = []
                self._db.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
            except BaseException:
                if outermost:
                    self._db.execute("ROLLBACK")
                    self._take_back()
                raise
            else:
                if outermost:
                    self._db.execute("COMMIT")
            finally:
                self._depth -= 1

    def close(self) -> None:
        """Close the file; the store is not usable afterwards."""
        with self.lock:
            self._db.close()

    def _remember(self, kind: str, key: str) -> None:
        documents = self._kinds.get(kind, {})
        before = documents.get(key)
        self._undo.append((f"{kind}\0{key}", None if before is None else {key: before}))

    def _remember_kind(self, kind: str) -> None:
        self._undo.append((kind, dict(self._kinds.get(kind, {}))))

    def _take_back(self) -> None:
        for where, before in reversed(self._undo):
            kind, one, key = where.partition("\0")
            documents = self._kinds.setdefault(kind, {})
            if not one:
                self._kinds[kind] = before or {}
            elif before is None:
                documents.pop(key, None)
            else:
                documents[key] = before[key]


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_copied(inner) for inner in value]
    return value


def _written(value: Any) -> Any:
    """What is written to disk: a whole Decimal with an exponent, so that it is read as a Decimal again."""
    if isinstance(value, dict):
        return {key: _written(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_written(inner) for inner in value]
    if isinstance(value, Decimal) and value.as_tuple().exponent == 0:
        return simplejson.RawJSON(f"{value}e0")
    return value
