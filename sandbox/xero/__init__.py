"""A stand-in for Xero: identity, connections and the accounting API with its rules, a page for people, a control for
tests. Facts are from developer.xero.com; every record in it is invented.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from flask import Flask, Response, request

from sandbox.clock import Clock
from sandbox.store import Store
from sandbox.xero import control, gate, identity, pages
from sandbox.xero.books import Books
from sandbox.xero.calls import Calls
from sandbox.xero.charts.seed import seed
from sandbox.xero.faults import Faults
from sandbox.xero.here import Here, here
from sandbox.xero.limits import Limits
from sandbox.xero.settings import Settings
from sandbox.xero.tokens import Tokens
from sandbox.xero.wire import Answer, Asked

_METHODS = ["GET", "PUT", "POST", "DELETE", "PATCH"]


def create_app(store: Store, clock: Clock, settings: Mapping[str, Any] | None = None) -> Flask:
    """The stand-in over a store and a clock; what is kept there goes on, else the three organisations are made."""
    app = Flask("sandbox.xero", template_folder="../templates", static_folder=None, root_path=__path__[0])
    books = Books(store, clock)
    app.config["HERE"] = Here(
        Settings.read(settings), clock, books, Tokens(books), Limits(), Faults(), Calls()
    )
    seed(books)
    with books.writing():
        _ = app.config["HERE"].tokens.key
    app.register_blueprint(identity.blueprint)
    app.register_blueprint(control.blueprint)
    app.register_blueprint(pages.blueprint)
    app.add_url_rule("/connect/token", view_func=_token, methods=["POST"])
    app.add_url_rule("/connect/revocation", view_func=_revoke, methods=["POST"])
    for rule in ("/connections", "/Connections"):
        app.add_url_rule(rule, rule, _api, methods=_METHODS)
        app.add_url_rule(f"{rule}/<path:rest>", f"{rule}/one", _api, methods=_METHODS)
    app.add_url_rule("/api.xro/2.0/<path:rest>", "api", _api, methods=_METHODS)
    return app


def _api(rest: str = "") -> Response:
    return sent(gate.serve(_asked(), here()))


def _token() -> Response:
    return sent(gate.guarded(_asked(), here(), identity.token))


def _revoke() -> Response:
    return sent(gate.guarded(_asked(), here(), identity.revoke))


def _asked() -> Asked:
    headers = {name.lower(): value for name, value in request.headers.items()}
    path = request.environ.get("PATH_INFO", request.path)
    raw_query = request.query_string.decode("ascii", "replace")
    return Asked(request.method, path, raw_query, headers, request.get_data())


def sent(answer: Answer) -> Response:
    """The answer as a web response; `drop` and `truncate` break the connection."""
    if answer.cut == "drop":
        _hang_up()
    body = answer.body[: len(answer.body) // 2] if answer.cut == "truncate" else answer.body
    response = Response(body, answer.status or 500, headers=answer.headers)
    response.headers.pop("Content-Type", None)
    if answer.content_type:
        response.headers["Content-Type"] = answer.content_type
    if answer.cut == "truncate":
        response.headers["Connection"] = "close"
        response.headers["Content-Length"] = str(len(answer.body))
    return response


def _hang_up() -> None:
    """Close the caller's connection without a byte; without a real one the caller sees the exception itself."""
    wire = request.environ.get("werkzeug.socket") or request.environ.get("gunicorn.socket")
    if not isinstance(wire, socket.socket):
        raise ConnectionResetError("the stand-in hung up")
    with suppress(OSError):
        wire.shutdown(socket.SHUT_RDWR)


__all__ = ["create_app"]
