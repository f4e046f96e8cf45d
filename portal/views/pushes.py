"""Sync activity: what went to Xero, what waits, and retrying or leaving out many at once."""

from typing import Any

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from portal.filters import plural
from portal.forms.ids import ids
from portal.render import done, page_or
from portal.security import here, me
from portal.services import activity
from portal.services.activity import View

room = Blueprint("pushes", __name__, url_prefix="/locations/<location_id>/sync-activity")


@room.get("")
def index() -> Response:
    """Tiles that count and filter, and the table."""
    page = activity.listing(here(), _view(), request.args.get("page", 1, int))
    return page_or(
        "pushes/_table.html",
        "pushes/index.html",
        page=page,
        view=_view(),
        tiles=activity.tiles(here()),
        moving=activity.unsettled(row.push for row in page.items),
    )


@room.post("/retry")
def retry() -> AnyResponse:
    """Try the chosen ones again now."""
    count = activity.retry(_ids(), me(), here().id)
    return _done(count, f"{plural(count, 'document')} tried again now.")


@room.post("/skip")
def skip() -> AnyResponse:
    """Do not send the chosen ones."""
    count = activity.skip(_ids(), me(), here().id)
    return _done(count, f"{plural(count, 'document')} will not be sent.")


def _query() -> dict[str, Any]:
    return {"state": _view()} if _view() != View.ALL else {}


def _view() -> View:
    state = request.args.get("state", "")
    return View(state) if state in set(View) else View.ALL


def _ids() -> list[int]:
    return ids(request.form.getlist("push"))


def _done(count: int, message: str) -> AnyResponse:
    to = url_for("pushes.index", **_query())
    if count:
        return done(message, to)
    return done("Choose at least one document that waits or needs you.", to, "warning")
