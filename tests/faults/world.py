"""Two stand-ins, a connected portal and worker processes that can be killed: the ground of all fault runs."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from redis import Redis
from sqlalchemy import func, select

import sandbox as stand_ins
from machinery import ROOT
from portal import clock
from portal.config import Settings
from portal.extensions import db
from portal.models import Batch, BatchState, Connection, Push, PushState, Source
from portal.services import demo, intake, sources
from portal.services.unit import release, transaction
from tests.faults import SCALE
from tests.portal.services.harness import Stage, staged
from tests.support import portal
from tests.support.servers import serving
from tests.support.xero import Xero

LEASE, SEND, RESEND, QUIET = 0.6 * SCALE, 0.5 * SCALE, 1.0 * SCALE, 1.5 * SCALE
TIMINGS = f"lease={LEASE},send={SEND},resend={RESEND},quiet={QUIET}"
LATE = 0.5 * SCALE
SETTLED = ("sent", "cancelled")


@dataclass
class Hands:
    """The process that forks workers; see `tests.faults.hands`."""

    process: subprocess.Popen[str]
    env: Mapping[str, str]
    log: Path
    alive: list[int] = field(default_factory=list)

    def start(self, failpoint: str = "", mutant: str | None = None, role: str = "drain", **env: str) -> int:
        """A new worker process; its id."""
        said = {**self.env, **env, **({"PORTAL_FAILPOINT": failpoint} if failpoint else {})}
        wish = {"env": said, "role": role, "mutant": mutant, "log": str(self.log)}
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(wish) + "\n")
        self.process.stdin.flush()
        self.alive.append(int(self.process.stdout.readline()))
        return self.alive[-1]

    def end(self) -> None:
        """`kill -9` all workers that still live."""
        for pid in self.alive:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        while any(state(pid) not in ("gone", "Z") for pid in self.alive):
            pass
        self.alive.clear()

    def words(self) -> str:
        """The end of what the workers have said."""
        return self.log.read_text(errors="replace")[-3000:] if self.log.exists() else ""


def state(pid: int) -> str:
    """The kernel's letter for a process (`T` is stopped), `gone` when there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return "gone"


@dataclass
class Standing:
    """One connected location, and where its documents stand."""

    stage: Stage
    redis: Redis

    def refresh(self) -> None:
        """No fault at Xero, nothing used of the quota, no lease and no rest: the beginning of a run."""
        self.stage.xero.mend()
        for key in [*self.redis.keys("bell:*"), *self.redis.keys("*:m"), *self.redis.keys("*:s")]:
            self.redis.delete(key)
        with transaction() as session:
            row = session.get_one(Connection, self.stage.connection_id)
            row.lease_until = row.rest_until = row.day_used_until = None

    def give_up(self) -> None:
        """Let go of what a mutant has left unsettled, so that the next run begins well."""
        with transaction() as session:
            for batch in session.scalars(select(Batch).where(Batch.state != BatchState.CLOSED)):
                batch.state = BatchState.CLOSED
            for push in session.scalars(select(Push).where(Push.state.not_in(SETTLED))):
                push.state, push.batch_id = PushState.CANCELLED, None

    def at_rest(self) -> bool:
        """Whether every push has ended well and no batch is open."""
        open_ = db.session.scalar(select(Batch.id).where(Batch.state != BatchState.CLOSED).limit(1))
        if open_ is None and intake.waiting():
            open_ = 0
        states = set(db.session.scalars(select(Push.state).distinct()))
        release()
        return open_ is None and {str(each) for each in states} <= set(SETTLED)

    def last_left(self) -> datetime | None:
        """When the newest letter left for Xero."""
        moment = db.session.scalar(select(func.max(Batch.last_sent_at)))
        release()
        return moment

    def standing(self) -> str:
        """Where everything stands, for a run that did not come to rest."""
        row = db.session.get_one(Connection, self.stage.connection_id)
        rest = f"rest {row.rest_reason} until {row.rest_until}, day {row.day_used_until}, "
        rest += f"lease {row.lease_owner} {row.lease_until}"
        open_ = db.session.scalars(select(Batch).where(Batch.state != BatchState.CLOSED)).all()
        batches = [f"{b.document} {b.operation} {b.state} resolve {b.resolve_at} {b.outcome}" for b in open_]
        unsettled = db.session.scalars(select(Push).where(Push.state.not_in(SETTLED))).all()
        pushes = [
            f"{p.document} {p.operation} {p.state} {p.failure} {p.next_try_at} {p.message}" for p in unsettled
        ]
        release()
        return "\n  ".join([f"at {clock.now()}", rest, *batches, *pushes])


@dataclass
class World(Standing):
    """The same with hands to carry the documents."""

    hands: Hands
    folder: Path

    def calm(self) -> None:
        """No worker and nothing left of the run before."""
        self.hands.end()
        self.refresh()

    def token(self) -> str:
        """The secret part of the location's webhook address."""
        return self._source().hook_token

    def secret(self) -> str:
        """What HoopAI signs this location's deliveries with."""
        return sources.secret(self._source())

    def listens_at(self) -> str:
        """Where HoopAI delivers this location's events."""
        return self.stage.hoop.listening()

    def _source(self) -> Source:
        source = sources.of(self.stage.location_id)
        assert source is not None
        return source


@contextmanager
def world(database_url: str, redis_url: str, timings: str = TIMINGS) -> Iterator[World]:
    """A fresh world over an empty database and a Valkey of its own."""
    stand_in = stand_ins.create_app(None)
    with tempfile.TemporaryDirectory() as folder, serving(stand_in) as sandbox_url:
        settings = portal.settings_for(database_url, redis_url, sandbox_url, ENGINE_TIMINGS=timings)
        app = portal.ground_floor(settings)
        portal.make_tables(app)
        with app.app_context(), _hands(settings, timings, Path(folder)) as hands:
            demo.seed()
            with staged(app, sandbox_url, Xero(sandbox_url)) as stage, Redis.from_url(redis_url) as redis:
                stage.map_all()
                stage.xero.limits(minute=100_000, day=1_000_000)
                yield World(stage, redis, hands, Path(folder))
                hands.end()
        portal.dispose(app)
    stand_in.close()


@contextmanager
def _hands(settings: Settings, timings: str, folder: Path) -> Iterator[Hands]:
    env: dict[str, Any] = {**portal.environment(settings), "ENGINE_TIMINGS": timings}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.hands"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    hands = Hands(process, env, folder / "hands.log")
    try:
        yield hands
    finally:
        hands.end()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
