"""Re-coding: what became of invoices in Xero whose category got another account."""

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from portal import tables
from portal.errors import ChooseAgain
from portal.filters import plural
from portal.forms import ids
from portal.render import done, page_or
from portal.security import here, me
from portal.services import mapping_history, recoding

BASE = "/locations/<location_id>/settings/integrations/xero/account-mapping/recode"
room = Blueprint("recodings", __name__, url_prefix=BASE)


@room.get("/<int:recoding_id>")
def index(recoding_id: int) -> Response:
    """How far it is, and the result of each invoice."""
    found = recoding.one(here().id, recoding_id)
    return page_or(
        "recodings/_progress.html",
        "recodings/index.html",
        recoding=found,
        save=mapping_history.one(here().id, found.save_id),
        progress=recoding.progress(found),
        page=recoding.results(found, request.args.get("page", 1, ids.number)),
    )


@room.post("/of/<int:save_id>")
def start(save_id: int) -> AnyResponse:
    """Re-code what an earlier save concerns."""
    try:
        recoding_id = recoding.start(here().id, me(), save_id)
    except ChooseAgain as refusal:
        return done(str(refusal), url_for("mapping_history.index"), "warning")
    return done("Re-coding has begun.", url_for("recodings.index", recoding_id=recoding_id))


@room.post("/<int:recoding_id>/cancel")
def cancel(recoding_id: int) -> AnyResponse:
    """Call off what has not been sent."""
    count = recoding.cancel(here().id, me(), recoding_id)
    return done(
        f"{plural(count, 'invoice')} left as they are.", url_for("recodings.index", recoding_id=recoding_id)
    )


@room.get("/<int:recoding_id>/results.csv")
def results(recoding_id: int) -> Response:
    """Every result as CSV."""
    found = recoding.one(here().id, recoding_id)
    rows = [(row.number, row.state, row.message) for row in recoding.all_results(found)]
    lines = [tables.line(map(tables.safe, row)) for row in (("invoice", "result", "message"), *rows)]
    return mapping_csv_response("".join(lines), "re-coding.csv")


def mapping_csv_response(text: str, name: str) -> Response:
    """A CSV file to be kept."""
    answer = Response(text, mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
