"""The audit trail: of the agency for its admins, of a location for everybody who may enter it."""

from typing import Any

from flask import Blueprint, Response, request, stream_with_context, url_for

from portal.render import page_or
from portal.security import here, me, must_be_agency_admin
from portal.services import trail, users
from portal.services.audit_words import KINDS
from portal.services.trail import Wanted

room = Blueprint("audit", __name__)
FILTERS = ("q", "person", "kind", "location", "since", "until")


@room.get("/audit")
def index() -> Response:
    """Everything that was decided in the agency."""
    must_be_agency_admin()
    return _page(_of_agency(), "audit.index", "audit.file")


@room.get("/audit.csv")
def file() -> Response:
    """The same as a file."""
    must_be_agency_admin()
    return _file(_of_agency(), "audit.csv")


@room.get("/locations/<location_id>/audit")
def of_location() -> Response:
    """Everything that was decided about a location."""
    return _page(_of_location(), "audit.of_location", "audit.file_of_location")


@room.get("/locations/<location_id>/audit.csv")
def file_of_location() -> Response:
    """The same as a file."""
    return _file(_of_location(), f"audit-{here().hoop_id}.csv")


def _of_agency() -> Wanted:
    places = {each.hoop_id: each.id for each in users.locations_of(me())}
    return trail.read(me().agency_id, "UTC", None, request.args, places)


def _of_location() -> Wanted:
    return trail.read(me().agency_id, here().timezone, here().id, request.args, {})


def _page(wanted: Wanted, endpoint: str, file_endpoint: str) -> Response:
    shown = trail.page(wanted)
    asked: dict[str, Any] = {name: request.args[name] for name in FILTERS if request.args.get(name)}
    return page_or(
        "audit/_list.html",
        "audit/index.html",
        shown=shown,
        wanted=wanted,
        asked=asked,
        kinds=KINDS,
        people=trail.people(me().agency_id),
        places=users.locations_of(me()) if endpoint == "audit.index" else [],
        here=url_for(endpoint),
        older=url_for(endpoint, **asked, before=shown.older) if shown.older else None,
        newest=url_for(endpoint, **asked) if wanted.before else None,
        csv=url_for(file_endpoint, **asked),
    )


def _file(wanted: Wanted, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    lines = stream_with_context(trail.lines(wanted))
    return Response(lines, content_type="text/csv; charset=utf-8", headers=headers)
