"""Troubleshooting: what is in order, what needs a person, why an invoice is not in Xero."""

from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from portal.errors import ChooseAgain
from portal.filters import plural
from portal.forms import ids
from portal.models import RunKind
from portal.render import done, page_or, wants_fragment
from portal.security import here, me
from portal.services import (
    answers,
    checks,
    diagnosing,
    mappings,
    problems,
    retrying,
    runs,
    trials,
    troubleshooting,
)
from portal.services import support as bundles
from portal.services.checks import Verdict
from portal.views import frame

room = Blueprint("troubleshooting", __name__, url_prefix="/locations/<location_id>/troubleshooting")
ABOUT = ("kind", "document_id", "group")


@room.get("")
def index() -> Response:
    """The checklist, the groups of problems and the questions."""
    missing = mappings.missing(here().id)
    found = checks.run(here(), missing, frame.glance().tally)
    number = request.args.get("number", "").strip()[:100]
    return page_or(
        "troubleshooting/_page.html",
        "troubleshooting/index.html",
        wrong=[check for check in found if check.verdict != Verdict.OK],
        fine=[check for check in found if check.verdict == Verdict.OK],
        last=trials.latest(here().id),
        groups=troubleshooting.groups(here(), missing),
        number=number,
        answers=answers.why(here(), number),
        topics=diagnosing.TOPICS,
    )


@room.get("/xero-messages")
def messages() -> Response:
    """Every message of Xero's that is known, in plain words."""
    return page_or(
        "troubleshooting/_messages.html",
        "troubleshooting/messages.html",
        handbook=problems.handbook(),
        owners=problems.OWNERS,
    )


@room.get("/why/<topic>")
def diagnosis(topic: str) -> Response:
    """One of the usual questions, answered from this location's own data."""
    return page_or(
        "troubleshooting/_diagnosis.html",
        "troubleshooting/diagnosis.html",
        told=diagnosing.of(here(), topic),
        topic=topic,
        topics=diagnosing.TOPICS,
    )


@room.get("/support")
def support() -> Response:
    """What the operator needs to help, to be copied or kept."""
    return page_or(
        "troubleshooting/_support.html",
        "troubleshooting/support.html",
        text=bundles.as_text(_bundle()),
        about={name: request.args[name] for name in ABOUT if name in request.args},
    )


@room.get("/support.<any(json, txt):form>")
def support_file(form: str) -> Response:
    """The same as a file."""
    found = _bundle()
    said = bundles.as_json(found) if form == "json" else bundles.as_text(found)
    answer = Response(said + "\n", mimetype="application/json" if form == "json" else "text/plain")
    answer.headers["Content-Disposition"] = f'attachment; filename="support.{form}"'
    return answer


@room.post("/checks")
def run_checks() -> AnyResponse:
    """Run all checks now; a browser that cannot go on by itself gets them in one go."""
    run_id = trials.begin(here(), me())
    if not wants_fragment():
        trials.finish(here(), run_id)
    return _to_checks(run_id)


@room.get("/checks/<int:run_id>")
def checks_run(run_id: int) -> Response:
    """How far the checks are and what they have found."""
    run = runs.one(here().id, run_id, RunKind.CHECKS)
    return page_or(
        "troubleshooting/_checks.html",
        "troubleshooting/checks.html",
        run=run,
        found=trials.progress(run),
        results=trials.results(run),
    )


@room.post("/checks/<int:run_id>/step")
def step(run_id: int) -> AnyResponse:
    """Do the next step of the checks, or without JavaScript all of them."""
    if wants_fragment():
        trials.step(here(), run_id)
        return checks_run(run_id)
    trials.finish(here(), run_id)
    return _to_checks(run_id)


@room.post("/checks/<int:run_id>/stop")
def stop_checks(run_id: int) -> AnyResponse:
    """Leave out the steps that are left."""
    trials.cancel(here(), run_id)
    return _to_checks(run_id)


@room.post("/retry")
def retry() -> AnyResponse:
    """Try all documents of one cause again now."""
    try:
        run_id = troubleshooting.retry(here(), me(), request.form.get("group", "")[:1000])
    except ChooseAgain as refusal:
        return done(str(refusal), url_for("troubleshooting.index"), "info")
    count = len(runs.one(here().id, run_id, RunKind.RETRY).items)
    message = f"{plural(count, 'document')} tried again now."
    return done(message, url_for("troubleshooting.retried", run_id=run_id))


@room.get("/retries/<int:run_id>")
def retried(run_id: int) -> Response:
    """How far a retry of many has come."""
    run = runs.one(here().id, run_id, RunKind.RETRY)
    return page_or(
        "troubleshooting/_retry.html", "troubleshooting/retry.html", run=run, found=retrying.progress(run)
    )


@room.post("/retries/<int:run_id>/stop")
def stop_retry(run_id: int) -> AnyResponse:
    """Call off what has not been sent."""
    count = retrying.cancel(here(), me(), run_id)
    told = f"{plural(count, 'document')} called off." if count else "Nothing was left to call off."
    return done(told, url_for("troubleshooting.retried", run_id=run_id), "success" if count else "info")


def _bundle() -> bundles.Facts:
    asked = request.args
    return bundles.bundle(
        here(), asked.get("kind", ""), asked.get("document_id", 0, ids.number), asked.get("group", "")[:1000]
    )


def _to_checks(run_id: int) -> AnyResponse:
    return redirect(url_for("troubleshooting.checks_run", run_id=run_id), 303)
