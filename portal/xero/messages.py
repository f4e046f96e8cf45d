"""Xero's validation messages in plain words: what is wrong, who can mend it, what comes next.

The fixed parts are matched loosely, in any case (developer.xero.com, HTTP response codes, and integrators'
reports).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from portal.xero.message_table import BOOKKEEPER, ROWS, US, YOU, Known

__all__ = ["ALL", "BOOKKEEPER", "US", "YOU", "Known", "explain", "explain_all"]

ALL: dict[str, Known] = {row.known.code: row.known for row in ROWS}


def explain(message: str) -> Known | None:
    """What `message` of Xero's means, None if it is not one we know."""
    text = " ".join(message.split())
    for row in ROWS:
        found = row.pattern.search(text)
        if found:
            subject = next((group.strip(" '\"") for group in found.groups() if group), None)
            return row.known if subject is None else replace(row.known, subject=subject)
    return None


def explain_all(messages: Iterable[str]) -> Known | None:
    """The first of `messages` we know something about; mapping and conflicts before the rest."""
    found = [known for known in map(explain, messages) if known]
    ranks = {"disconnected": 0, "conflict": 1, "mapping": 2, "limit": 3, "refused": 4, "done": 5, "bug": 6}
    return min(found, key=lambda known: ranks.get(known.kind, 9), default=None)
