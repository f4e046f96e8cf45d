"""Who may use the REST interface, and how often: tokens, the Version header, rate limits."""

from __future__ import annotations

import threading
import uuid
from collections import deque
from datetime import datetime, timedelta

from flask import Response, g, request

from sandbox.hoopai.asking import answer, shop
from sandbox.hoopai.books import SETTINGS, TOKENS

WINDOW = timedelta(seconds=10)
BURST, DAY = 100, 200_000

_lock = threading.Lock()


class Denied(Exception):
    """The vendor's refusal: HTTP status and message (a list for 422)."""

    def __init__(self, status: int, message: str | list[str]) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


_NAMES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    422: "Unprocessable Entity",
}


def denial(denied: Denied) -> Response:
    """The vendor's error shape: statusCode, message, error, traceId."""
    name = _NAMES.get(denied.status, "Too Many Requests")
    trace = str(uuid.uuid4())
    return answer(
        {"statusCode": denied.status, "message": denied.message, "error": name, "traceId": trace},
        denied.status,
    )


class Meter:
    """Counts calls for each location: 100 in 10 s and 200,000 a day (marketplace docs, rate limits)."""

    def __init__(self) -> None:
        self._calls: dict[str, deque[datetime]] = {}
        self._days: dict[str, tuple[str, int]] = {}

    def count(self, location_id: str, now: datetime, burst: int, day: int) -> dict[str, str]:
        """Count one call; answers the rate headers, raises Denied (429) when over."""
        with _lock:
            recent = self._calls.setdefault(location_id, deque())
            while recent and recent[0] <= now - WINDOW:
                recent.popleft()
            today, used = self._days.get(location_id, ("", 0))
            used = used if today == now.date().isoformat() else 0
            over = len(recent) >= burst or used >= day
            if not over:
                recent.append(now)
                used += 1
            self._days[location_id] = (now.date().isoformat(), used)
            reset = (recent[0] + WINDOW - now).total_seconds() if recent else WINDOW.total_seconds()
        g.rate_headers = {
            "X-RateLimit-Limit-Daily": str(day), "X-RateLimit-Daily-Remaining": str(max(0, day - used)),
            "X-RateLimit-Interval-Milliseconds": "10000", "X-RateLimit-Max": str(burst),
            "X-RateLimit-Remaining": str(max(0, burst - len(recent))), "X-RateLimit-Reset": str(max(1,
            round(reset))),
        }  # fmt: skip
        if over:
            raise Denied(429, "Too many requests. Try again later.")
        headers: dict[str, str] = g.rate_headers
        return headers


def enter(meter: Meter) -> None:
    """Let the request in or raise Denied; remembers the token's location as `g.location_id`."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    known = shop().books.store.get(TOKENS, token.strip()) if kind.lower() == "bearer" else None
    if known is None:
        raise Denied(401, "Invalid Private Integration token")
    g.location_id = known["location_id"]
    g.scopes = known["scopes"]
    limits = shop().books.store.get(SETTINGS, "limits") or {"burst": BURST, "day": DAY}
    if not limits.get("off"):
        meter.count(g.location_id, shop().books.now(), limits["burst"], limits["day"])
    if not request.headers.get("Version"):
        raise Denied(401, "The version header was not found.")


def need(scope: str) -> None:
    """Raise Denied (401) unless the token has the scope."""
    if "*" not in g.scopes and scope not in g.scopes:
        raise Denied(401, "The token is not authorized for this scope.")


def only(location_id: str) -> None:
    """Raise Denied (403) unless the token belongs to the location."""
    if location_id != g.location_id:
        raise Denied(403, "The token does not have access to this location.")
