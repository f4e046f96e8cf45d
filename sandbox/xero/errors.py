"""How a call is refused as a whole; each knows its answer (developer.xero.com, HTTP response codes and errors)."""

from __future__ import annotations

import uuid
from typing import Any

from sandbox.xero.wire import HTML, Answer, json_answer, text_answer


class Refused(Exception):
    """The whole call is refused; `answer()` is what the caller gets."""

    def answer(self) -> Answer:
        """The reply for this refusal."""
        raise NotImplementedError


class _Detailed(Refused):
    status = 401
    title = "Unauthorized"

    def __init__(self, detail: str, **headers: str) -> None:
        super().__init__(detail)
        self.detail = detail
        self.headers = headers

    def answer(self) -> Answer:
        """Xero's capitalised problem-details form."""
        body: dict[str, Any] = {
            "Type": None,
            "Title": self.title,
            "Status": self.status,
            "Detail": self.detail,
            "Instance": str(uuid.uuid4()),
            "Extensions": {},
        }
        return json_answer(self.status, body, **self.headers)


class Unauthorised(_Detailed):
    """401: token expired, unknown, or without the scope."""


class Forbidden(_Detailed):
    """403: no connection to that tenant, or a user without the role."""

    status = 403
    title = "Forbidden"


class NotFound(Refused):
    """404: an HTML page, never JSON."""

    def answer(self) -> Answer:
        """The page."""
        return text_answer(404, "The resource you're looking for cannot be found", HTML)


class Plain(Refused):
    """Any refusal said in plain text (406, 501, 503)."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status

    def answer(self) -> Answer:
        """The text."""
        return text_answer(self.status, str(self))


class BadRequest(Refused):
    """400 without Elements: the request itself can't be understood."""

    number = 0
    kind = ""

    def answer(self) -> Answer:
        """`{ErrorNumber, Type, Message}`."""
        body: dict[str, Any] = {"ErrorNumber": self.number, "Type": self.kind, "Message": str(self)}
        return json_answer(400, body)


class PostDataInvalid(BadRequest):
    """A body that is not JSON, or a value of the wrong type."""

    number, kind = 14, "PostDataInvalidException"


class QueryParse(BadRequest):
    """A `where` or `order` that can't be read."""

    number, kind = 16, "QueryParseException"


class KeyClash(BadRequest):
    """An idempotency key that is too long, or used with a different request."""

    number, kind = 0, "BadRequestException"
