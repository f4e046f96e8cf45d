"""API v1: the verbs of the pages as JSON, for programs with a key."""

from importlib import import_module

from flask import Flask

from portal.extensions import csrf

ROOMS = ("reading", "writing", "mappings", "reconciling", "description")


def register(app: Flask) -> None:
    """Open the API; its door knows keys and no sessions, so forms' tokens have no part in it."""
    from portal.api.routes import room

    for name in ROOMS:
        import_module(f"portal.api.{name}")
    app.register_blueprint(room)
    csrf.exempt(room)
