"""The control interface for tests: reset, faults, clock, books, calls, limits, grant (JSON in, JSON out)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import simplejson
from flask import Blueprint, Response, abort, request

from sandbox.xero import books_shown, people, users
from sandbox.xero.charts.seed import open_like, seed
from sandbox.xero.connections import row_shown
from sandbox.xero.here import here
from sandbox.xero.wire import JSON, dumps

blueprint = Blueprint("control", __name__, url_prefix="/control")
_TABLES = ("xero.",)
_LOCKS = {"period_lock_date": "PeriodLockDate", "end_of_year_lock_date": "EndOfYearLockDate"}
_SETTABLE = {
    "approval_limit",
    "offline",
    "no_permission",
    "PaymentTerms",
    "PeriodLockDate",
    "EndOfYearLockDate",
    "Class",
}


@blueprint.post("/reset")
def reset() -> Response:
    """The three organisations as new; tokens, connections, faults, calls and limits forgotten; the key stays."""
    fresh()
    return _json({"reset": True})


def fresh() -> None:
    """See `reset`."""
    books = here().books
    with books.store.lock, books.store.unit():
        key = books.settings.get("signing_key")
        for prefix in _TABLES:
            books.store.clear(prefix)
        books.forget()
        if key:
            books.settings.put(key)
        seed(books)
    here().faults.clear()
    here().calls.clear()
    here().limits.set({"minute": 60, "day": 5_000, "concurrent": 5, "app_minute": 10_000})
    here().service_time = (0.0, 0.0)


@blueprint.post("/faults")
def set_fault() -> Response:
    """Switch a fault on for the next `times` calls that match."""
    try:
        here().faults.set(_posted())
    except ValueError as problem:
        return _json({"error": str(problem)}, 400)
    return _json({"faults": here().faults.all()})


@blueprint.get("/faults")
def faults() -> Response:
    """What is on."""
    return _json({"faults": here().faults.all()})


@blueprint.delete("/faults")
def clear_faults() -> Response:
    """All off."""
    here().faults.clear()
    return _json({"faults": []})


@blueprint.post("/clock")
def clock() -> Response:
    """`{"advance": seconds}`, `{"now": iso}` or `{"real": true}`."""
    wanted = _posted()
    if "advance" in wanted:
        here().clock.advance(float(wanted["advance"]))
    elif "now" in wanted:
        here().clock.set_now(datetime.fromisoformat(str(wanted["now"])))
    elif wanted.get("real"):
        here().clock.set_now(None)
    return _json({"now": here().clock.now().isoformat()})


@blueprint.get("/books")
def books() -> Response:
    """What is in the books, of all organisations or of `?tenant=`."""
    wanted = request.args.get("tenant")
    rows = [row for row in here().books.organisations.all() if wanted in (None, row["OrganisationID"])]
    with here().books.store.lock:
        return _json(
            {"organisations": [books_shown.whole(here().books.book(row["OrganisationID"])) for row in rows]}
        )


@blueprint.get("/calls")
def calls() -> Response:
    """The calls after `?since=`."""
    return _json({"calls": here().calls.since(int(request.args.get("since", 0)))})


@blueprint.delete("/calls")
def clear_calls() -> Response:
    """Forget the calls; numbering goes on."""
    here().calls.clear()
    return _json({"calls": []})


@blueprint.post("/limits")
def limits() -> Response:
    """Set figures, or `{"off": true}`; windows begin anew."""
    here().limits.set(_posted())
    return _json(here().limits.shown())


@blueprint.post("/service-time")
def service_time() -> Response:
    """`{"base": seconds, "per_element": seconds}`: how long a call takes at least."""
    wanted = _posted()
    here().service_time = (float(wanted.get("base", 0)), float(wanted.get("per_element", 0)))
    return _json({"base": here().service_time[0], "per_element": here().service_time[1]})


@blueprint.post("/organisations")
def organisations() -> Response:
    """`{"like": "au", "count": 500, "user": "mia"}`: more organisations, which the user's sign-in reaches at once."""
    wanted = _posted()
    user = users.find(str(wanted.get("user", "mia"))) or abort(404)
    found = people.organisation(str(wanted.get("like", "au"))) or abort(404)
    books_, app = here().books, here().settings.client_id
    with books_.writing():
        made = open_like(books_, found["key"], int(wanted.get("count", 1)))
        for tenant in made:
            here().tokens.consent(user, app, tenant, people.USUAL_SCOPES.split())
    return _json({"organisations": made})


