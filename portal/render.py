"""How a view answers: a page for a browser, a fragment for htmx, and a message when something was done."""

import json
from typing import Any
from urllib.parse import urlsplit

from flask import Response, flash, g, get_flashed_messages, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse


def wants_fragment() -> bool:
    """Whether htmx asks for a piece of the page rather than the browser for all of it."""
    headers = request.headers
    return (
        headers.get("HX-Request") == "true"
        and headers.get("HX-Boosted") != "true"
        and headers.get("HX-History-Restore-Request") != "true"
    )


def page_or(fragment: str, page: str, /, status: int = 200, **context: Any) -> Response:
    """Render `page`; for htmx `fragment`, with the menu's counts and the banner beside it (swapped out of band).

    Waiting messages then come as a `toast` event.
    """
    if not wants_fragment():
        return make_response(render_template(page, **context), status)
    around = render_template("components/_around.html") if "location" in g else ""
    response = make_response(render_template(fragment, **context) + around, status)
    waiting: list[Any] = list(get_flashed_messages(with_categories=True))
    messages = [{"kind": kind, "text": text} for kind, text in waiting]
    if messages:
        response.headers["HX-Trigger"] = json.dumps({"toast": {"messages": messages}})
    return response


def done(message: str, to: str, kind: str = "success") -> AnyResponse:
    """Say `message` and go on to `to`; htmx follows by itself and gets that address's fragment."""
    flash(message, kind)
    return redirect(to, 303)


def back(default: str) -> str:
    """The page of this site that the person came from, else `default`."""
    parts = urlsplit(request.headers.get("HX-Current-URL") or request.referrer or "")
    if parts.netloc != request.host or not parts.path.startswith("/") or parts.path.startswith("//"):
        return default
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
