"""Settings > Notifications: what I am told of this location, and further addresses."""

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from portal.errors import ChooseAgain
from portal.models import Rhythm
from portal.render import done, page_or
from portal.security import here, me
from portal.services import notices, watchers
from portal.services.watchers import Choice

room = Blueprint("notifications", __name__, url_prefix="/locations/<location_id>/settings/notifications")


@room.get("")
def index() -> Response:
    """What is chosen, who else is told, and what was told lately."""
    return _page()


@room.post("")
def choose() -> AnyResponse:
    """Keep what the signed-in person wants to be told."""
    watchers.choose(me(), here().id, _choice())
    return done("Saved.", url_for("notifications.index"))


@room.post("/addresses")
def add() -> AnyResponse:
    """Ask a further address."""
    try:
        address = watchers.add(me(), here(), request.form.get("email", ""), _choice())
    except ChooseAgain as refusal:
        return _page(422, refusal)
    return done(f"{address} was asked. It is told once it agrees.", url_for("notifications.index"))


@room.post("/addresses/<int:watcher_id>/remove")
def remove(watcher_id: int) -> AnyResponse:
    """Tell an address no more."""
    address = watchers.remove(me(), here().id, watcher_id)
    return done(f"{address} is told no more.", url_for("notifications.index"))


def _choice() -> Choice:
    try:
        rhythm = Rhythm(request.form.get("rhythm", Rhythm.DAILY))
    except ValueError:
        raise ChooseAgain("Choose one of the times offered.") from None
    return Choice("trouble" in request.form, rhythm)


def _page(status: int = 200, refusal: ChooseAgain | None = None) -> Response:
    return page_or(
        "notifications/_form.html",
        "notifications/index.html",
        status,
        mine=watchers.choice_of(me(), here().id),
        addresses=watchers.addresses(here().id),
        notices=notices.latest(here().id),
        rhythms=watchers.RHYTHMS,
        refusal=refusal,
        typed=request.form,
    )
