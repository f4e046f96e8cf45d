"""All locations of the agency."""

from flask import Blueprint, Response

from portal.render import page_or
from portal.security import me
from portal.services import overview

room = Blueprint("overview", __name__)


@room.get("/")
def index() -> Response:
    """Every location that the person may enter, with how it stands."""
    return page_or("overview/_list.html", "overview/index.html", glances=overview.glances(me()))
