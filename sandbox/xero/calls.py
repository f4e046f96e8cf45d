"""The call log: what was asked and answered, for tests and for the people's page. Never bodies, never tokens."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any

_KEPT = 50_000


class Calls:
    """Numbered from 1; the newest 50,000 are kept in memory."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: deque[dict[str, Any]] = deque(maxlen=_KEPT)
        self._last = 0

    def add(self, row: dict[str, Any]) -> None:
        """Log one call under the next number."""
        with self._lock:
            self._last += 1
            self._rows.append({"n": self._last} | row)

    def since(self, number: int) -> list[dict[str, Any]]:
        """The calls after `number`, oldest first."""
        with self._lock:
            return [row for row in self._rows if row["n"] > number]

    def clear(self) -> None:
        """Forget all; numbering goes on."""
        with self._lock:
            self._rows.clear()
