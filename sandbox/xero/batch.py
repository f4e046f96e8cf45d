"""What came of each posted object, and the two forms of the answer: with `summarizeErrors=false` every object under
200, else the failing ones under 400 (developer.xero.com, Requests and responses, and HTTP response codes).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sandbox.xero.call import Call
from sandbox.xero.dates import day_pair
from sandbox.xero.fields import NO_ID, Element
from sandbox.xero.wire import Answer, json_answer

_DAYS = ("Date", "DueDate")


@dataclass
class Outcome:
    """One object's fate: how it is shown now, or how it was posted with what is wrong with it."""

    shown: dict[str, Any]
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def refused(
    posted: Element, id_key: str, flag: str, errors: list[str], parts: dict[str, Any] | None = None
) -> Outcome:
    """A refused object: echoed, its id all zeros unless it named one; `parts` replaces nested objects."""
    echo: dict[str, Any] = {key: value for key, value in posted.items() if key != "StatusAttributeString"}
    echo[id_key] = posted.get(id_key) or NO_ID
    for key in _DAYS:
        if isinstance(echo.get(key), str) and len(echo[key]) == 10:
            echo |= day_pair(key, echo[key])
    for key in ("Addresses", "Phones", "LineItems", "Payments"):
        if isinstance(echo.get(key), list):
            echo[key] = [one | {"ValidationErrors": one.get("ValidationErrors", [])} for one in echo[key]]
    unique = list(dict.fromkeys(errors))
    return Outcome(echo | (parts or {}) | {flag: True, "ValidationErrors": messages(unique)}, unique)


def messages(texts: list[str]) -> list[dict[str, str]]:
    """`[{"Message": …}]`."""
    return [{"Message": text} for text in texts]


def answer(call: Call, plural: str, outcomes: list[Outcome]) -> Answer:
    """The reply to a batch. Valid objects are saved in either form; the 400 does not show them."""
    if call.asks("summarizeErrors", default=True):
        failing = [one.shown | {"StatusAttributeString": "ERROR"} for one in outcomes if one.errors]
        return _exception(failing) if failing else call.reply(plural, [_warned(one) for one in outcomes])
    return call.reply(plural, [_warned(one) | {"StatusAttributeString": _state(one)} for one in outcomes])


def single(call: Call, plural: str, outcome: Outcome) -> Answer:
    """The reply where only one object may be posted."""
    if outcome.errors:
        return _exception([outcome.shown | {"StatusAttributeString": "ERROR"}])
    return call.reply(plural, [_warned(outcome)])


def _exception(failing: list[dict[str, Any]]) -> Answer:
    words = {"ErrorNumber": 10, "Type": "ValidationException", "Message": "A validation exception occurred"}
    return json_answer(400, words | {"Elements": failing})


def _state(one: Outcome) -> str:
    return "ERROR" if one.errors else "WARNING" if one.warnings else "OK"


def _warned(one: Outcome) -> dict[str, Any]:
    return one.shown | {"Warnings": messages(one.warnings)} if one.warnings else one.shown
