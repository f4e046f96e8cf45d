"""`manage.py run` with the real programs: all of it starts, answers, keeps its data, and leaves nothing."""

import contextlib
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from machinery import ROOT, ready
from tests.support.ports import free_port
from tests.support.servers import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.faults]
PYTHON = os.path.realpath(sys.executable)


@dataclass
class Portal:
    """One data folder and its ports; `up` runs the portal on them."""

    data: Path
    port: int
    sandbox_port: int

    @contextlib.contextmanager
    def up(self) -> Iterator[subprocess.Popen[bytes]]:
        """Run it; gives the supervisor's process once everything is ready."""
        words = ["--port", str(self.port), "--sandbox-port", str(self.sandbox_port), "--data", str(self.data)]
        with self.screen.open("wb") as out:
            supervisor = subprocess.Popen(
                [PYTHON, str(ROOT / "manage.py"), "run", *words],
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        try:
            wait_until(lambda: "Ctrl-C stops everything" in self.said() or supervisor.poll(), 90, "a start")
            assert supervisor.poll() is None, self.said()
            yield supervisor
        finally:
            supervisor.send_signal(signal.SIGINT)
            supervisor.wait(30)

    @property
    def screen(self) -> Path:
        return self.data.with_suffix(".screen")

    def said(self) -> str:
        return self.screen.read_text()

    def locations(self) -> list[tuple[str]]:
        with contextlib.closing(sqlite3.connect(self.data / "portal.sqlite3")) as line:
            return line.execute("SELECT name FROM locations ORDER BY name").fetchall()

    def processes(self) -> list[str]:
        """The living processes that know one of this run's addresses, from their environment or words."""
        marks = (f"http://localhost:{self.port}".encode(), os.fsencode(self.data))
        return [name for name in os.listdir("/proc") if name.isdigit() and _mentions(name, marks)]


def _mentions(process: str, marks: tuple[bytes, ...]) -> bool:
    if int(process) == os.getpid():
        return False
    with contextlib.suppress(OSError):
        folder = Path("/proc", process)
        text = (folder / "environ").read_bytes() + (folder / "cmdline").read_bytes()
        return any(mark in text for mark in marks)
    return False


@pytest.fixture
def portal(tmp_path: Path) -> Portal:
    return Portal(tmp_path / "data", free_port(), free_port())


def test_the_portal_and_the_sandbox_answer_and_the_demo_agency_is_kept_over_a_restart(portal: Portal) -> None:
    with portal.up():
        said = portal.said()
        assert ready.answers_ok(portal.port, "/sign-in")
        assert all(ready.answers_ok(portal.sandbox_port, path) for path in ("/", "/xero/", "/hoopai/"))
        first = portal.locations()
    assert "ana@northlight.example" in said
    assert first == [("Harbour Studio",), ("Kauri Fitness",)]
    with portal.up():
        assert portal.locations() == first
    assert "Installing" not in portal.said()
    assert re.search(r"Ready after [\d.]+ s", portal.said())


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_killing_the_supervisor_of_the_real_portal_leaves_no_process(portal: Portal) -> None:
    with portal.up() as supervisor:
        assert len(portal.processes()) >= 8
        supervisor.kill()
        wait_until(lambda: not portal.processes(), 10, "an empty machine")
