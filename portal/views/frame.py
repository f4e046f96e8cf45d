"""What surrounds every page: location switch, counts in the menu, and the one banner."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from flask import Flask, g, request, url_for

from portal.filters import plural
from portal.models import Location, Push
from portal.security import here, me, person
from portal.services import overview, problems, reconciliation, users
from portal.services.overview import Glance, Stage
from portal.views.handbook import for_this_page

NEARBY = 8


@dataclass(frozen=True, slots=True)
class Banner:
    """One sentence and one button, shown only when something needs a person."""

    kind: str
    sentence: str
    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Frame:
    """The frame of a page inside a location; `locations` are the first few, one more than are shown."""

    locations: list[Location]
    glance: Glance
    stage: Stage
    agreed: datetime | None
    banner: Banner | None


def register(app: Flask) -> None:
    """Give the templates `frame()`, `advice()` and the signed-in `person`."""
    app.context_processor(
        lambda: {
            "frame": _frame,
            "again": _again,
            "narrowed": _narrowed,
            "nearby": NEARBY,
            "advice": problems.advice,
            "document_url": _document_url,
            "help_url": for_this_page,
            "person": me() if person() else None,
            "location": g.get("location"),
        }
    )


def _again(endpoint: str | None = None, **changes: Any) -> str:
    """This page (or another of the room) with some of its query changed; what is None is left out."""
    query: dict[str, Any] = {**(request.view_args or {}), **request.args.to_dict(), **changes}
    kept = {name: value for name, value in query.items() if value is not None and not name.startswith("_")}
    return url_for(endpoint or f"{request.blueprint}.index", **kept)


def _narrowed(**changes: Any) -> str:
    """This page under another filter, from its beginning."""
    return _again(**{"after": None, "before": None, "page": None, **changes})


def glance() -> Glance:
    """How the location of this request stands; looked up once."""
    if "glance" not in g:
        g.glance = overview.glance(here())
    found: Glance = g.glance
    return found


def agreed() -> datetime | None:
    """When the books of this location were last found to agree; looked up once, and only while it is connected."""
    if "agreed" not in g:
        g.agreed = reconciliation.agreed_at(here().id) if glance().connection else None
    found: datetime | None = g.agreed
    return found


def _document_url(push: Push) -> str:
    """The page of what a push is about."""
    return url_for("documents.show", kind=push.document, document_id=push.document_id)


def _frame() -> Frame | None:
    if "frame" not in g:
        g.frame = _built() if "location" in g else None
    frame: Frame | None = g.frame
    return frame


def _built() -> Frame:
    near = users.locations_of(me(), most=NEARBY + 1)
    return Frame(near, glance(), glance().stage, agreed(), _banner(glance()))


def _banner(glance: Glance) -> Banner | None:
    count = glance.on_its_way + glance.needs_you
    waits = f" {plural(count, 'document waits', 'documents wait')} here until then." if count else ""
    panel = partial(url_for, "connections.panel")
    if glance.stage in (Stage.ATTENTION, Stage.DISCONNECTED) and glance.connection:
        reason = glance.connection.reason or "Xero is disconnected."
        return Banner("warning", f"{reason}{waits}", "Look at the connection", panel())
    if glance.stage == Stage.PAUSED:
        return Banner("info", f"Sending to Xero is paused.{waits}", "Resume", panel())
    if glance.needs_you:
        needing = plural(glance.needs_you, "document needs", "documents need")
        return Banner(
            "warning",
            f"{needing} you before going to Xero.",
            "See what to do",
            url_for("troubleshooting.index"),
        )
    return None
