"""What the benchmarks stand on: the sandbox in a process of its own, a connected location, real workers on demand."""

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis import Redis

from portal.config import Settings
from portal.extensions import db
from portal.models import Push
from portal.services import demo, intake
from portal.services.unit import release
from tests.portal.services.harness import Stage, staged
from tests.support import portal, valkey
from tests.support.hoop import GST, line
from tests.support.ports import free_port
from tests.support.servers import running, wait_for_web, wait_until
from tests.support.xero import Xero

SETTLED = ("sent", "skipped", "cancelled")


@dataclass
class Ground:
    """A connected and mapped location between stand-ins that run elsewhere."""

    stage: Stage
    settings: Settings
    redis: Redis
    folder: Path

    def backlog(self, count: int, contacts: int) -> None:
        """So many paid invoices of so many new contacts, told, received and applied, but not yet sent."""
        self.stage.hoop.bulk(count, contacts=contacts, paid=True, lines=[line("Care plan", "100", "1", GST)])
        self.received()

    def received(self) -> None:
        """Wait until everything is told; apply it."""
        wait_until(self.stage.hoop.idle, 300, "HoopAI's deliveries")
        release()
        intake.apply()
        release()

    def open(self) -> int:
        """How many pushes are not settled."""
        found = db.session.query(Push).filter(Push.state.not_in(SETTLED)).count()
        release()
        return found

    def fresh_windows(self) -> None:
        """Nothing of any quota is used."""
        for key in [*self.redis.keys("*:m"), *self.redis.keys("*:s"), *self.redis.keys("bell:*")]:
            self.redis.delete(key)

    def since(self, number: int, *words: str) -> list[dict[str, Any]]:
        """Xero's call log after a number, the newest last; only paths with one of the words if there are any."""
        rows = self.stage.xero.calls(since=number)
        return [row for row in rows if not words or any(word in row["path"] for word in words)]

    def last_call(self) -> int:
        """The number of the newest call."""
        return max((row["n"] for row in self.stage.xero.calls()), default=0)

    @contextmanager
    def workers(self, count: int = 1) -> Iterator[None]:
        """Real workers and a ticker."""
        env = {**portal.environment(self.settings), "PYTHONPATH": os.getcwd()}
        with ExitStack() as stack:
            for name in [*["jobs.worker"] * count, "jobs.ticker"]:
                command = [sys.executable, "-m", name]
                stack.enter_context(running(command, self.folder / f"{name}.log", env))
            time.sleep(2)
            yield


@contextmanager
def ground(database_url: str | None = None) -> Iterator[Ground]:
    """Everything fresh, on SQLite unless an address is given."""
    program = valkey.binary()
    assert program, "no Valkey"
    port = free_port()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        redis_url = stack.enter_context(valkey.valkey(program))
        command = [sys.executable, "-m", "sandbox", "--port", str(port)]
        stack.enter_context(running(command, folder / "sandbox.log"))
        wait_for_web(port)
        url = f"http://localhost:{port}"
        settings = portal.settings_for(database_url or portal.sqlite_url(folder), redis_url, url)
        app = portal.ground_floor(settings)
        portal.make_tables(app)
        with app.app_context():
            demo.seed()
            stage = stack.enter_context(staged(app, url, Xero(url)))
            stage.map_all()
            yield Ground(stage, settings, stack.enter_context(Redis.from_url(redis_url)), folder)
        portal.dispose(app)
