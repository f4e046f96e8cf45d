"""A thousand organisations at a few workers, in virtual time: how long the small ones wait for the big ones.

The engine's own parts decide: `due.connections` says who is due and in which order, `leases` who works on it, the
limiter in Valkey who may call, `MOST_CALLS` and the quantum when a turn ends. Only the calls are imagined: each takes
as long as it is told, up to five side by side. Rings wait in one queue, first come first served, as RQ's do.
"""

import heapq
import random
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from flask import Flask
from redis import Redis
from sqlalchemy import insert, update

from portal import clock
from portal.config import Timings
from portal.models import (
    Agency,
    Authorisation,
    AuthorisationState,
    Connection,
    ConnectionState,
    Document,
    Location,
    Operation,
    Push,
    PushState,
)
from portal.services import due, leases, work
from portal.services.batching import IN_FLIGHT
from portal.services.unit import transaction
from portal.xero.limits import Granted, Quota, Refused
from tests.support import portal

START = datetime(2026, 11, 2, 9, tzinfo=UTC)
TICK = 1.0


@dataclass
class Street:
    """Organisations with so many calls to make each; `done` says when the last one of each had ended."""

    left: dict[int, int]
    quota: Quota
    slots: int
    takes: float
    now: float = 0.0
    done: dict[int, float] = field(default_factory=dict)
    busy: float = 0.0
    resting: dict[int, float] = field(default_factory=dict)

    def turns(self, until: float) -> None:
        """Let the workers work and the ticker tick until then or until nothing is left."""
        queue: deque[int] = deque()
        events: list[tuple[float, int, int]] = [(0.0, 0, 0)]
        free = self.slots
        while events and self.left and events[0][0] < until:
            self.now, kind, who = heapq.heappop(events)
            if kind == 0:
                queue.extend(each for each in due.connections() if each not in queue)
                heapq.heappush(events, (self.now + TICK, 0, 0))
            else:
                free += 1
                self._end(who, queue)
            while free and queue:
                connection = queue.popleft()
                if leases.take(connection) is not None:
                    free -= 1
                    heapq.heappush(events, (self._drain(connection, alone=not queue), 1, connection))

    def _drain(self, connection: int, *, alone: bool) -> float:
        """One turn of a worker, some where nobody waits, and when it ends: five calls side by side within the quota."""
        at, calls, open_ = self.now, 0, deque[tuple[float, str]]()
        turns = work.MOST_TURNS if alone else 1
        wanted = min(self.left[connection], turns * work.MOST_CALLS)
        while calls < wanted and at - self.now <= turns * Timings().quantum:
            token = f"{connection}:{at}:{calls}"
            full = len(open_) == IN_FLIGHT
            said = None if full else self.quota.acquire(str(connection), token, now=_stamp(at))
            if isinstance(said, Granted):
                calls += 1
                open_.append((at + self.takes, token))
            elif open_:
                at = self._answered(connection, open_)
            else:
                assert isinstance(said, Refused)
                self.resting[connection] = at + said.wait_seconds
                break
        while open_:
            at = self._answered(connection, open_)
        self.busy += at - self.now
        self._carried(connection, calls, at)
        return at

    def _answered(self, connection: int, open_: deque[tuple[float, str]]) -> float:
        at, token = open_.popleft()
        self.quota.release(str(connection), token, now=_stamp(at))
        return at

    def _carried(self, connection: int, calls: int, at: float) -> None:
        self.left[connection] -= calls
        if not self.left[connection]:
            del self.left[connection]
            self.done[connection] = at

    def _end(self, connection: int, queue: deque[int]) -> None:
        rest = self.resting.pop(connection, None)
        with transaction() as session:
            free: dict[str, Any] = {"lease_until": None, "lease_owner": None}
            if rest is not None:
                free["rest_until"] = _moment(rest)
            session.execute(update(Connection).where(Connection.id == connection).values(**free))
            if connection in self.done:
                pushes = update(Push).where(Push.location_id == connection)
                session.execute(pushes.values(state=PushState.SENT))
        if connection in self.left and due.connections([connection]):
            queue.append(connection)


def sleeping(calls: Sequence[int], slots: int, takes: float) -> list[float]:
    """When each would be ready if a worker stayed with one organisation and slept until the quota lets it go on."""
    workers, ends = [0.0] * slots, []
    for many in calls:
        at = heapq.heappop(workers)
        ends.append(at + _alone(many, takes))
        heapq.heappush(workers, ends[-1])
    return ends


def shuffled(sizes: Sequence[tuple[int, int]], seed: int = 7) -> list[int]:
    """So many organisations of so many calls each, in any order."""
    calls = [size for many, size in sizes for _ in range(many)]
    random.Random(seed).shuffle(calls)
    return calls


@contextmanager
def street(folder: Path, redis_url: str, calls: Sequence[int], slots: int, takes: float) -> Iterator[Street]:
    """Organisations of which each has these calls to make, at the foot of so many workers."""
    settings = portal.settings_for(portal.sqlite_url(folder), redis_url, "http://localhost:1")
    app = portal.ground_floor(settings)
    portal.make_tables(app)
    with ExitStack() as stack:
        redis = stack.enter_context(Redis.from_url(redis_url))
        redis.flushall()
        made = Street(dict(enumerate(calls, 1)), Quota(redis), slots, takes)
        stack.callback(portal.dispose, app)
        stack.enter_context(app.app_context())
        stack.enter_context(patch.object(clock, "now", lambda: _moment(made.now)))
        _settle_in(app, len(calls), redis)
        yield made


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which this share of all lies."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def _settle_in(app: Flask, many: int, redis: Any) -> None:
    with transaction() as session:
        agency = Agency(name="Street")
        sign_in = Authorisation(
            xero_user_id="street", state=AuthorisationState.ACTIVE, tokens_sealed="", scopes=[],
            expires_at=_moment(0), refreshed_at=_moment(0), version=1, fence=0,
        )  # fmt: skip
        session.add_all([agency, sign_in])
        session.flush()
        ids = range(1, many + 1)
        session.execute(
            insert(Location),
            [{"id": n, "hoop_id": f"loc{n}", "agency_id": agency.id, "name": f"Shop {n}"} for n in ids],
        )
        facts = {"authorisation_id": sign_in.id, "state": ConnectionState.CONNECTED, "cut_off": _moment(0)}
        names = [{"id": n, "location_id": n, "tenant_id": str(n), "xero_connection_id": str(n)} for n in ids]
        session.execute(insert(Connection), [{**facts, **name} for name in names])
        what = {"document": Document.INVOICE, "operation": Operation.CREATE, "state": PushState.QUEUED}
        session.execute(insert(Push), [{"location_id": n, "document_id": n, **what} for n in ids])
    for n in ids:
        redis.hset(f"xero-quota:{n}:h", "seen", "1")


def _alone(many: int, takes: float) -> float:
    """Sixty calls a minute and five at once, nothing else in the way."""
    whole, rest = divmod(many - 1, 60)
    return whole * 60 + (rest // IN_FLIGHT + 1) * takes


def _moment(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def _stamp(seconds: float) -> float:
    return _moment(seconds).timestamp()
