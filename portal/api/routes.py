"""One way to hang an endpoint: its query and body are read by their model, its answer is written by its model."""

import hashlib
import json
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import wraps
from typing import Any, NoReturn

from flask import Blueprint, Response, g, request
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import HTTPException

from portal.api import door, problems
from portal.api.problems import Refusal
from portal.errors import PortalError
from portal.services import idempotency

log = logging.getLogger(__name__)
room = Blueprint("api", __name__, url_prefix="/api/v1")
room.before_request(door.enter)
room.after_request(door.tell)
ROUTES: list["Route"] = []
LONGEST_KEY = 255
WELL_FORMED = re.compile(rf"[!-~]{{1,{LONGEST_KEY}}}")
REPLAYED = "Idempotency-Replayed"
PERHAPS_DONE = "It may have been done nevertheless. Look before you ask again under a new key."


@dataclass(frozen=True, slots=True)
class Route:
    """What the description of the API says of one endpoint. `fails` are the problems of its own, by status."""

    method: str
    path: str
    name: str
    summary: str
    answer: type[BaseModel]
    status: int
    query: type[BaseModel] | None
    body: type[BaseModel] | None
    body_needed: bool
    fails: tuple[int, ...]

    @property
    def writes(self) -> bool:
        """Whether a key must be allowed to write."""
        return self.method != "GET"


View = Callable[..., BaseModel]


def route(
    method: str,
    path: str,
    *,
    answer: type[BaseModel],
    status: int = 200,
    query: type[BaseModel] | None = None,
    body: type[BaseModel] | None = None,
    body_needed: bool = True,
    fails: tuple[int, ...] = (),
) -> Callable[[View], View]:
    """Hang a view at this method and path. It gets `query` and `body` as models and returns the answer's."""

    def hang(view: View) -> View:
        told = " ".join((view.__doc__ or "").split())
        one = Route(
            method, path, view.__name__, told, answer, status, query, body, body_needed and body is not None, fails
        )  # fmt: skip
        ROUTES.append(one)

        @wraps(view)
        def handle(**given: Any) -> Response:
            if not one.writes:
                _read_query(one, given)
                return _written(view(**given), one.status)
            return _write(one, view, given)

        room.add_url_rule(path, view.__name__, handle, methods=[method])
        return view

    return hang


def _write(one: Route, view: View, given: dict[str, Any]) -> Response:
    door.must_write()
    _read_query(one, given)
    if one.body is not None:
        given["body"] = _body(one)
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return _written(view(**given), one.status)
    if not re.fullmatch(WELL_FORMED, key):
        raise Refusal(
            "malformed", f"An Idempotency-Key is 1 to {LONGEST_KEY} plain letters, without a space."
        )
    begun = idempotency.begin(door.key().id, key, _fingerprint())
    if begun.status is not None:
        media = "application/json" if begun.status < 400 else problems.MEDIA
        return Response(begun.answer, begun.status, {REPLAYED: "true"}, content_type=media)
    try:
        done = _written(view(**given), one.status)
    except (PortalError, HTTPException):
        idempotency.drop(begun)
        raise
    except Exception:
        log.exception("api.broken", extra={"request_id": g.get("request_id"), "endpoint": request.endpoint})
        done = problems.answer("broken", PERHAPS_DONE)
    idempotency.end(begun, done.status_code, done.get_data(as_text=True))
    return done


def _written(answer: BaseModel, status: int) -> Response:
    return Response(answer.model_dump_json(), status, content_type="application/json")


def _fingerprint() -> str:
    said = b"\n".join((request.method.encode(), request.full_path.encode(), request.get_data()))
    return hashlib.sha256(said).hexdigest()


def _read_query(one: Route, given: dict[str, Any]) -> None:
    names = request.args.to_dict(flat=False)
    twice = next((name for name, values in names.items() if len(values) > 1), None)
    if twice:
        _refuse([{"parameter": twice[:100], "detail": "It is there more than once."}])
    if one.query is None:
        if names:
            _refuse([{"parameter": next(iter(names))[:100], "detail": "There is no such parameter here."}])
        return
    try:
        given["query"] = one.query.model_validate(request.args.to_dict())
    except ValidationError as error:
        _refuse([{"parameter": str(each["loc"][0])[:100], "detail": each["msg"]} for each in error.errors()])


def _body(one: Route) -> BaseModel:
    assert one.body is not None
    raw = request.get_data()
    if not raw and not one.body_needed:
        return one.body()
    if request.mimetype != "application/json":
        raise Refusal("media", "Send the body as application/json.")
    try:
        return one.body.model_validate(_json(raw))
    except ValidationError as error:
        _refuse([{"pointer": _pointer(each["loc"]), "detail": each["msg"]} for each in error.errors()[:100]])


def _json(raw: bytes) -> Any:
    """JSON with exact numbers (pydantic's own reading of JSON goes by way of floats)."""
    try:
        return json.loads(raw, parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Refusal("malformed", "The body is not JSON.") from None


def _no_number(word: str) -> NoReturn:
    raise ValueError(word)


def _pointer(place: tuple[int | str, ...]) -> str:
    steps = [str(step)[:100].replace("~", "~0").replace("/", "~1") for step in place]
    return "#" + "".join(f"/{step}" for step in steps)


def _refuse(errors: list[dict[str, str]]) -> NoReturn:
    raise Refusal("invalid", "Nothing was done. See `errors`, one for each item.", errors)
