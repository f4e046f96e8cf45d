"""The sandbox's front door: two links, and the shared stylesheet under /static/."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Flask, jsonify, render_template
from flask.typing import ResponseReturnValue

HERE = Path(__file__).parent


def create_app(settings: dict[str, Any]) -> Flask:
    """The page at / with links to both stand-ins and to the portal; /healthz says that the sandbox is up."""
    app = Flask(
        "sandbox.landing", template_folder=str(HERE / "templates"), static_folder=str(HERE / "static")
    )

    @app.get("/")
    def index() -> ResponseReturnValue:
        return render_template("landing/index.html", portal_url=settings["portal_url"])

    @app.get("/healthz")
    def alive() -> ResponseReturnValue:
        return jsonify({"status": "ok"})

    return app
