"""Payments."""

from flask import Blueprint, Response, request

from portal.forms import lists
from portal.render import page_or
from portal.security import here
from portal.services import activity, payments
from portal.services.payments import View
from portal.views import files

room = Blueprint("payments", __name__, url_prefix="/locations/<location_id>/payments")


@room.get("")
def index() -> Response:
    """Every payment that HoopAI received, and whether Xero has it."""
    view, choice = _view(), lists.choice(request.args, days=True)
    page, cut = payments.listing(here(), view, choice)
    return page_or(
        "payments/_table.html",
        "payments/index.html",
        page=page,
        cut=cut,
        view=view,
        choice=choice,
        counts=payments.counts(here()),
        moving=activity.unsettled(row.push for row in page.items if row.push),
    )


@room.get("/export.csv")
def export() -> Response:
    """The same as a file."""
    chosen = lists.choice(request.args, days=True)
    return files.of_payments(here(), payments.rows_of_all(here(), _view(), chosen))


def _view() -> View:
    return lists.one_of(View, request.args.get("state", ""), View.ALL)
