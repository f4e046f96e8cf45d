"""The handbook in the portal: a page for each screen, and the guides for those who run it."""

from flask import Blueprint, abort, request, send_from_directory, url_for
from werkzeug.wrappers import Response as AnyResponse

from portal import handbook
from portal.render import page_or

room = Blueprint("handbook", __name__, url_prefix="/help")
GUIDES = ("going-live", "production", "api", "webhooks", "xero-messages", "engine", "sandbox")
SCREENS = {
    "overview": "pages/overview",
    "integrations": "pages/integrations",
    "sources": "pages/hoopai",
    "connections": "pages/xero-panel",
    "choosing": "pages/choosing-an-organisation",
    "cutoff": "pages/cut-off",
    "mappings": "pages/account-mapping",
    "mapping_history": "pages/account-mapping",
    "recodings": "pages/re-coding",
    "sync_options": "pages/sync-options",
    "api_keys": "pages/api-keys",
    "webhooks_out": "pages/webhooks-out",
    "notifications": "pages/notifications",
    "watching": "pages/notifications",
    "invoices": "pages/invoices",
    "documents": "pages/documents",
    "payments": "pages/payments",
    "contacts": "pages/contacts",
    "pushes": "pages/sync-activity",
    "troubleshooting": "pages/troubleshooting",
    "reconciliation": "pages/reconciliation",
    "people": "pages/people",
    "account": "pages/your-account",
    "audit": "pages/audit",
}


@room.get("/")
def index() -> AnyResponse:
    """What the handbook holds: the screens, then the guides."""
    there = handbook.names()
    screens = [name for name in dict.fromkeys(SCREENS.values()) if name in there]
    return page_or(
        "handbook/_index.html",
        "handbook/index.html",
        screens=_titled(screens),
        guides=_titled([name for name in GUIDES if name in there]),
    )


@room.get("/<path:name>")
def show(name: str) -> AnyResponse:
    """One chapter."""
    chapter = handbook.chapter(name, url_for("handbook.index").rstrip("/"))
    if chapter is None:
        abort(404, "The handbook has no such page. Its table of contents is under Help.")
    return page_or("handbook/_chapter.html", "handbook/show.html", chapter=chapter)


@room.get("/images/<filename>")
def picture(filename: str) -> AnyResponse:
    """A picture of a chapter."""
    return send_from_directory(handbook.DOCS / "images", filename)


def for_this_page() -> str:
    """Where the screen that is shown now is explained; the table of contents where it has no chapter."""
    name = SCREENS.get(request.blueprint or "")
    return url_for("handbook.show", name=name) if name in handbook.names() else url_for("handbook.index")


def _titled(names: list[str]) -> list[tuple[str, str]]:
    return [(name, handbook.title(name)) for name in names]
