"""Help: one page for each screen, the same text as in the project's folder of documents."""

from flask import Blueprint, Response, current_app, request, url_for

from portal.render import page_or
from portal.services import manual

room = Blueprint("help", __name__, url_prefix="/help")
# The help page of each room, where it has another name than the room.
PAGES = {
    "sources": "hoopai",
    "connections": "xero-panel",
    "choosing": "choosing-an-organisation",
    "cutoff": "cut-off",
    "mappings": "account-mapping",
    "mapping_history": "account-mapping",
    "recodings": "re-coding",
    "sync_options": "sync-options",
    "pushes": "sync-activity",
    "api_keys": "api-keys",
}


@room.get("")
def index() -> Response:
    """All help pages."""
    return page_or("help/_list.html", "help/index.html", entries=manual.entries())


@room.get("/<name>")
def show(name: str) -> Response:
    """One help page."""
    return page_or(
        "help/_page.html", "help/show.html", text=manual.page(name, _address(name)), entries=manual.entries()
    )


def of_screen() -> str | None:
    """The address of the help page of the screen that is shown, None where it has none."""
    blueprint = request.blueprint or ""
    name = PAGES.get(blueprint, blueprint)
    known = any(each.name == name for each in manual.entries())
    return url_for("help.show", name=name) if known and "help" in current_app.blueprints else None


def _address(here: str) -> manual.Address:
    return lambda name, anchor: url_for("help.show", name=name or here, _anchor=anchor)
