"""Settings > Sync options: from which status on, drafts for approval, contacts, branding theme."""

from collections.abc import Mapping

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from portal.errors import ChooseAgain, ConnectAgain, NotNow
from portal.filters import plural
from portal.render import done, page_or
from portal.security import here, me
from portal.services import sync_options

room = Blueprint("sync_options", __name__, url_prefix="/locations/<location_id>/settings/sync")


@room.get("")
def index() -> Response:
    """What is chosen, and what each choice means."""
    return _page()


@room.post("")
def save() -> AnyResponse:
    """Save the choices; what cannot be chosen is said at its field."""
    try:
        freed = sync_options.save(here().id, me(), request.form)
    except ChooseAgain as refusal:
        return _page(422, refusal.fields, str(refusal))
    told = f" {plural(freed, 'invoice')} waited for this and {'is' if freed == 1 else 'are'} on the way now."
    return done(
        f"Saved; it counts for what is sent from now on.{told if freed else ''}",
        url_for("sync_options.index"),
    )


@room.post("/themes")
def themes() -> AnyResponse:
    """Ask Xero for the branding themes."""
    try:
        count = sync_options.read_themes(here().id)
    except (ChooseAgain, ConnectAgain, NotNow) as refusal:
        return done(str(refusal), url_for("sync_options.index"), "warning")
    return done(f"Xero has {plural(count, 'branding theme')}.", url_for("sync_options.index"))


def _page(
    status: int = 200, refused: Mapping[str, str] | None = None, refusal: str | None = None
) -> Response:
    return page_or(
        "sync_options/_form.html",
        "sync_options/index.html",
        status,
        options=sync_options.of(here().id),
        refused=refused or {},
        refusal=refusal,
    )
