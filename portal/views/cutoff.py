"""Invoices from before the connection: the list, the file for Xero's import, and moving the cut-off back."""

from datetime import date

from flask import Blueprint, Response, request, stream_with_context, url_for
from werkzeug.wrappers import Response as AnyResponse

from portal.errors import ChooseAgain, NotAllowed
from portal.forms import ids, lists
from portal.models import Role
from portal.render import done, page_or
from portal.security import here, me
from portal.services import connections, cutoff, import_layout

room = Blueprint("cutoff", __name__, url_prefix="/locations/<location_id>/settings/integrations/xero/cut-off")
UNCLEAR = "Choose a day, written as 2026-10-01."


@room.get("")
def index() -> Response:
    """What is left out, and with `day` what moving the cut-off back to it would send."""
    seen, problem = None, None
    if day := request.args.get("day"):
        try:
            seen = cutoff.preview(here(), me(), _day(day))
        except (ChooseAgain, NotAllowed) as refusal:
            problem = str(refusal)
    return page_or(
        "cutoff/_list.html",
        "cutoff/index.html",
        page=cutoff.left_out(here().id, request.args.get("page", 1, ids.number)),
        connection=connections.of(here().id),
        may_move=me().role == Role.AGENCY_ADMIN,
        day=day,
        seen=seen,
        problem=problem,
    )


@room.post("")
def move() -> AnyResponse:
    """Move the cut-off back, as shown and confirmed."""
    day, expected = request.form.get("day", ""), request.form.get("expected", -1, ids.number)
    back = url_for("cutoff.index", day=day)
    if request.form.get("sure") != "yes":
        return done("Tick the box to confirm that these invoices are to be sent.", back, "warning")
    try:
        said = cutoff.move_back(here(), me(), _day(day), expected)
    except ChooseAgain as refusal:
        return done(str(refusal), back, "warning")
    return done(said, url_for("connections.panel"))


@room.get("/xero-import.csv")
def file() -> Response:
    """The invoices that are left out, as Xero's own import of sales invoices reads them."""
    name = f"before-the-connection-{here().hoop_id}.csv"
    lines = stream_with_context(import_layout.lines(here()))
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(lines, content_type="text/csv; charset=utf-8", headers=headers)


def _day(text: str) -> date:
    found = lists.day(text)
    if found is None:
        raise ChooseAgain(UNCLEAR, {"day": UNCLEAR})
    return found
