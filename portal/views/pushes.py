"""Sync activity: what went to Xero, what waits, and retrying, leaving out or sending again many at once."""

from typing import Any

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from portal.filters import plural
from portal.forms import lists
from portal.forms.ids import ids
from portal.render import done, page_or
from portal.security import here, me
from portal.services import activity, charting, resending
from portal.services.activity_list import Kind, View
from portal.views import files, frame

room = Blueprint("pushes", __name__, url_prefix="/locations/<location_id>/sync-activity")
KEPT = ("state", "kind", "q", "from", "to", "after", "before")


@room.get("")
def index() -> Response:
    """Tiles that count and filter, the last thirty days, and the table."""
    view, kind, choice = _view(), _kind(), lists.choice(request.args)
    page, cut = activity.listing(here(), view, kind, choice)
    return page_or(
        "pushes/_table.html",
        "pushes/index.html",
        page=page,
        cut=cut,
        view=view,
        kind=kind,
        choice=choice,
        kept=_kept(),
        tiles=activity.tiles(frame.glance().tally),
        days=lambda: charting.days(here()),
        moving=activity.unsettled(row.push for row in page.items),
    )


@room.get("/export.csv")
def export() -> Response:
    """The same as a file."""
    rows = activity.rows_of_all(here(), _view(), _kind(), lists.choice(request.args))
    return files.of_activity(here(), rows)


@room.post("/retry")
def retry() -> AnyResponse:
    """Try the chosen ones again now."""
    count = activity.retry(_ids(), me(), here().id)
    return _done(count, f"{plural(count, 'document')} tried again now.", "that waits or needs you")


@room.post("/skip")
def skip() -> AnyResponse:
    """Do not send the chosen ones."""
    count = activity.skip(_ids(), me(), here().id)
    return _done(count, f"{plural(count, 'document')} will not be sent.", "that waits or needs you")


@room.post("/send-again")
def send_again() -> AnyResponse:
    """Send the chosen ones once more."""
    count = resending.send_again(here(), _ids(), me())
    which = "that Xero has or that a person left out; payments in Xero are never sent twice"
    return _done(count, f"{plural(count, 'document')} sent again now.", which)


def _kept() -> dict[str, str]:
    return {name: request.args[name] for name in KEPT if request.args.get(name)}


def _view() -> View:
    return lists.one_of(View, request.args.get("state", ""), View.ALL)


def _kind() -> Kind:
    return lists.one_of(Kind, request.args.get("kind", ""), Kind.ALL)


def _ids() -> list[int]:
    return ids(request.form.getlist("push"))


def _done(count: int, message: str, which: str) -> AnyResponse:
    query: dict[str, Any] = _kept()
    to = url_for("pushes.index", **query)
    if count:
        return done(message, to)
    return done(f"Choose at least one document {which}.", to, "warning")
