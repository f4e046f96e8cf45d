"""A mailbox for one test: the sandbox's own receiver of letters, over real SMTP."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from flask import Flask

from portal.services import mailing
from sandbox.clock import Clock
from sandbox.mail.box import Box
from sandbox.mail.smtp import Receiver
from sandbox.store import Store


class Mailbox:
    """What the portal of one test has mailed."""

    def __init__(self, box: Box, app: Flask) -> None:
        self.box = box
        self._app = app

    def fetch(self) -> list[dict[str, Any]]:
        """Have the portal send what is due; every letter so far, the newest first."""
        with self._app.app_context():
            mailing.send()
        return self.box.all()

    def newest(self, to: str) -> dict[str, Any]:
        """The newest letter to this address."""
        found = [letter for letter in self.fetch() if letter["to"] == [to]]
        assert found, f"no letter to {to}"
        return found[0]

    def link(self, to: str) -> str:
        """The path of the first link in the newest letter to this address; text and HTML have the same."""
        letter = self.newest(to)
        found = re.search(r"https?://\S+", letter["text"])
        assert found
        assert found[0] in letter["html"]
        parts = urlsplit(found[0])
        return f"{parts.path}?{parts.query}" if parts.query else parts.path


@contextmanager
def opened(app: Flask) -> Iterator[Mailbox]:
    """Let this portal's letters go to a mailbox of its own."""
    store = Store(None)
    box = Box(store, Clock(store))
    receiver = Receiver(box, 0)
    settings = app.extensions["portal.settings"]
    app.extensions["portal.settings"] = replace(settings, mail_url=f"smtp://127.0.0.1:{receiver.port}")
    try:
        yield Mailbox(box, app)
    finally:
        receiver.close()
        store.close()
