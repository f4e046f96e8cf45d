"""Settings > Webhooks out: addresses of other programs, what they are told of, and what was delivered."""

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from portal.errors import ChooseAgain
from portal.forms import ids
from portal.render import done, page_or
from portal.security import here, me
from portal.services import heralding, webhooks_out
from portal.services.webhooks_out import Shown

room = Blueprint("webhooks_out", __name__, url_prefix="/locations/<location_id>/settings/webhooks")


@room.get("")
def index() -> Response:
    """The addresses of this location."""
    return _list()


@room.post("")
def add() -> Response:
    """Add an address and show its secret, this once."""
    form = request.form
    try:
        shown = webhooks_out.add(here().id, me(), form.get("url", ""), form.getlist("event"))
    except ChooseAgain as refusal:
        return _list(refusal=refusal)
    return _list(shown=shown)


@room.get("/<int:endpoint_id>")
def show(endpoint_id: int) -> Response:
    """One address with its deliveries."""
    return _one(endpoint_id)


@room.post("/<int:endpoint_id>/events")
def choose(endpoint_id: int) -> AnyResponse:
    """Choose what the address is told of."""
    try:
        webhooks_out.choose(here().id, me(), endpoint_id, request.form.getlist("event"))
    except ChooseAgain as refusal:
        return _one(endpoint_id, refusal=refusal)
    return done("Saved.", url_for("webhooks_out.show", endpoint_id=endpoint_id))


@room.post("/<int:endpoint_id>/secret")
def rotate(endpoint_id: int) -> Response:
    """Make a new secret and show it, this once."""
    return _one(endpoint_id, shown=webhooks_out.rotate(here().id, me(), endpoint_id))


@room.post("/<int:endpoint_id>/test")
def test(endpoint_id: int) -> AnyResponse:
    """Send a test."""
    webhooks_out.send_test(here().id, me(), endpoint_id)
    return done("A test is on its way.", url_for("webhooks_out.show", endpoint_id=endpoint_id))


@room.post("/<int:endpoint_id>/deliveries/<int:delivery_id>")
def again(endpoint_id: int, delivery_id: int) -> AnyResponse:
    """Send a delivery again."""
    webhooks_out.send_again(here().id, me(), endpoint_id, delivery_id)
    return done("It is on its way again.", url_for("webhooks_out.show", endpoint_id=endpoint_id))


@room.post("/<int:endpoint_id>/remove")
def remove(endpoint_id: int) -> AnyResponse:
    """Tell the address nothing any more."""
    url = webhooks_out.remove(here().id, me(), endpoint_id)
    return done(f"{url} is told nothing any more.", url_for("webhooks_out.index"))


def _list(shown: Shown | None = None, refusal: ChooseAgain | None = None) -> Response:
    return page_or(
        "webhooks_out/_list.html",
        "webhooks_out/index.html",
        422 if refusal else 200,
        endpoints=webhooks_out.all_of(here().id),
        counts=webhooks_out.counts(here().id),
        events=heralding.EVENTS,
        shown=shown,
        refusal=str(refusal) if refusal else None,
        refused=refusal.fields if refusal else {},
        typed=request.form.get("url", "") if refusal else "",
        chosen=request.form.getlist("event") if refusal else heralding.EVENTS,
    )


def _one(endpoint_id: int, shown: Shown | None = None, refusal: ChooseAgain | None = None) -> Response:
    endpoint = webhooks_out.one(here().id, endpoint_id)
    page = webhooks_out.deliveries(endpoint_id, request.args.get("page", 1, ids.number))
    return page_or(
        "webhooks_out/_endpoint.html",
        "webhooks_out/show.html",
        422 if refusal else 200,
        endpoint=endpoint,
        page=page,
        moving=any(delivery.state == "queued" for delivery in page.items),
        events=heralding.EVENTS,
        shown=shown,
        refusal=str(refusal) if refusal else None,
        chosen=request.form.getlist("event") if refusal else endpoint.events,
    )
