"""What a person sees when something is refused, missing, not possible now, or broken."""

import json
import logging

from flask import Flask, Response, g, make_response, render_template, request
from werkzeug.exceptions import HTTPException, SecurityError

from portal.api import problems
from portal.errors import ChooseAgain, ConnectAgain, NotAllowed, NotFoundHere, NotNow, PortalError
from portal.render import wants_fragment
from portal.services.unit import release

log = logging.getLogger(__name__)

STATUS: dict[type[PortalError], int] = {
    NotFoundHere: 404,
    NotAllowed: 403,
    ChooseAgain: 422,
    ConnectAgain: 409,
    NotNow: 503,
}
TITLES = {
    400: "This request was not used",
    403: "Only an admin can do this",
    404: "There is nothing at this address",
    405: "This address is not used this way",
    409: "Xero has to be reconnected first",
    413: "That is more than we take at once",
    422: "Choose again",
    500: "Something broke on our side",
    503: "Not possible right now",
}
SENTENCES = {
    400: "The page was open for a long time or came from somewhere else. Reload it and try again.",
    404: "It does not exist, or it belongs to an account that you do not work in.",
    405: "Go back and use the buttons of the page.",
    413: "Send less at a time.",
    500: "Nothing that you typed was lost on purpose; the error is written down under the number below.",
}


def register(app: Flask) -> None:
    """Answer errors with a page, or with a toast where htmx asked."""
    app.register_error_handler(PortalError, _refused)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _broken)


def _refused(error: PortalError) -> Response:
    if problems.wanted():
        return problems.of(error)
    status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 400)
    sentence = SENTENCES[404] if status == 404 and not str(error) else str(error)
    return _answer(status, sentence)


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    if error.response is not None or status < 400:
        return make_response(error.get_response())
    if isinstance(error, SecurityError):
        return Response(
            "This portal is not known by that name.\n", 400, content_type="text/plain; charset=utf-8"
        )
    own = type(error).description != error.description
    if problems.wanted():
        return problems.of_http(error)
    answer = _answer(status, (error.description if own else None) or SENTENCES.get(status, ""))
    for name, value in error.get_headers():
        if name.lower() in ("allow", "retry-after"):
            answer.headers[name] = value
    return answer


def _broken(error: Exception) -> Response:
    log.exception("web.broken", extra={"request_id": g.get("request_id"), "endpoint": request.endpoint})
    release()
    if problems.wanted():
        return problems.answer("broken", SENTENCES[500])
    return _answer(500, SENTENCES[500])


def _answer(status: int, sentence: str) -> Response:
    title = TITLES.get(status, "This did not work")
    if wants_fragment():
        toast = {"toast": {"messages": [{"kind": "danger", "text": sentence or title}]}}
        return Response(status=status, headers={"HX-Trigger": json.dumps(toast), "HX-Reswap": "none"})
    if request.blueprint in ("hooks", "operations"):
        return Response(f"{title}. {sentence}\n", status, content_type="text/plain; charset=utf-8")
    page = render_template(
        "errors/index.html", status=status, title=title, sentence=sentence, number=g.get("request_id")
    )
    return make_response(page, status)