@blueprint.post("/organisations/<tenant>")
def organisation(tenant: str) -> Response:
    """Lock dates (`period_lock_date`, `end_of_year_lock_date`; null clears), `approval_limit`, `offline`,
    `no_permission`, `PaymentTerms`, `Class`.
    """
    found = people.organisation(tenant) or abort(404)
    wanted = {_LOCKS.get(key, key): value for key, value in _posted().items()}
    if unknown := set(wanted) - _SETTABLE:
        return _json({"error": f"unknown: {', '.join(sorted(unknown))}"}, 400)
    with here().books.writing():
        return _json(here().books.organisations.put({**found, **wanted}))


@blueprint.post("/accounts/<tenant>/<word>")
def account(tenant: str, word: str) -> Response:
    """Change fields of an account found by code or id, such as `{"Status": "ARCHIVED"}`."""
    found = people.account(tenant, word) or abort(404)
    with here().books.writing():
        return _json(people.change_account(tenant, found, _posted()))


@blueprint.post("/tracking/<tenant>/<word>")
def tracking(tenant: str, word: str) -> Response:
    """Change a tracking category or one of its options, found by id or name, such as `{"Status": "ARCHIVED"}`."""
    with here().books.writing():
        return _json(people.change_tracking(tenant, word, _posted()) or abort(404))


@blueprint.post("/contacts/<tenant>/<identity>")
def contact(tenant: str, identity: str) -> Response:
    """Change fields of a contact as a person would, such as `{"ContactStatus": "ARCHIVED"}`."""
    return _changed(tenant, "contacts", identity)


@blueprint.post("/invoices/<tenant>/<identity>")
def invoice(tenant: str, identity: str) -> Response:
    """Change fields of an invoice as a person would, such as `{"Reference": "…"}`, without any check."""
    return _changed(tenant, "invoices", identity)


@blueprint.post("/remove-app")
def remove_app() -> Response:
    """Drop connections as a person does inside Xero: of one tenant, or all."""
    with here().books.writing():
        return _json({"removed": people.remove_app(_posted().get("tenant"))})


@blueprint.post("/grant")
def grant() -> Response:
    """Consent and tokens without a browser: `{"user", "tenant", "scope"}`."""
    wanted = _posted()
    user, found = (
        users.find(str(wanted.get("user", "mia"))),
        people.organisation(str(wanted.get("tenant", "au"))),
    )
    if user is None or found is None:
        abort(404)
    app, books_ = here().settings.client_id, here().books
    with books_.writing() as now:
        scopes = str(wanted.get("scope") or people.USUAL_SCOPES).split()
        event = here().tokens.consent(user, app, found["OrganisationID"], scopes)
        reply = here().tokens.new_set(user, app, event, now)
        row = next(one for one in books_.connections.find("user", (user.id, app)) if one["event"] == event)
    return _json(reply | {"connection": row_shown(books_, row)})


def _changed(tenant: str, table: str, identity: str) -> Response:
    found = people.organisation(tenant) or abort(404)
    rows = getattr(here().books.book(found["OrganisationID"]), table)
    doc = rows.get(identity) or abort(404)
    with here().books.writing():
        changed = {**doc, **_posted(), "UpdatedDateUTC": here().books.book(found["OrganisationID"]).now()}
        return _json(rows.put(changed))


def _posted() -> dict[str, Any]:
    read = simplejson.loads(request.get_data() or b"{}", use_decimal=True)
    return read if isinstance(read, dict) else abort(400)


def _json(value: Any, status: int = 200) -> Response:
    return Response(dumps(value), status, content_type=JSON)
