"""Links in notices: agreeing to get them, and ending them. Both work without signing in."""

from flask import Blueprint, make_response, render_template, request
from werkzeug.wrappers import Response

from portal.services import watchers

room = Blueprint("watching", __name__, url_prefix="/notices")


@room.route("/confirm/<key>", methods=["GET", "POST"])
def confirm(key: str) -> Response:
    """An address agrees; the page asks first, because mail scanners open links."""
    found = watchers.asked(key)
    location, address = found.location.name, found.email
    if request.method == "POST":
        watchers.confirm(key)
    return _page("confirm", location, address, request.method == "POST")


@room.route("/unsubscribe/<token>", methods=["GET", "POST"])
def unsubscribe(token: str) -> Response:
    """No more letters: at once for a mail program's POST (RFC 8058) and for the page's button."""
    found = watchers.behind(token)
    location, address = found.location.name, found.email or (found.user.email if found.user else "")
    if request.method == "POST":
        watchers.unsubscribe(token, everywhere="everywhere" in request.form)
    return _page("unsubscribe", location, address, request.method == "POST")


def _page(name: str, location: str, address: str | None, finished: bool) -> Response:
    words = {"location_name": location, "address": address, "finished": finished}
    return make_response(
        render_template(f"watching/{name}.html", **words, everywhere="everywhere" in request.form)
    )
