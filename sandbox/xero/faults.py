"""Faults on demand: what can go wrong between a caller and Xero, switched on for the next n calls that match."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass
from typing import Any

from sandbox.xero.wire import HTML, JSON, TEXT, Answer, dumps

KINDS = {
    "slow": "answers after some seconds",
    "hang": "never answers and does nothing; the line stays open for some seconds",
    "hang-after": "does the work, and never answers; the line stays open for some seconds",
    "lost_reply": "does the work, then hangs up without an answer",
    "refuse": "hangs up before doing anything",
    "late": "hangs up, and does the work some seconds later",
    "500": "fails with an internal error, nothing done",
    "500-after": "does the work, then answers with an internal error",
    "503": "is down for maintenance",
    "garbled": "does the work, then answers with an HTML page under 200",
    "truncated": "does the work, then breaks off in the middle of the answer",
    "429-minute": "says the minute limit is reached",
    "429-day": "says the day limit is reached",
    "429-concurrent": "says too many calls are running",
    "token-expired": "says the access token has expired",
    "403": "says the app is not connected",
}


@dataclass
class Fault:
    """One switched-on fault. `path`: a part of the path; empty matches all."""

    kind: str
    method: str = "*"
    path: str = ""
    times: int = 1
    seconds: float = 2.0

    def fits(self, method: str, path: str) -> bool:
        """Whether this call is meant."""
        return self.method in ("*", method) and self.path.lower() in path.lower()


class Faults:
    """The faults that are on, in the order they were set."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._on: list[Fault] = []

    def set(self, wanted: dict[str, Any]) -> Fault:
        """Switch one on; ValueError when the kind is unknown or a figure makes no sense."""
        fault = Fault(
            str(wanted.get("kind", "")),
            str(wanted.get("method") or "*").upper(),
            str(wanted.get("path") or ""),
            int(wanted.get("times", 1)),
            float(wanted.get("seconds", 2)),
        )
        if fault.kind not in KINDS or fault.times < 1 or fault.seconds < 0:
            raise ValueError(f"A fault needs a kind of {', '.join(KINDS)}, times ≥ 1 and seconds ≥ 0.")
        with self._lock:
            self._on.append(fault)
        return fault

    def take(self, method: str, path: str) -> Fault | None:
        """The first fault that fits this call, used up by one."""
        with self._lock:
            for fault in self._on:
                if fault.fits(method, path):
                    fault.times -= 1
                    self._on = [one for one in self._on if one.times > 0]
                    return fault
        return None

    def all(self) -> list[dict[str, Any]]:
        """What is on."""
        with self._lock:
            return [asdict(fault) for fault in self._on]

    def clear(self) -> None:
        """Switch all off."""
        with self._lock:
            self._on = []


def after(fault: Fault | None, answer: Answer) -> Answer:
    """What becomes of a finished answer under this fault."""
    match fault.kind if fault else "":
        case "lost_reply" | "hang-after":
            answer.cut = "drop"
        case "truncated":
            answer.cut = "truncate"
        case "garbled":
            page = b"<html><head><title>Gateway</title></head><body><h1>Please wait"
            return Answer(200, page, JSON, answer.headers)
        case "500-after":
            return internal_error(answer.headers)
    return answer


def internal_error(headers: dict[str, str] | None = None) -> Answer:
    """The generic 500."""
    body = dumps({"ErrorNumber": 0, "Type": "InternalServerError", "Message": "An error occurred in Xero"})
    return Answer(500, body, JSON, headers or {})


def maintenance() -> Answer:
    """The 503 of planned work, in plain words."""
    return Answer(503, b"The Xero API is currently offline for maintenance", TEXT)


def error_page(status: int, words: str) -> Answer:
    """An HTML error page as a gateway would send."""
    return Answer(status, f"<html><body><h1>{words}</h1></body></html>".encode(), HTML)
