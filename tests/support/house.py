"""The whole product as a person starts it: `manage.py run` on free ports with a data folder of its own."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from machinery import ROOT
from tests.support.hoop import Hoop
from tests.support.ports import free_port
from tests.support.servers import wait_until
from tests.support.xero import Xero

try:
    import pysqlite3.dbapi2 as sqlite
except ImportError:
    import sqlite3 as sqlite

EMAIL, PASSWORD = "ana@northlight.example", "demo-harbour-2026"
AGENCY = "Northlight Agency"
HARBOUR, KAURI = "loc7Qm2VrX0tB4kPz9Ya", "locK3wN8sT1uC6mRd5Eb"
_OURS = ("web", "worker", "ticker")
_PYTHON = os.path.realpath(sys.executable)


@dataclass(frozen=True)
class House:
    """A running portal with its sandbox; addresses without a slash at the end."""

    url: str
    sandbox: str
    data: Path
    supervisor: subprocess.Popen[bytes]

    @property
    def xero(self) -> Xero:
        """Control of the stand-in for Xero."""
        return Xero(self.sandbox)

    def hoop(self, location_id: str) -> Hoop:
        """Control of the stand-in for HoopAI, for one location."""
        return Hoop(self.sandbox, location_id)

    def page(self, location_id: str, path: str = "") -> str:
        """The address of a page inside a location."""
        return f"{self.url}/locations/{location_id}/{path}"

    def said(self) -> str:
        """What `run` has shown on its screen."""
        return _screen(self.data).read_text(errors="replace")

    def complaints(self) -> list[str]:
        """The warnings and errors that the portal's own programs have written."""
        logs = sorted(path for path in (self.data / "log").glob("*.log") if path.name.startswith(_OURS))
        lines = [line for log in logs for line in log.read_text(errors="replace").splitlines()]
        return [line for line in lines if re.search(r'"level": "(warning|error|critical)"', line)]

    def query(self, question: str) -> list[tuple[Any, ...]]:
        """The rows of a SELECT on the portal's database, which is only read."""
        with contextlib.closing(sqlite.connect(f"file:{self.data}/portal.sqlite3?mode=ro", uri=True)) as line:
            rows: list[tuple[Any, ...]] = line.execute(question).fetchall()
        return rows

    def processes(self, word: str) -> list[int]:
        """The supervisor's own children whose command line holds `word`."""
        children = _children(self.supervisor.pid)
        return [child for child in children if word in _command_line(child)]

    def kill(self, word: str) -> None:
        """`kill -9` the one child whose command line holds `word`."""
        (process,) = self.processes(word)
        os.kill(process, signal.SIGKILL)

    def whole(self) -> bool:
        """Whether every program of a `run` is there: Valkey, sandbox, web, two workers, ticker."""
        words = ("valkey", "-m sandbox", "gunicorn", "jobs.worker", "jobs.worker", "jobs.ticker")
        return all(len(self.processes(word)) >= words.count(word) for word in words)

    def environment(self) -> dict[str, str]:
        """What `run` gave its programs, read from a living worker."""
        (worker, *_) = self.processes("jobs.worker")
        entries = Path(f"/proc/{worker}/environ").read_bytes().decode().split("\0")
        return dict(entry.split("=", 1) for entry in entries if "=" in entry)

    def flask(self, *words: str) -> dict[str, str]:
        """An operator's command of this portal, its answer read from JSON."""
        command = [str(ROOT / ".venv/bin/python"), "-m", "flask", "--app", "wsgi", *words, "--json"]
        done = subprocess.run(command, cwd=ROOT, env=self.environment(), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        answer: dict[str, str] = json.loads(done.stdout)
        return answer


@contextlib.contextmanager
def up(data: Path, env: Mapping[str, str] | None = None) -> Iterator[House]:
    """Run all of it until the end of the `with`; `env` is added to the environment that `run` is started with."""
    port, sandbox_port, screen = free_port(), free_port(), _screen(data)
    words = ["--port", str(port), "--sandbox-port", str(sandbox_port), "--data", str(data)]
    with screen.open("wb") as out:
        supervisor = subprocess.Popen(
            [_PYTHON, str(ROOT / "manage.py"), "run", *words],
            stdout=out,
            stderr=out,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )
    try:
        ready = "Ctrl-C stops everything"
        wait_until(lambda: ready in screen.read_text() or supervisor.poll() is not None, 120, "a start")
        assert supervisor.poll() is None, screen.read_text()
        yield House(f"http://localhost:{port}", f"http://localhost:{sandbox_port}", data, supervisor)
    finally:
        supervisor.send_signal(signal.SIGINT)
        supervisor.wait(30)


def _screen(data: Path) -> Path:
    return data.with_suffix(".screen")


def _children(parent: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(parent)], capture_output=True, text=True)
    return [int(word) for word in found.stdout.split()]


def _command_line(process: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return ""
