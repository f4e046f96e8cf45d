"""The parts of the running stand-in, reachable from a view."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app

from sandbox.clock import Clock
from sandbox.xero.books import Books
from sandbox.xero.calls import Calls
from sandbox.xero.faults import Faults
from sandbox.xero.limits import Limits
from sandbox.xero.settings import Settings
from sandbox.xero.tokens import Tokens


@dataclass
class Here:
    """Everything a request may need. `service_time`: seconds a call takes at least, and per posted element."""

    settings: Settings
    clock: Clock
    books: Books
    tokens: Tokens
    limits: Limits
    faults: Faults
    calls: Calls
    service_time: tuple[float, float] = (0.0, 0.0)


def here() -> Here:
    """The stand-in this request came to."""
    found: Here = current_app.config["HERE"]
    return found
