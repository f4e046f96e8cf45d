"""Settings > API keys: make one, see which there are, end one."""

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from portal.errors import ChooseAgain
from portal.render import done, page_or
from portal.security import here, me
from portal.services import api_keys

room = Blueprint("api_keys", __name__, url_prefix="/locations/<location_id>/settings/api-keys")


@room.get("")
def index() -> Response:
    """The keys of this location."""
    return _page()


@room.post("")
def add() -> Response:
    """Make a key and show it, this once."""
    may_write = request.form.get("may") == "write"
    try:
        made = api_keys.add(here(), request.form.get("name", ""), may_write=may_write, user=me())
    except ChooseAgain as refusal:
        return _page(refusal=refusal)
    return _page(made=made)


@room.post("/<int:key_id>/revoke")
def revoke(key_id: int) -> AnyResponse:
    """End a key."""
    key = api_keys.revoke(here().id, me(), key_id)
    return done(f"{key.name} opens nothing any more.", url_for("api_keys.index"))


def _page(made: api_keys.Made | None = None, refusal: ChooseAgain | None = None) -> Response:
    return page_or(
        "api_keys/_page.html",
        "api_keys/index.html",
        422 if refusal else 200,
        keys=api_keys.all_of(here().id),
        made=made,
        refusal=str(refusal) if refusal else None,
        refused=refusal.fields if refusal else {},
        typed=request.form if refusal else {},
    )
