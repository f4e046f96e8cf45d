"""The stand-in for HoopAI: a small invoicing shop that sends webhooks and answers the REST calls of the real one."""

from __future__ import annotations

from typing import Any

from flask import Flask

from sandbox.clock import Clock
from sandbox.store import Store


def create_app(store: Store, clock: Clock, settings: dict[str, Any]) -> Flask:
    """The stand-in as a Flask app to be mounted under /hoopai."""
    app = Flask("sandbox.hoopai")
    app.config.update(STORE=store, CLOCK=clock, SETTINGS=settings)
    return app
