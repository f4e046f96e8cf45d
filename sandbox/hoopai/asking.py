"""What the JSON faces share: bodies with exact numbers in and out, and the shop of the running app."""

from __future__ import annotations

from typing import Any

import simplejson
from flask import Response, current_app, request

from sandbox.hoopai.books import Refused
from sandbox.hoopai.jsontext import text_of
from sandbox.hoopai.shop import Shop


def shop() -> Shop:
    """The shop of the app that answers this request."""
    found: Shop = current_app.extensions["shop"]
    return found


def body() -> dict[str, Any]:
    """The request's JSON object with exact numbers, {} without a body; Refused when it is not one."""
    raw = request.get_data()
    if not raw:
        return {}
    try:
        found = simplejson.loads(raw, use_decimal=True)
    except ValueError:
        raise Refused("The body is not JSON.") from None
    if not isinstance(found, dict):
        raise Refused("The body must be a JSON object.")
    return found


def answer(content: Any, status: int = 200) -> Response:
    """A JSON answer with exact numbers."""
    return Response(text_of(content), status=status, mimetype="application/json")
