"""What every call to the API passes: fault, token, tenant, scope, limits, idempotency, work, log."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

from sandbox.xero import scopes, users
from sandbox.xero.call import Call
from sandbox.xero.errors import Forbidden, Plain, Refused, Unauthorised
from sandbox.xero.faults import Fault, after, internal_error, maintenance
from sandbox.xero.here import Here
from sandbox.xero.idempotency import once
from sandbox.xero.router import Route, find
from sandbox.xero.tokens import expired
from sandbox.xero.wire import Answer, Asked

BIGGEST = 10_000_000
_UNDONE = ("refuse", "late", "hang")


def serve(asked: Asked, here: Here) -> Answer:
    """The answer to one call; logged, with correlation id and rate-limit headers."""
    fault = here.faults.take(asked.method, asked.path)
    if fault and fault.kind in _UNDONE:
        if fault.kind == "late":
            later = threading.Timer(fault.seconds, _finish, (asked, here, None, "late"))
            later.daemon = True
            later.start()
            return Answer(0, cut="drop")
        return _undone(asked, here, fault)
    if fault and fault.kind == "slow":
        time.sleep(fault.seconds)
    answer = _finish(asked, here, fault, fault.kind if fault else "")
    if fault and fault.kind == "hang-after":
        time.sleep(fault.seconds)
    return answer


def guarded(asked: Asked, here: Here, work: Callable[[], Answer]) -> Answer:
    """The same faults and log around the token endpoints, which need no token themselves; `late` is `refuse` there."""
    fault = here.faults.take(asked.method, asked.path)
    if fault and fault.kind in _UNDONE:
        return _undone(asked, here, fault)
    if fault and fault.kind == "slow":
        time.sleep(fault.seconds)
    started = time.perf_counter()
    answer = (_instead(fault, asked, here) if fault else None) or work()
    answer = after(fault, answer)
    answer.headers["Xero-Correlation-Id"] = str(uuid.uuid4())
    _log(asked, here, answer, started, False, fault.kind if fault else "")
    if fault and fault.kind == "hang-after":
        time.sleep(fault.seconds)
    return answer


def _undone(asked: Asked, here: Here, fault: Fault) -> Answer:
    _log(asked, here, Answer(0), time.perf_counter(), False, fault.kind)
    if fault.kind == "hang":
        time.sleep(fault.seconds)
    return Answer(0, cut="drop")


def _finish(asked: Asked, here: Here, fault: Fault | None, named: str) -> Answer:
    started = time.perf_counter()
    answer, replayed = _checked(asked, here, fault)
    answer = after(fault, answer)
    tenant = asked.header("xero-tenant-id")
    known = tenant if here.books.organisation(tenant) else None
    answer.headers |= {"Xero-Correlation-Id": str(uuid.uuid4())} | here.limits.headers(
        known, here.clock.now()
    )
    _log(asked, here, answer, started, replayed, named)
    return answer


def _checked(asked: Asked, here: Here, fault: Fault | None) -> tuple[Answer, bool]:
    try:
        if fault and (early := _instead(fault, asked, here)):
            return early, False
        route, words = find(asked)
        with here.books.store.lock:
            call = _caller(asked, here)
            if route.tenant:
                call.tenant = _tenant(call)
                _scope(call, route)
        if not route.tenant:
            return _work(call, route, words)
        with here.limits.counted(call.tenant, here.clock.now()) as refusal:
            return (refusal, False) if refusal else _work(call, route, words)
    except Refused as refused:
        return refused.answer(), False


def _work(call: Call, route: Route, words: tuple[str, ...]) -> tuple[Answer, bool]:
    if "json" not in call.asked.header("Accept").lower() and route.tenant:
        raise Plain(
            406,
            "The stand-in speaks JSON only: send Accept: application/json (Xero itself would answer XML).",
        )
    if len(call.asked.body) > BIGGEST:
        raise Plain(413, "The request is too large.")
    _take_time(call)
    books = call.here.books
    if not call.writing:
        with books.store.lock:
            return route.handler(call, *words), False
    with books.writing() as now:
        return once(books, call.asked, call.app, now, lambda: _whole(call, route, words))


def _whole(call: Call, route: Route, words: tuple[str, ...]) -> Answer:
    """The work in a unit of its own, so that a request refused as a whole leaves nothing but its stored answer."""
    before = call.here.books.writes
    try:
        return route.handler(call, *words)
    except Refused as refused:
        if call.here.books.writes != before:
            raise
        return refused.answer()


def _take_time(call: Call) -> None:
    base, each = call.here.service_time
    if base or each:
        body = call.asked.body
        time.sleep(base + each * max(body.count(b'"LineItems"'), body.count(b'"Account"')))


def _caller(asked: Asked, here: Here) -> Call:
    kind, _, token = asked.header("Authorization").partition(" ")
    claims = here.tokens.read(token) if kind.lower() == "bearer" else None
    user = users.find(claims["xero_userid"]) if claims else None
    if claims is None or user is None or "scope" not in claims:
        raise Unauthorised("AuthenticationUnsuccessful", WWW_Authenticate='Bearer error="invalid_token"')
    if late := expired(claims, here.clock.now()):
        raise Unauthorised(late, WWW_Authenticate='Bearer error="invalid_token"')
    return Call(asked, here, user, claims["client_id"], claims)


def _tenant(call: Call) -> str:
    tenant = call.asked.header("xero-tenant-id").lower()
    rows = call.here.books.connections.find("user", (call.user.id, call.app))
    if not any(row["tenant"] == tenant for row in rows):
        raise Forbidden("AuthenticationUnsuccessful")
    organisation = call.here.books.book(tenant).organisation
    if organisation.get("offline"):
        raise Plain(503, "The Organisation is offline")
    if organisation.get("no_permission") and call.writing:
        raise Forbidden("The User specified does not have the correct permissions to perform this action")
    return tenant


def _scope(call: Call, route: Route) -> None:
    if not scopes.allows(call.claims["scope"], route.family, call.writing):
        challenge = f'Bearer error="insufficient_scope", scope="{route.family}"'
        raise Unauthorised("AuthorizationUnsuccessful", WWW_Authenticate=challenge)


def _instead(fault: Fault, asked: Asked, here: Here) -> Answer | None:
    match fault.kind:
        case "500":
            return internal_error()
        case "503":
            return maintenance()
        case "429-minute" | "429-day" | "429-concurrent":
            return here.limits.refusal(fault.kind[4:], asked.header("xero-tenant-id"), here.clock.now())
        case "token-expired":
            raise Unauthorised(f"TokenExpired: token expired at {here.clock.now():%m/%d/%Y %H:%M:%S}")
        case "403":
            raise Forbidden("AuthenticationUnsuccessful")
    return None


def _log(asked: Asked, here: Here, answer: Answer, started: float, replayed: bool, fault: str) -> None:
    row: dict[str, Any] = {
        "at": here.clock.now().isoformat(),
        "method": asked.method,
        "path": asked.path,
        "query": asked.raw_query,
        "tenant": asked.header("xero-tenant-id") or None,
        "status": answer.status,
        "idempotency_key": asked.header("Idempotency-Key") or None,
        "ms": round((time.perf_counter() - started) * 1000),
        "replayed": replayed,
        "fault": fault or None,
    }
    here.calls.add(row)
