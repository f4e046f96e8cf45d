"""The stand-in for HoopAI: a small invoicing shop that sends webhooks and answers the REST calls of the real
one.

What it does follows HoopAI's help pages (help.hoopai.com) and the public HighLevel specification
(github.com/GoHighLevel/highlevel-api-docs); where those are silent, the docstring of the function says what
we chose.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from flask import Flask

from sandbox.clock import Clock
from sandbox.hoopai import control, pages, rest, seed
from sandbox.hoopai.books import Books, places
from sandbox.hoopai.postman import Postman
from sandbox.hoopai.shop import Shop
from sandbox.store import Store

TEMPLATES = Path(__file__).parent.parent / "templates"


def create_app(store: Store, clock: Clock, settings: dict[str, Any]) -> Flask:
    """The stand-in as a Flask app to be mounted under /hoopai; starts the thread that delivers webhooks.

    Reads from settings: `hoopai_senders` (threads that deliver at the same time, default 4). Adds the
    postman's stop to `settings["at_close"]`.
    """
    app = Flask("sandbox.hoopai", template_folder=str(TEMPLATES), static_folder=None)
    books = Books(store, clock)
    seed.sow_once(books)
    postman = Postman(books, senders=int(settings.get("hoopai_senders", 4)))
    app.extensions["shop"] = Shop(books, postman)
    app.jinja_env.filters["money"] = _money
    for room in (rest, control, pages):
        app.register_blueprint(room.blueprint)
    settings.setdefault("at_close", []).append(postman.stop)
    postman.start()
    return app


def _money(amount: Decimal | int, currency: str) -> str:
    return f"{currency} {Decimal(amount):,.{places(currency)}f}"
