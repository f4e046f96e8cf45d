"""Invoices: the list with each one's standing, and one invoice with its whole story."""

from collections.abc import Callable

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from portal.errors import ChooseAgain, ConnectAgain, NotNow
from portal.filters import plural
from portal.forms import charges, lists
from portal.models import Location, User
from portal.render import done, page_or
from portal.security import here, me
from portal.services import activity, charging, deciding, invoices, stories
from portal.services.invoices import View
from portal.views import files, frame

room = Blueprint("invoices", __name__, url_prefix="/locations/<location_id>/invoices")


@room.get("")
def index() -> Response:
    """The list, filtered by standing and days, searched by number, customer, amount or Xero's id."""
    view, choice = _view(), lists.choice(request.args)
    page, cut = invoices.listing(here(), view, choice)
    return page_or(
        "invoices/_table.html",
        "invoices/index.html",
        page=page,
        cut=cut,
        view=view,
        choice=choice,
        counts=invoices.counts(here()),
        connection=frame.glance().connection,
        moving=activity.unsettled(row.push for row in page.items if row.push),
    )


@room.get("/export.csv")
def export() -> Response:
    """The same as a file."""
    return files.of_invoices(here(), invoices.rows_of_all(here(), _view(), lists.choice(request.args)))


@room.get("/<hoop_id>")
def show(hoop_id: str) -> Response:
    """HoopAI's side beside Xero's, payments, and what happened when."""
    return page_or("invoices/_story.html", "invoices/show.html", story=stories.story(here(), hoop_id))


@room.post("/<hoop_id>/retry")
def retry(hoop_id: str) -> AnyResponse:
    """Try again now whatever of this invoice is not in Xero."""
    count = activity.retry(invoices.open_pushes(here(), hoop_id), me(), here().id)
    message = f"{plural(count, 'document')} tried again now." if count else "Nothing here can be retried now."
    return done(message, url_for("invoices.show", hoop_id=hoop_id), "success" if count else "warning")


@room.post("/<hoop_id>/skip")
def skip(hoop_id: str) -> AnyResponse:
    """Do not send what of this invoice is not in Xero."""
    count = activity.skip(invoices.open_documents(here(), hoop_id), me(), here().id)
    message = (
        f"{plural(count, 'document')} will not be sent." if count else "Nothing here can be left out now."
    )
    return done(message, url_for("invoices.show", hoop_id=hoop_id), "success" if count else "warning")


@room.get("/<hoop_id>/conflict")
def conflict(hoop_id: str) -> AnyResponse:
    """The invoice beside the one in Xero that has its number, with what can be decided."""
    try:
        found = deciding.conflict(here(), hoop_id)
    except (ChooseAgain, ConnectAgain, NotNow) as refusal:
        return done(str(refusal), url_for("invoices.show", hoop_id=hoop_id), "warning")
    return page_or("invoices/_conflict.html", "invoices/conflict.html", conflict=found)


@room.post("/<hoop_id>/link")
def link(hoop_id: str) -> AnyResponse:
    """The invoice in Xero is this one."""
    return _decided(deciding.link, hoop_id)


@room.post("/<hoop_id>/suffix")
def suffix(hoop_id: str) -> AnyResponse:
    """Send it under its number with a suffix."""
    return _decided(deciding.add_suffix, hoop_id)


@room.post("/<hoop_id>/delete-payments")
def delete_payments(hoop_id: str) -> AnyResponse:
    """Delete its payments in Xero, then void it there."""
    return _decided(deciding.delete_payments, hoop_id)


@room.get("/<hoop_id>/difference")
def difference(hoop_id: str) -> AnyResponse:
    """HoopAI's total beside what the lines make, with what the rest can be booked as."""
    try:
        found = charging.difference(here(), hoop_id)
    except ChooseAgain as refusal:
        return done(str(refusal), url_for("invoices.show", hoop_id=hoop_id), "warning")
    return page_or("invoices/_difference.html", "invoices/difference.html", difference=found)


@room.post("/<hoop_id>/charge")
def charge(hoop_id: str) -> AnyResponse:
    """Book what is above the lines as the chosen charge."""
    chosen, amount = charges.charge(request.form), charges.amount(request.form)
    if chosen is None:
        return done("Choose what it is.", url_for("invoices.difference", hoop_id=hoop_id), "warning")
    return _decided(lambda where, which, user: charging.book(where, which, user, chosen, amount), hoop_id)


@room.post("/<hoop_id>/charge/undo")
def undo_charge(hoop_id: str) -> AnyResponse:
    """Take the booked charge back."""
    return _decided(charging.take_back, hoop_id)


def _view() -> View:
    return lists.one_of(View, request.args.get("state", ""), View.ALL)


def _decided(decide: Callable[[Location, str, User], str], hoop_id: str) -> AnyResponse:
    to = url_for("invoices.show", hoop_id=hoop_id)
    try:
        return done(decide(here(), hoop_id, me()), to)
    except (ChooseAgain, ConnectAgain, NotNow) as refusal:
        return done(str(refusal), to, "warning")
