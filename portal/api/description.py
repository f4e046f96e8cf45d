"""The description of the API: OpenAPI 3.1, built from the same models that read and write it."""

import re
from functools import cache
from typing import Any

import simplejson
from flask import Response
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from portal.api import problems, shapes
from portal.api.routes import LONGEST_KEY, ROUTES, Route, room
from portal.config import settings

REF = "#/components/schemas/{model}"
ALWAYS = (400, 401, 422, 429)
OF_WRITES = (403, 409, 413, 415)
WORDS = {
    400: "The request cannot be read", 401: "No living key", 403: "The key may only read", 404: "Not here",
    409: "Not as things stand", 413: "Too large", 415: "Not JSON", 422: "See `errors`, one for each item",
    429: "Too many requests; see `Retry-After`",
}  # fmt: skip
ABOUT = (
    "Read how one location's invoices, payments and contacts are carried to Xero, change its mapping, have documents "
    "tried again or left out, and reconcile. A key belongs to one location. Amounts are text with the currency's "
    "decimals, moments are ISO 8601 in UTC, dates YYYY-MM-DD. Errors are problem documents (RFC 9457)."
)
RATE = {
    name: {"schema": {"type": "string"}, "description": told}
    for name, told in (
        ("RateLimit-Limit", "Requests a minute"),
        ("RateLimit-Remaining", "Requests left in this minute"),
        ("RateLimit-Reset", "Seconds until all are there again"),
    )
}


@room.get("/openapi.json")
def openapi() -> Response:
    """The description itself; it needs no key."""
    return Response(_text(settings().base_url), content_type="application/json")


@cache
def _text(base_url: str) -> str:
    return simplejson.dumps(document(base_url))


def document(base_url: str) -> dict[str, Any]:
    """All of it as OpenAPI 3.1."""
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "HoopAI to Xero", "version": "1", "description": ABOUT},
        "servers": [{"url": f"{base_url}/api/v1"}],
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": _schemas(),
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary.partition(". ")[0].rstrip("."),
        "description": route.summary,
        "parameters": [*_path(route), *_query(route), *_headers(route)],
        "responses": _responses(route),
    }
    if route.body is not None:
        shape = {"$ref": REF.format(model=route.body.__name__)}
        told["requestBody"] = {
            "required": route.body_needed, "content": {"application/json": {"schema": shape}}
        }  # fmt: skip
    return told


def _responses(route: Route) -> dict[str, Any]:
    good = {
        "description": "As asked",
        "headers": RATE,
        "content": {"application/json": {"schema": {"$ref": REF.format(model=route.answer.__name__)}}},
    }
    fails = sorted({*ALWAYS, *route.fails, *(OF_WRITES if route.writes else ())})
    return {str(route.status): good, **{str(status): _failure(status) for status in fails}}


def _failure(status: int) -> dict[str, Any]:
    shape = {"$ref": REF.format(model=shapes.Problem.__name__)}
    told: dict[str, Any] = {"description": WORDS[status], "content": {problems.MEDIA: {"schema": shape}}}
    if status == 429:
        told["headers"] = {"Retry-After": {"schema": {"type": "string"}, "description": "Seconds"}}
    return told


def _path(route: Route) -> list[dict[str, Any]]:
    found = re.findall(r"<(?:(\w+):)?(\w+)>", route.path)
    whole = {"type": "integer", "minimum": 0, "maximum": 2**31 - 1}
    text = {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[A-Za-z0-9_-]+$"}
    return [
        {"name": name, "in": "path", "required": True, "schema": whole if kind == "int" else text}
        for kind, name in found
    ]


def _query(route: Route) -> list[dict[str, Any]]:
    if route.query is None:
        return []
    properties = route.query.model_json_schema(ref_template=REF)["properties"]
    return [
        {"name": name, "in": "query", "required": False, "schema": _not_null(schema)}
        for name, schema in properties.items()
    ]


def _not_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter is there or not; there is no null in an address."""
    kinds = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    return kinds[0] if kinds else schema


def _headers(route: Route) -> list[dict[str, Any]]:
    if not route.writes:
        return []
    told = "The same key again gets the same answer for a day, and nothing is done twice."
    shape = {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[!-~]+$"}
    return [
        {"name": "Idempotency-Key", "in": "header", "required": False, "description": told, "schema": shape}
    ]


def _schemas() -> dict[str, Any]:
    wanted: list[tuple[type[BaseModel], JsonSchemaMode]] = [(shapes.Problem, "serialization")]
    for route in ROUTES:
        wanted.append((route.answer, "serialization"))
        wanted += [(each, "validation") for each in (route.query, route.body) if each is not None]
    unique = list(dict.fromkeys(wanted))
    _, found = models_json_schema(unique, ref_template=REF)
    schemas: dict[str, Any] = found["$defs"]
    return schemas
