"""Settings > Integrations: the Xero card and the HoopAI card."""

from typing import Any

from flask import Blueprint, Response, url_for
from werkzeug.wrappers import Response as AnyResponse

from portal.models import Source
from portal.render import done, page_or
from portal.security import here, me, must_be_able_to_change
from portal.services import health, mappings, next_step, sources
from portal.views import frame

room = Blueprint("integrations", __name__, url_prefix="/locations/<location_id>/settings/integrations")


@room.get("")
def index() -> Response:
    """Both cards, each with its state and one next step."""
    glance = frame.glance()
    missing = mappings.missing(here().id) if glance.connection else None
    alarms = health.alarms(here().id) if glance.connection else []
    step = next_step.of(glance, missing, alarms)
    return page_or(
        "integrations/_cards.html",
        "integrations/index.html",
        glance=glance,
        step=step,
        stage=step.stage,
        agreed=frame.agreed(),
        **_source(),
    )


@room.get("/hoopai/secret")
def ask_secret() -> Response:
    """Ask before the secret is shown."""
    must_be_able_to_change()
    return page_or("integrations/_ask_secret.html", "integrations/secret.html", secret=None)


@room.post("/hoopai/secret")
def show_secret() -> Response:
    """Show the webhook secret once."""
    secret = sources.reveal(here().id, me())
    return page_or("integrations/_secret.html", "integrations/secret.html", secret=secret)


@room.post("/hoopai/secret/new")
def new_secret() -> AnyResponse:
    """Make a new secret; the old one counts for seven more days."""
    sources.rotate(here().id, me())
    return done(
        "A new secret is made. Enter it in HoopAI; the old one counts for seven days.",
        url_for("sources.index"),
    )


def _source() -> dict[str, Any]:
    source: Source | None = sources.of(here().id)
    return {"source": source, "webhook_url": sources.webhook_url(source) if source else None}
