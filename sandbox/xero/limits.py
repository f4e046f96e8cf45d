"""Rate limits: fixed windows of a minute and a day per tenant, five at once per tenant, a minute for the whole app
(developer.xero.com, OAuth 2.0 API limits).
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zlib import crc32

from sandbox.xero.wire import Answer

_MINUTE, _DAY = 60, 86_400


@dataclass
class _Tenant:
    minute: tuple[int, int] = (-1, 0)
    day: tuple[int, int] = (-1, 0)
    running: int = 0
    last: deque[float] = field(default_factory=deque)


@dataclass
class Limits:
    """The figures, and what has been used of them. `off`: count, but never refuse. `rolling`: any sixty seconds count
    as a minute too, as older documentation and other clients have it.
    """

    minute: int = 60
    day: int = 5_000
    concurrent: int = 5
    app_minute: int = 10_000
    off: bool = False
    rolling: bool = False
    _tenants: dict[str, _Tenant] = field(default_factory=dict)
    _app: tuple[int, int] = (-1, 0)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def set(self, wanted: dict[str, Any]) -> None:
        """Change figures (`minute`, `day`, `concurrent`, `app_minute`, `off`, `rolling`) and begin all windows anew."""
        for name in ("minute", "day", "concurrent", "app_minute"):
            if name in wanted:
                setattr(self, name, int(wanted[name]))
        self.off, self.rolling = bool(wanted.get("off", False)), bool(wanted.get("rolling", False))
        with self._lock:
            for tenant in self._tenants.values():
                tenant.minute = tenant.day = (-1, 0)
                tenant.last.clear()
            self._app = (-1, 0)

    def shown(self) -> dict[str, Any]:
        """The figures in force."""
        names = ("minute", "day", "concurrent", "app_minute", "off", "rolling")
        return {name: getattr(self, name) for name in names}

    @contextmanager
    def counted(self, tenant: str, now: datetime) -> Iterator[Answer | None]:
        """Count one call for as long as it runs; the 429 instead when a limit is reached."""
        refusal = self._enter(tenant, now)
        try:
            yield refusal
        finally:
            if refusal is None:
                with self._lock:
                    self._tenants[tenant].running -= 1

    def headers(self, tenant: str | None, now: datetime) -> dict[str, str]:
        """What is left, as every reply says it."""
        with self._lock:
            app = _used(self._app, _window(now, _MINUTE, 0))
            left = {"X-AppMinLimit-Remaining": str(max(0, self.app_minute - app))}
            if tenant is None:
                return left
            minute, day = self._windows(tenant, now)
            used = self._tenants.setdefault(tenant, _Tenant())
            left["X-DayLimit-Remaining"] = str(max(0, self.day - _used(used.day, day)))
            left["X-MinLimit-Remaining"] = str(max(0, self.minute - _used(used.minute, minute)))
            return left

    def refusal(self, problem: str, tenant: str, now: datetime) -> Answer:
        """The 429: empty, with Retry-After for windows and the problem's name."""
        headers = {"X-Rate-Limit-Problem": problem}
        length = {"minute": _MINUTE, "appminute": _MINUTE, "day": _DAY}.get(problem)
        if length:
            offset = 0 if problem == "appminute" else _offset(tenant, length)
            passed = (now.timestamp() + offset) % length
            headers["Retry-After"] = str(max(1, math.ceil(length - passed)))
        return Answer(429, headers=headers)

    def _enter(self, tenant: str, now: datetime) -> Answer | None:
        with self._lock:
            used = self._tenants.setdefault(tenant, _Tenant())
            minute, day, app = *self._windows(tenant, now), _window(now, _MINUTE, 0)
            while used.last and used.last[0] <= now.timestamp() - _MINUTE:
                used.last.popleft()
            if not self.off and (problem := self._problem(used, minute, day, app)):
                return self.refusal(problem, tenant, now)
            used.last.append(now.timestamp())
            used.minute = (minute, _used(used.minute, minute) + 1)
            used.day = (day, _used(used.day, day) + 1)
            self._app = (app, _used(self._app, app) + 1)
            used.running += 1
            return None

    def _problem(self, used: _Tenant, minute: int, day: int, app: int) -> str | None:
        if used.running >= self.concurrent:
            return "concurrent"
        if _used(used.day, day) >= self.day:
            return "day"
        if max(_used(used.minute, minute), len(used.last) if self.rolling else 0) >= self.minute:
            return "minute"
        return "appminute" if _used(self._app, app) >= self.app_minute else None

    def _windows(self, tenant: str, now: datetime) -> tuple[int, int]:
        return _window(now, _MINUTE, _offset(tenant, _MINUTE)), _window(now, _DAY, _offset(tenant, _DAY))


def _window(now: datetime, length: int, offset: int) -> int:
    return int((now.timestamp() + offset) // length)


def _offset(tenant: str, length: int) -> int:
    return crc32(tenant.encode()) % length


def _used(counted: tuple[int, int], window: int) -> int:
    return counted[1] if counted[0] == window else 0
