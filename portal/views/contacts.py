"""Contacts that need a decision: which one in Xero is meant, or a new one."""

from typing import Any

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from portal.errors import ChooseAgain
from portal.render import done, page_or
from portal.security import here, me
from portal.services import contact_review

room = Blueprint("contacts", __name__, url_prefix="/locations/<location_id>/contacts")


@room.get("")
def index() -> Response:
    """The contacts that wait, both sides shown."""
    return _page()


@room.post("/<int:push_id>/use")
def use(push_id: int) -> AnyResponse:
    """The chosen contact in Xero is meant."""
    try:
        told = contact_review.use(here(), push_id, request.form.get("contact", ""), me())
    except ChooseAgain as refusal:
        return done(str(refusal), url_for("contacts.index"), "warning")
    return done(told, url_for("contacts.index"))


@room.post("/<int:push_id>/create")
def create(push_id: int) -> AnyResponse:
    """Make a new contact in Xero; a name that is taken is said at its field."""
    name = request.form.get("name", "")
    try:
        told = contact_review.create(here(), push_id, name, me())
    except ChooseAgain as refusal:
        if "name" in refusal.fields:
            return _page(422, refused={push_id: refusal.fields["name"]}, typed={push_id: name})
        return done(str(refusal), url_for("contacts.index"), "warning")
    return done(told, url_for("contacts.index"))


@room.post("/<int:push_id>/restored")
def restored(push_id: int) -> AnyResponse:
    """It was mended in Xero; look again."""
    try:
        told = contact_review.restored(here(), push_id, me())
    except ChooseAgain as refusal:
        return done(str(refusal), url_for("contacts.index"), "warning")
    return done(told, url_for("contacts.index"))


def _page(status: int = 200, **more: Any) -> Response:
    more = {"refused": {}, "typed": {}, **more}
    return page_or(
        "contacts/_cases.html", "contacts/index.html", status, cases=contact_review.cases(here()), **more
    )
