"""Troubleshooting: what is in order, what needs a person, why an invoice is not in Xero."""

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from portal.filters import plural
from portal.forms.ids import ids
from portal.render import done, page_or
from portal.security import here, me
from portal.services import activity, checks, troubleshooting
from portal.services.checks import Verdict

room = Blueprint("troubleshooting", __name__, url_prefix="/locations/<location_id>/troubleshooting")


@room.get("")
def index() -> Response:
    """The checklist, the groups of problems and the question."""
    found = checks.run(here())
    number = request.args.get("number", "").strip()[:100]
    return page_or(
        "troubleshooting/_page.html",
        "troubleshooting/index.html",
        wrong=[check for check in found if check.verdict != Verdict.OK],
        fine=[check for check in found if check.verdict == Verdict.OK],
        groups=troubleshooting.groups(here()),
        number=number,
        answer=troubleshooting.why_not(here(), number) if number else None,
    )


@room.post("/retry")
def retry() -> AnyResponse:
    """Try all documents of one cause again now."""
    chosen = ids(request.form.get("pushes", "").split(","))
    count = activity.retry(chosen, me(), here().id)
    message = f"{plural(count, 'document')} tried again now." if count else "They are no longer blocked."
    return done(message, url_for("troubleshooting.index"), "success" if count else "info")
