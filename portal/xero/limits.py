"""Staying inside Xero's limits: 60 calls a minute and 5 at once per organisation, a day's quota, the app's
minute.

developer.xero.com, OAuth 2.0 API limits. Nobody waits in here: a refusal says when to come back.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Literal, Protocol

from portal.xero.errors import Busy
from portal.xero.left import LimitsLeft
from portal.xero.limits_lua import ACQUIRE, LEFT, RECLAIM, RELEASE

__all__ = ["Granted", "LimitsLeft", "LocalQuota", "Quota", "QuotaLeft", "Refused", "Share"]

Reason = Literal["minute", "day", "slots", "app", "blocked"]
GUARD = 1.0
LEASE = 120.0
ORPHAN = 2
UNKNOWN_DAY = 1000


class Share(Enum):
    """What a call is for, and how much of the day has to stay for what matters more.

    A backlog leaves a tenth of the day to what people wait for (a new invoice, a retry by hand); those leave two per
    cent to look-ups, so that what is unsure can always be looked up.
    """

    BACKLOG = "backlog"
    PERSON = "person"
    LOOK = "look"

    @property
    def stays(self) -> int:
        """Per cent of the day that must stay after this call."""
        return {Share.BACKLOG: 10, Share.PERSON: 2, Share.LOOK: 0}[self]


class RedisLike(Protocol):
    """The one thing asked of a Redis client."""

    def register_script(self, script: str) -> Any:
        """A callable taking keys and args."""


@dataclass(frozen=True)
class Granted:
    """One call may be made now; its token has to be released after it, whatever became of it."""

    token: str
    ok: Literal[True] = True


@dataclass(frozen=True)
class Refused:
    """No call now. Come back after `wait_seconds`."""

    wait_seconds: float
    reason: Reason
    ok: Literal[False] = False


@dataclass(frozen=True)
class QuotaLeft:
    """What is left. `day` and `day_limit` are None until Xero has told; `resets_at` is at the latest then."""

    minute: int
    day: int | None = None
    day_limit: int | None = None
    resets_at: datetime | None = None


class Quota:
    """The limits of every organisation, kept in Redis and shared by all processes.

    Each step is one atomic script under Redis's own clock. The minute slides, with a second's guard; where Xero's
    headers tell of calls that are not known here, those count too. The day is learnt from the headers, and shares of
    it are kept (see Share). A slot whose holder died is free again after 120 s. After Redis lost everything, an
    organisation's first call goes alone. Redis's own errors pass through: use LocalQuota meanwhile.
    """

    def __init__(
        self,
        redis: RedisLike,
        *,
        minute_limit: int = 60,
        slots: int = 5,
        app_minute_limit: int = 10_000,
        prefix: str = "xero-quota",
    ) -> None:
        self._acquire = redis.register_script(ACQUIRE)
        self._release = redis.register_script(RELEASE)
        self._left = redis.register_script(LEFT)
        self._reclaim = redis.register_script(RECLAIM)
        self._minute, self._slots, self._app = minute_limit, slots, app_minute_limit
        self._prefix = prefix

    def acquire(
        self, tenant_id: str, token: str, *, now: float | None = None, share: Share = Share.BACKLOG
    ) -> Granted | Refused:
        """Ask for one call under `token`, a text used once, out of this share of the day.

        `now` (seconds since 1970) replaces Redis's clock, for tests.
        """
        limits = [self._minute, self._slots, self._app, LEASE, GUARD, share.stays]
        granted, wait, reason = self._acquire(keys=self._keys(tenant_id), args=[token, now or 0, *limits])
        if int(granted):
            return Granted(token)
        return Refused(float(wait), _text(reason))  # type: ignore[arg-type]

    def release(
        self,
        tenant_id: str,
        token: str,
        limits_left: LimitsLeft | None = None,
        throttled: Busy | None = None,
        *,
        sent: bool = True,
        now: float | None = None,
    ) -> None:
        """Give the slot back and learn from the answer.

        `limits_left` from the reply or the error, `throttled` if it was Busy. `sent=False` (NotSent) gives
        the call back as well, as if it had never been granted.
        """
        left = limits_left or (throttled.limits if throttled else LimitsLeft())
        problem = "" if throttled is None else throttled.limit or "busy"
        wait = None if throttled is None else throttled.retry_after
        facts = [_or_empty(one) for one in (left.minute, left.day, left.app_minute)]
        self._release(
            keys=self._keys(tenant_id),
            args=[token, now or 0, int(sent), *facts, problem, _or_empty(wait), self._minute, self._slots],
        )

    def reclaim(self, tenant_id: str, holder: str, present: str, *, now: float | None = None) -> None:
        """Free, in a few seconds, the slots of calls whose worker is gone.

        Those are the tokens that begin with `holder` but not with `present`, the beginning of the tokens of
        whoever has taken over. The dead worker's call may still run at Xero for a moment.
        """
        self._reclaim(keys=self._keys(tenant_id), args=["", now or 0, holder, present, ORPHAN])

    def left(self, tenant_id: str, *, now: float | None = None) -> QuotaLeft:
        """What is left for an organisation."""
        used, _, others, day, limit, until = self._left(
            keys=self._keys(tenant_id), args=["", now or 0, GUARD]
        )
        minute = self._minute - int(used) - (_whole(others) or 0)
        return QuotaLeft(
            minute=max(minute, 0),
            day=_whole(day),
            day_limit=_whole(limit),
            resets_at=datetime.fromtimestamp(float(_text(until)), UTC) if _text(until) else None,
        )

    def _keys(self, tenant_id: str) -> list[str]:
        mine = f"{self._prefix}:{tenant_id}"
        return [f"{mine}:m", f"{mine}:s", f"{mine}:h", f"{self._prefix}-app:m", f"{self._prefix}-app:h"]


@dataclass
class _Local:
    grants: deque[float] = field(default_factory=deque)
    open: dict[str, float] = field(default_factory=dict)
    blocked_until: float = 0.0
    blocked_by: Reason = "blocked"
    day: int | None = None
    day_until: float | None = None


class LocalQuota:
    """The same for one process alone while Redis is away: half the minute, two slots. Safe to share between
    threads.
    """

    def __init__(
        self, *, minute_limit: int = 30, slots: int = 2, clock: Callable[[], float] = time.time
    ) -> None:
        self._minute, self._slots, self._clock = minute_limit, slots, clock
        self._tenants: dict[str, _Local] = {}
        self._lock = threading.Lock()

    def acquire(
        self, tenant_id: str, token: str, *, now: float | None = None, share: Share = Share.BACKLOG
    ) -> Granted | Refused:
        """As `Quota.acquire`."""
        moment = now or self._clock()
        with self._lock:
            mine = self._fresh(tenant_id, moment)
            if mine.blocked_until > moment:
                return Refused(mine.blocked_until - moment, mine.blocked_by)
            if mine.day is not None and mine.day <= share.stays * UNKNOWN_DAY // 100:
                return Refused(max((mine.day_until or moment + 3600) - moment, 0.05), "day")
            if len(mine.grants) >= self._minute:
                return Refused(max(mine.grants[0] + 60 + GUARD - moment, 0.05), "minute")
            if len(mine.open) >= self._slots:
                return Refused(0.25, "slots")
            mine.grants.append(moment)
            mine.open[token] = moment + LEASE
            mine.day = None if mine.day is None else mine.day - 1
            return Granted(token)

    def release(
        self,
        tenant_id: str,
        token: str,
        limits_left: LimitsLeft | None = None,
        throttled: Busy | None = None,
        *,
        sent: bool = True,
        now: float | None = None,
    ) -> None:
        """As `Quota.release`; a call that was not sent still counts here."""
        moment = now or self._clock()
        left = limits_left or (throttled.limits if throttled else LimitsLeft())
        with self._lock:
            mine = self._fresh(tenant_id, moment)
            mine.open.pop(token, None)
            if left.day is not None:
                mine.day = left.day
                mine.day_until = mine.day_until or moment + 86400
            if throttled is not None:
                self._block(mine, throttled, moment)

    def reclaim(self, tenant_id: str, holder: str, present: str, *, now: float | None = None) -> None:
        """As `Quota.reclaim`: calls of other processes were never counted here, so there is nothing to free."""

    def left(self, tenant_id: str, *, now: float | None = None) -> QuotaLeft:
        """As `Quota.left`."""
        with self._lock:
            mine = self._fresh(tenant_id, now or self._clock())
            until = datetime.fromtimestamp(mine.day_until, UTC) if mine.day_until else None
            return QuotaLeft(max(self._minute - len(mine.grants), 0), mine.day, None, until)

    def _fresh(self, tenant_id: str, moment: float) -> _Local:
        mine = self._tenants.setdefault(tenant_id, _Local())
        while mine.grants and mine.grants[0] <= moment - 60 - GUARD:
            mine.grants.popleft()
        mine.open = {token: end for token, end in mine.open.items() if end > moment}
        if mine.day_until is not None and mine.day_until <= moment:
            mine.day = mine.day_until = None
        return mine

    def _block(self, mine: _Local, throttled: Busy, moment: float) -> None:
        reasons: dict[str, Reason] = {
            "minute": "minute",
            "day": "day",
            "concurrent": "slots",
            "appminute": "app",
        }
        by = reasons.get(throttled.limit or "", "blocked")
        defaults = {"minute": 60.0, "day": 3600.0, "slots": 1.0, "app": 60.0, "blocked": 0.0}
        wait = defaults[by] if throttled.retry_after is None else throttled.retry_after
        mine.blocked_until, mine.blocked_by = max(mine.blocked_until, moment + wait), by
        if by == "day":
            mine.day, mine.day_until = 0, moment + wait


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _whole(value: Any) -> int | None:
    text = _text(value)
    return max(int(float(text)), 0) if text else None


def _or_empty(value: float | None) -> str:
    return "" if value is None else str(value)
