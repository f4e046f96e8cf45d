"""From an HTTP answer to what to do next (developer.xero.com, HTTP response codes)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from portal.xero import errors, numbers
from portal.xero.left import LimitsLeft
from portal.xero.transport import Answer

_LIMIT_WORDS = ("appminute", "minute", "day", "concurrent")


def error_of(answer: Answer) -> errors.XeroError:
    """The error a non-2xx answer means. Unknown kinds become NoAnswer: the safe reading is "outcome
    unknown".
    """
    facts: dict[str, Any] = {
        "status": answer.status,
        "correlation_id": answer.correlation_id,
        "limits": LimitsLeft.from_headers(answer.headers),
        "duration_ms": answer.duration_ms,
    }
    if answer.status in (401, 403):
        return _refused_access(answer, facts)
    if answer.status == 404:
        return errors.NotFound("Xero does not know this address or id in this organisation.", **facts)
    if answer.status == 429:
        return _limited(answer, facts)
    if answer.status == 503:
        return errors.Busy(
            "Xero is not available at the moment.", retry_after=retry_after(answer.headers), **facts
        )
    if 400 <= answer.status < 500 and answer.status != 408:
        return _rejected(answer, facts)
    return errors.NoAnswer(
        f"Xero answered with status {answer.status}; whether it acted is unknown.", **facts
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of a Retry-After header, None if absent or not a number."""
    text = header(headers, "Retry-After") or ""
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if 0 <= seconds < 10_000_000 else None


def header(headers: Mapping[str, str], name: str) -> str | None:
    """A header's value, its name in any case."""
    return next((value for key, value in headers.items() if key.lower() == name.lower()), None)


def messages_in(value: Any, list_name: str = "ValidationErrors", depth: int = 0) -> Iterator[str]:
    """Every Message in every `list_name` list of an element and of what it contains, outermost first."""
    if depth > 12:
        return
    if isinstance(value, list):
        for item in value:
            yield from messages_in(item, list_name, depth + 1)
    if not isinstance(value, dict):
        return
    for entry in value.get(list_name) or []:
        if isinstance(entry, dict) and isinstance(entry.get("Message"), str):
            yield entry["Message"].strip()
    for key, item in value.items():
        if item and isinstance(item, (dict, list)) and key != list_name:
            yield from messages_in(item, list_name, depth + 1)


def _refused_access(answer: Answer, facts: dict[str, Any]) -> errors.XeroError:
    challenge = (header(answer.headers, "WWW-Authenticate") or "").lower()
    detail = _detail(answer.raw)
    if "insufficient_scope" in challenge or "insufficent_scope" in challenge:
        return errors.ScopeMissing("Xero has not granted this app the permission for this.", **facts)
    if answer.status == 401 and not detail.startswith("AuthorizationUnsuccessful"):
        return errors.SignInExpired("The sign-in to Xero has expired.", **facts)
    return errors.AccessDenied("Xero does not let us into this organisation.", detail=detail or None, **facts)


def _detail(raw: bytes) -> str:
    body = _parsed(raw)
    detail = body.get("Detail") or body.get("detail") if isinstance(body, dict) else None
    return detail[:200] if isinstance(detail, str) else ""


def _limited(answer: Answer, facts: dict[str, Any]) -> errors.Busy:
    said = (header(answer.headers, "X-Rate-Limit-Problem") or "").lower()
    letters = "".join(char for char in said if char.isalpha())
    wait = retry_after(answer.headers)
    limit = next((word for word in _LIMIT_WORDS if word in letters), None)
    if limit is None:
        limit = "concurrent" if wait is None else "minute"
    if limit == "day":
        return errors.DayLimitUsed(
            "Today's calls to Xero are used up.", retry_after=wait, limit=limit, **facts
        )
    return errors.Busy("Xero asks us to slow down.", retry_after=wait, limit=limit, **facts)


def _rejected(answer: Answer, facts: dict[str, Any]) -> errors.Rejected:
    body = _parsed(answer.raw)
    if not isinstance(body, dict):
        said = answer.raw[:300].decode("utf-8", "replace").strip()
        plain = [said] if said and not said.startswith("<") else []
        return errors.Rejected("Xero refused the request.", messages=plain, **facts)
    elements = [item for item in body.get("Elements") or [] if isinstance(item, dict)]
    messages = list(dict.fromkeys(messages_in(elements)))
    if not messages and isinstance(body.get("Message"), str):
        messages = [body["Message"]]
    number = body.get("ErrorNumber")
    kind = body.get("Type")
    return errors.Rejected(
        "Xero refused the request.",
        error_number=number if isinstance(number, int) else None,
        type=kind if isinstance(kind, str) else None,
        messages=messages,
        elements=elements,
        **facts,
    )


def _parsed(raw: bytes) -> Any:
    try:
        return numbers.load(raw)
    except ValueError:
        return None
