"""The mailbox: every letter with its text and its HTML, and a control for tests."""

from __future__ import annotations

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    jsonify,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue

from sandbox.mail.box import Box
from sandbox.store import Document

blueprint = Blueprint("pages", __name__)
# A letter may ask for nothing, run nothing and reach nothing; its links open outside of the frame.
LETTER = "default-src 'none'; style-src 'unsafe-inline'; sandbox allow-popups allow-popups-to-escape-sandbox"


@blueprint.get("/")
def index() -> ResponseReturnValue:
    """All letters."""
    return render_template("mail/index.html", letters=_box().all())


@blueprint.get("/<int:number>")
def show(number: int) -> ResponseReturnValue:
    """One letter: headers, text, and its HTML in a closed frame."""
    return render_template("mail/letter.html", letter=_one(number))


@blueprint.get("/<int:number>/html")
def html(number: int) -> ResponseReturnValue:
    """The letter's HTML alone, shut in by its policy."""
    shown = _one(number)["html"].replace("<head>", '<head><base target="_blank">', 1)
    headers = {"Content-Security-Policy": LETTER, "Referrer-Policy": "no-referrer"}
    return Response(shown, headers=headers, content_type="text/html; charset=utf-8")


@blueprint.post("/empty")
def empty() -> ResponseReturnValue:
    """Throw all letters away."""
    _box().empty()
    return redirect(url_for("pages.index"), 303)


@blueprint.get("/control/letters")
def letters() -> ResponseReturnValue:
    """Every letter as JSON, the newest first; `?to=` keeps those to one address."""
    to = request.args.get("to")
    return jsonify({"letters": [each for each in _box().all() if not to or to in each["to"]]})


@blueprint.delete("/control/letters")
def forget() -> ResponseReturnValue:
    """The same as `empty`."""
    _box().empty()
    return "", 204


@blueprint.post("/control/refusals")
def refuse() -> ResponseReturnValue:
    """How the next letters are answered: `{"code": 451, "words": "later", "times": 1}`; 0 takes one and hangs up."""
    wish = request.get_json(force=True)
    _box().refuse(int(wish["code"]), str(wish.get("words", "no")), int(wish.get("times", 1)))
    return "", 204


def _box() -> Box:
    found: Box = current_app.config["BOX"]
    return found


def _one(number: int) -> Document:
    return _box().one(number) or abort(404)
