"""All locations of the agency."""

from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from portal.forms import ids, lists
from portal.render import page_or
from portal.security import here, me
from portal.services import roster, users
from portal.views import files

room = Blueprint("overview", __name__)
SWITCH = 12


@room.get("/")
def index() -> Response:
    """Every location that the person may enter, whoever needs help first."""
    search = lists.choice(request.args).search
    found = roster.standings(me(), search)
    return page_or(
        "overview/_list.html",
        "overview/index.html",
        page=roster.page(found, request.args.get("page", 1, ids.number)),
        total=roster.total(found),
        search=search,
    )


@room.get("/locations.csv")
def export() -> Response:
    """The same as a file."""
    found = roster.standings(me(), lists.choice(request.args).search)
    return files.of_locations(roster.rows(found))


@room.get("/locations")
def find() -> Response:
    """Locations to go to whose name fits: the list in the switch, and without htmx the overview, searched."""
    search = lists.choice(request.args).search
    locations = users.locations_of(me(), search, SWITCH + 1)
    return page_or("overview/_switch.html", "overview/find.html", found=locations, search=search, most=SWITCH)


@room.get("/locations/<location_id>")
def enter() -> AnyResponse:
    """A location by its bare address: how its documents fare."""
    return redirect(url_for("pushes.index", location_id=here().hoop_id))
