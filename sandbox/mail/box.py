"""The letters that came, as they came, and the refusals that a test asks for."""

from __future__ import annotations

import threading
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from sandbox.clock import Clock
from sandbox.store import Document, Store

KIND = "mail/letters"
MOST = 500


class Box:
    """All letters, the newest last; any number of threads."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._refusals: list[tuple[int, str]] = []

    def put(self, sender: str, to: list[str], data: bytes) -> None:
        """Keep a letter; the oldest go when there are too many."""
        message = message_from_bytes(data, policy=policy.default)
        assert isinstance(message, EmailMessage)
        with self._store.unit():
            number = max((each["number"] for each in self._store.view(KIND)), default=0) + 1
            letter = {
                "number": number,
                "at": self._clock.now().isoformat(timespec="seconds"),
                "sender": sender,
                "to": to,
                "subject": str(message["Subject"] or ""),
                "headers": {name: str(value) for name, value in message.items()},
                "text": _part(message, "plain"),
                "html": _part(message, "html"),
            }
            self._store.put(KIND, str(number), letter)
            self._store.delete(KIND, str(number - MOST))

    def all(self) -> list[Document]:
        """Every letter, the newest first."""
        return self._store.all(KIND)[::-1]

    def one(self, number: int) -> Document | None:
        """The letter with this number."""
        return self._store.get(KIND, str(number))

    def empty(self) -> None:
        """Throw all letters away."""
        self._store.clear(KIND)

    def refuse(self, code: int, words: str, times: int) -> None:
        """Answer the next letters with this code instead of taking them; 0 takes the letter and then hangs up."""
        with self._lock:
            self._refusals += [(code, words)] * times

    def refusal(self) -> tuple[int, str] | None:
        """The next answer that somebody asked for."""
        with self._lock:
            return self._refusals.pop(0) if self._refusals else None


def _part(message: EmailMessage, kind: str) -> str:
    body: Any = message.get_body((kind,))
    return str(body.get_content()) if body is not None else ""
