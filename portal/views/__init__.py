"""Rooms as people see them: parse, call one verb, answer."""

from flask import Flask
from flask_bootstrap import Bootstrap5
from htmx_flask import Htmx

from portal.extensions import csrf
from portal.views import (
    connections,
    frame,
    hooks,
    integrations,
    invoices,
    mappings,
    operations,
    overview,
    payments,
    pushes,
    sessions,
    troubleshooting,
    vendor,
)

ROOMS = (
    sessions.room,
    overview.room,
    integrations.room,
    connections.room,
    mappings.room,
    invoices.room,
    payments.room,
    pushes.room,
    troubleshooting.room,
    hooks.room,
    operations.room,
)


def register(app: Flask) -> None:
    """Open the rooms; only HoopAI's webhooks come without a form token."""
    Bootstrap5(app)
    Htmx(app)
    frame.register(app)
    for room in ROOMS:
        app.register_blueprint(room)
    app.register_blueprint(vendor.blueprint())
    csrf.exempt(hooks.room)
