"""Stand-ins for Xero, HoopAI and a mail server to try the portal with; nothing here knows the portal."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from werkzeug.middleware.dispatcher import DispatcherMiddleware

from sandbox import landing
from sandbox.clock import Clock
from sandbox.store import Store

ROOMS = ("xero", "hoopai", "mail")
WSGI = Callable[..., Iterable[bytes]]


class Sandbox:
    """All stand-ins and the landing page as one WSGI program; `close()` stops its threads and its store."""

    def __init__(self, store: Store, clock: Clock, settings: dict[str, Any]) -> None:
        self.store = store
        self.clock = clock
        self.settings = settings
        self._at_close: list[Callable[[], None]] = settings.setdefault("at_close", [])
        rooms = {f"/{name}": _room(name, store, clock, settings) for name in ROOMS}
        self._wsgi = DispatcherMiddleware(landing.create_app(settings), rooms)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request (WSGI)."""
        return self._wsgi(environ, start_response)

    def close(self) -> None:
        """Stop what the rooms started, newest first, then close the store."""
        while self._at_close:
            self._at_close.pop()()
        self.store.close()


def create_app(data_dir: Path | None = None, **settings: Any) -> Sandbox:
    """Join the stand-ins over one store; `data_dir` None keeps everything in memory only.

    Settings: `portal_url` (link on the landing page, default http://localhost:8000), `mail_port` (where letters
    are taken, 0 for any free port, None for nowhere), and what a room reads.
    A room adds to `settings["at_close"]` what must be called when the sandbox closes.
    """
    path = None
    if data_dir is not None:
        data_dir.mkdir(parents=True, exist_ok=True)
        path = data_dir / "sandbox.sqlite3"
    store = Store(path)
    settings.setdefault("portal_url", "http://localhost:8000")
    return Sandbox(store, Clock(store), settings)


def _room(name: str, store: Store, clock: Clock, settings: dict[str, Any]) -> WSGI:
    room: WSGI = importlib.import_module(f"sandbox.{name}").create_app(store, clock, settings)
    return room
