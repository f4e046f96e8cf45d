"""What a program gets when something is refused: RFC 9457 problem documents."""

from collections.abc import Mapping
from typing import Any

import simplejson
from flask import Response, g, request
from werkzeug.exceptions import HTTPException

from portal.errors import ChooseAgain, ConnectAgain, NotAllowed, NotFoundHere, NotNow, PortalError
from portal.services.idempotency import StillRunning, UsedBefore

PREFIX = "/api/"
MEDIA = "application/problem+json"
URN = "urn:hoopai-xero:problem:"
KINDS: dict[str, tuple[int, str]] = {
    "malformed": (400, "The request cannot be read"),
    "no-key": (401, "A living API key is needed"),
    "read-only": (403, "This key may only read"),
    "not-found": (404, "There is no such thing here"),
    "method": (405, "This address is not used this way"),
    "conflict": (409, "It cannot be done as things stand"),
    "running": (409, "The first request with this key has not ended"),
    "not-connected": (409, "Xero has to be connected first"),
    "too-large": (413, "That is more than is taken at once"),
    "media": (415, "The body is not JSON"),
    "invalid": (422, "Something in the request cannot be used"),
    "key-reused": (422, "This Idempotency-Key belongs to another request"),
    "too-many": (429, "Too many requests"),
    "broken": (500, "Something broke on our side"),
    "later": (503, "Not possible right now"),
}
OF_ERRORS: tuple[tuple[type[PortalError], str], ...] = (
    (UsedBefore, "key-reused"),
    (StillRunning, "running"),
    (NotFoundHere, "not-found"),
    (NotAllowed, "read-only"),
    (ChooseAgain, "invalid"),
    (ConnectAgain, "not-connected"),
    (NotNow, "later"),
)
OF_STATUS = {400: "malformed", 404: "not-found", 405: "method", 413: "too-large", 415: "media"}


class Refusal(PortalError):
    """A refusal with its kind and an error for each item. `errors` have `detail` and `pointer` or `parameter`."""

    def __init__(
        self, kind: str, detail: str, errors: list[dict[str, str]] | None = None, **headers: str
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.errors = errors
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def wanted() -> bool:
    """Whether this request is the API's, so that errors are problem documents."""
    return request.path.startswith(PREFIX)


def answer(
    kind: str,
    detail: str,
    errors: list[dict[str, str]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """One problem document."""
    status, title = KINDS[kind]
    body: dict[str, Any] = {
        "type": URN + kind, "title": title, "status": status, "detail": detail or title,
        "instance": f"{request.path}#{g.get('request_id', '')}",
    }  # fmt: skip
    if errors:
        body["errors"] = errors
    return Response(simplejson.dumps(body), status, dict(headers or {}), content_type=MEDIA)


def of(error: PortalError) -> Response:
    """The problem document of one of our refusals."""
    if isinstance(error, Refusal):
        return answer(error.kind, str(error), error.errors, error.headers)
    kind = next((kind for shape, kind in OF_ERRORS if isinstance(error, shape)), "malformed")
    fields = error.fields if isinstance(error, ChooseAgain) else {}
    return answer(kind, str(error), [{"parameter": name, "detail": text} for name, text in fields.items()])


def of_http(error: HTTPException) -> Response:
    """The problem document of a refusal of the web server's own: unknown address, wrong method, too large."""
    kind = OF_STATUS.get(error.code or 500, "malformed" if (error.code or 500) < 500 else "broken")
    own = error.description if type(error).description != error.description else None
    headers = {name: value for name, value in error.get_headers() if name.lower() in ("allow", "retry-after")}
    return answer(kind, own or KINDS[kind][1] + ".", headers=headers)
