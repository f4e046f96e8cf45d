"""For operators: alive, ready, numbers."""

import hmac
from ipaddress import ip_address

from flask import Blueprint, Response, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from portal.config import settings
from portal.errors import NotFoundHere
from portal.services import operations

room = Blueprint("operations", __name__)

HELP = {
    "pushes": ("Pushes in each state", "state"),
    "connections": ("Connections in each state", "state"),
    "processes_alive": ("Processes that gave a sign of life lately", "kind"),
    "processes_failing": ("Of these, workers whose jobs fail one after another", "kind"),
    "pushes_open": ("Pushes that are not settled and wait for nobody", ""),
    "push_queue_age_seconds": ("Age of the oldest queued push", ""),
    "inbound_events_unapplied": ("Webhook deliveries received and not yet applied", ""),
}


@room.get("/healthz")
def healthz() -> Response:
    """The process is alive."""
    return Response("alive\n", content_type="text/plain; charset=utf-8")


@room.get("/readyz")
def readyz() -> Response:
    """Database, migrations and Redis are there; 503 with the reason when one is not."""
    parts = operations.readiness()
    lines = [f"{'ok ' if part.ok else 'BAD'} {part.name}: {part.word}\n" for part in parts]
    status = 200 if all(part.ok for part in parts) else 503
    return Response("".join(lines), status, content_type="text/plain; charset=utf-8")


@room.get("/metrics")
def metrics() -> Response:
    """Prometheus text; for holders of METRICS_TOKEN, or from this machine while no token is set."""
    if not _may_read():
        raise NotFoundHere
    registry = CollectorRegistry()
    for name, values in operations.numbers().items():
        words, label = HELP[name]
        gauge = Gauge(f"portal_{name}", words, [label] if label else [], registry=registry)
        for value, number in values.items():
            (gauge.labels(value) if label else gauge).set(number)
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _may_read() -> bool:
    if token := settings().metrics_token:
        given = request.headers.get("Authorization", "")
        return hmac.compare_digest(given.encode(), f"Bearer {token}".encode())
    return _from_this_machine()


def _from_this_machine() -> bool:
    forwarded = {"X-Forwarded-For", "Forwarded", "X-Real-Ip"} & set(request.headers.keys())
    try:
        return not forwarded and ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False
