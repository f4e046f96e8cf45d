"""Settings > Integrations > Xero: the panel, connecting and everything that may be done to a connection."""

from flask import Blueprint, Response, abort, redirect, request, session, url_for
from werkzeug.wrappers import Response as AnyResponse

from portal.errors import ChooseAgain
from portal.render import done, page_or
from portal.security import here, me, must_be_able_to_change, my_session
from portal.services import connections, consents, overview, panel
from portal.views import frame

room = Blueprint("connections", __name__)
BASE = "/locations/<location_id>/settings/integrations/xero"


@room.get(BASE, endpoint="panel")
def show() -> Response:
    """Who connected what, what waits, what happened last."""
    return _panel([])


@room.route(f"{BASE}/connect", methods=["GET", "POST"])
def connect() -> AnyResponse:
    """Go to Xero's consent page. Another site or a prefetching browser does not start one."""
    must_be_able_to_change()
    if request.headers.get("Sec-Fetch-Site") == "cross-site":
        return redirect(url_for("integrations.index"), 303)
    if "prefetch" in request.headers.get("Sec-Purpose", ""):
        abort(503)
    session["connecting"] = here().hoop_id
    more = request.values.get("for") == "overpayments"
    return redirect(consents.begin(here(), me(), my_session().id, overpayments=more), 303)


@room.get("/integrations/xero/callback")
def callback() -> AnyResponse:
    """Xero's redirect: finish the consent and say how it went."""
    answer = request.args
    try:
        outcome = consents.complete(
            answer.get("state"), answer.get("code"), answer.get("error"), my_session().id, me()
        )
    except ChooseAgain as refusal:
        return done(str(refusal), _came_from(), "danger")
    if outcome.choice is not None:
        ask = url_for("choosing.show", location_id=outcome.location.hoop_id, choice_id=outcome.choice)
        return done(outcome.sentence, ask, "info")
    to = url_for("integrations.index", location_id=outcome.location.hoop_id)
    return done(outcome.sentence, to, "success" if outcome.ok else "danger")


@room.get(f"{BASE}/disconnect")
def ask_disconnect() -> Response:
    """Say what disconnecting does, and ask."""
    must_be_able_to_change()
    glance = overview.glance(here())
    return page_or("connections/_disconnect.html", "connections/disconnect.html", glance=glance)


@room.post(f"{BASE}/disconnect")
def disconnect() -> AnyResponse:
    """Disconnect from Xero."""
    return done(connections.disconnect(here().id, me()), url_for("integrations.index"))


@room.post(f"{BASE}/pause")
def pause() -> AnyResponse:
    """Stop sending."""
    connections.pause(here().id, me())
    return done("Sending is paused. What comes meanwhile waits.", url_for("connections.panel"))


@room.post(f"{BASE}/resume")
def resume() -> AnyResponse:
    """Send again."""
    connections.resume(here().id, me())
    return done("Sending goes on.", url_for("connections.panel"))


@room.post(f"{BASE}/test")
def test() -> Response:
    """Ask Xero now whether the connection holds, and fetch its accounts and tax rates again."""
    return _panel(panel.test(here()))


def _panel(checks: list[connections.Check]) -> Response:
    glance = frame.glance()
    return page_or(
        "connections/_panel.html",
        "connections/index.html",
        glance=glance,
        stage=glance.stage,
        facts=panel.facts(glance.connection) if glance.connection else None,
        events=connections.events(here().id, 10),
        checks=checks,
    )


def _came_from() -> str:
    hoop_id = session.pop("connecting", None)
    return url_for("integrations.index", location_id=hoop_id) if hoop_id else url_for("overview.index")
