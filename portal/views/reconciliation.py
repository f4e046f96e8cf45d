"""Reconciliation: what HoopAI says beside what Xero's books hold."""

from contextlib import suppress
from datetime import date

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from portal.errors import ChooseAgain
from portal.forms import ids
from portal.models import DifferenceKind, RunState
from portal.render import done, page_or
from portal.security import here, me
from portal.services import connections, differing, reconciled, reconciliation, tallies

room = Blueprint("reconciliation", __name__, url_prefix="/locations/<location_id>/reconciliation")
MOST_DAYS = 62


@room.get("")
def index() -> Response:
    """The last whole run with its table and differences, beside the one that goes on."""
    return _page()


@room.post("")
def start() -> AnyResponse:
    """Begin to reconcile now."""
    try:
        first, last = _day("first"), _day("last")
        reconciliation.start(here().id, me(), first, last)
    except ChooseAgain as refusal:
        return _page(refusal)
    return done("Reading Xero's books has begun.", url_for("reconciliation.index"))


@room.post("/cancel")
def cancel() -> AnyResponse:
    """Stop the run that goes on."""
    stopped = reconciliation.cancel(here().id, me())
    told = "Stopped. Nothing was changed in Xero." if stopped else "It had ended already."
    return done(told, url_for("reconciliation.index"))


@room.get("/<int:run_id>/differences.csv")
def differences(run_id: int) -> Response:
    """All differences of a run, for a spreadsheet."""
    run = reconciliation.one(here().id, run_id)
    headers = {"Content-Disposition": f'attachment; filename="reconciliation-{run.first}-{run.last}.csv"'}
    text = "".join(reconciled.as_csv(run))
    return Response(text, content_type="text/csv; charset=utf-8", headers=headers)


def _page(refusal: ChooseAgain | None = None) -> Response:
    args, kind = request.args, None
    with suppress(ValueError):
        kind = DifferenceKind(args.get("kind", ""))
    latest = reconciliation.latest(here().id)
    run_id = args.get("run", 0, ids.number)
    shown = (
        reconciliation.one(here().id, run_id) if run_id else reconciliation.latest(here().id, RunState.DONE)
    )
    days = args.get("days") == "1"
    return page_or(
        "reconciliation/_page.html",
        "reconciliation/index.html",
        422 if refusal else 200,
        latest=latest,
        run=shown,
        kind=kind,
        page=reconciled.listing(shown, kind, args.get("page", 1, ids.number)) if shown else None,
        counts=reconciled.counts(shown) if shown else {},
        titles=differing.WORDS,
        amiss=differing.AMISS,
        days=days,
        totals=(tallies.by_day(shown.tallies)[: MOST_DAYS * 4] if days else tallies.by_month(shown.tallies))
        if shown
        else [],
        accounts=tallies.by_account(shown.tallies) if shown else [],
        connection=connections.of(here().id),
        refused=refusal.fields if refusal else {},
        refusal=str(refusal) if refusal else None,
        typed=request.form,
    )


def _day(name: str) -> date | None:
    text = request.form.get(name, "").strip()
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ChooseAgain("That is not a day.", {name: "Enter a day such as 2026-11-30."}) from None
