"""Real servers on loopback for tests: a WSGI app in a thread, or a program in a process of its own."""

import contextlib
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from werkzeug.serving import make_server

from machinery import ROOT, processes, ready
from tests.support.ports import free_port


@contextlib.contextmanager
def serving(app: Any, port: int | None = None) -> Iterator[str]:
    """Serve a WSGI app from threads of this process; gives its address without a slash at the end."""
    port = port or free_port()
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://localhost:{port}"
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


@contextlib.contextmanager
def running(
    command: Sequence[str], log: Path, env: Mapping[str, str] | None = None, cwd: Path = ROOT
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program, and end it with everything it started. `env` is added to ours; output goes to `log`."""
    process = processes.spawn(command, {**os.environ, **(env or {})}, cwd, log)
    try:
        yield process
    finally:
        processes.end(process, patience=10)


def wait_until(is_so: Callable[[], Any], seconds: float = 10.0, what: str = "it") -> Any:
    """Ask until the answer is true, and return it; fails with `what` when the time is over."""
    until = time.monotonic() + seconds
    while not (answer := is_so()):
        if time.monotonic() > until:
            raise AssertionError(f"waited {seconds:g} s in vain for {what}")
        time.sleep(0.02)
    return answer


def wait_for_web(port: int, path: str = "/", seconds: float = 20.0) -> None:
    """Wait until a web server on this machine answers 200."""
    wait_until(lambda: ready.answers_ok(port, path), seconds, f"an answer on port {port}{path}")
