"""Payments."""

from collections.abc import Callable

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from portal.errors import ChooseAgain, ConnectAgain, NotNow
from portal.forms import lists
from portal.models import Location, User
from portal.render import done, page_or
from portal.security import here, me
from portal.services import activity, overpaying, payments
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


@room.get("/<int:payment_id>/surplus")
def surplus(payment_id: int) -> AnyResponse:
    """A payment above what Xero counts as owed, with what can be done about the rest."""
    try:
        found = overpaying.surplus(here(), payment_id)
    except (ChooseAgain, ConnectAgain, NotNow) as refusal:
        return done(str(refusal), _paper(payment_id), "warning")
    return page_or("payments/_surplus.html", "payments/surplus.html", surplus=found)


@room.post("/<int:payment_id>/only-due")
def only_due(payment_id: int) -> AnyResponse:
    """Record what is owed and leave the rest out."""
    return _decided(overpaying.only_what_is_due, payment_id)


@room.post("/<int:payment_id>/overpayment")
def overpayment(payment_id: int) -> AnyResponse:
    """Record what is owed as a payment and the rest as an overpayment."""
    return _decided(overpaying.record, payment_id)


def _decided(decide: Callable[[Location, int, User], str], payment_id: int) -> AnyResponse:
    try:
        return done(decide(here(), payment_id, me()), _paper(payment_id))
    except (ChooseAgain, ConnectAgain, NotNow) as refusal:
        return done(str(refusal), _paper(payment_id), "warning")


def _paper(payment_id: int) -> str:
    return url_for("documents.show", kind="payment", document_id=payment_id)


def _view() -> View:
    return lists.one_of(View, request.args.get("state", ""), View.ALL)
