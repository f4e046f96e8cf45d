"""Starting processes that never outlive us, and ending them with all they started."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from machinery import signals
from machinery.messages import Stopped, say

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def spawn(
    command: Sequence[str], env: Mapping[str, str], cwd: Path, log: Path, errors: Path | None = None
) -> subprocess.Popen[bytes]:
    """Start a command in a process group of its own, writing to the end of `log` (and of `errors`).

    On Linux the kernel sends it SIGTERM when we die, however we die. Must be called from the main
    thread: the kernel watches the thread that started the child.
    """
    with log.open("ab") as out, (errors or log).open("ab") as err:
        return subprocess.Popen(
            command,
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
            preexec_fn=tied_to_us(signal.SIGTERM),
        )


def complete(
    command: Sequence[str], env: Mapping[str, str], cwd: Path, log: Path, errors: Path | None = None
) -> int:
    """Run a command to its end and return its exit code, with a dot on the screen every two seconds.

    Raises Stopped when we are asked to end.
    """
    process = spawn(command, env, cwd, log, errors)
    dot_at = time.monotonic() + 2
    try:
        while process.poll() is None:
            signals.pause(0.02)
            if time.monotonic() > dot_at:
                say(".", end="")
                dot_at += 2
    except Stopped:
        end(process, patience=3)
        raise
    return process.returncode


def end(process: subprocess.Popen[bytes], patience: float) -> None:
    """Ask a process to end, then end its whole group for good."""
    ask(process)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(patience)
    sweep(process)


def ask(process: subprocess.Popen[bytes]) -> None:
    """Send SIGTERM if the process still runs."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)


def sweep(process: subprocess.Popen[bytes]) -> None:
    """Kill whatever is left of the process and of what it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(5)


def wait_for_all(processes: Sequence[subprocess.Popen[bytes]], patience: float) -> None:
    """Wait until all have ended, the patience is over, or we are asked a second time."""
    until = time.monotonic() + patience
    asked = signals.times_asked()
    while any(process.poll() is None for process in processes):
        if time.monotonic() > until or signals.times_asked() > max(asked, 1):
            return
        time.sleep(0.02)


def last_lines(log: Path, count: int = 15) -> str:
    """The end of a log file, for a message."""
    try:
        lines = log.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(lines[-count:])


def tied_to_us(number: signal.Signals) -> Callable[[], None] | None:
    """For `preexec_fn`: the kernel sends the child this signal when we die. None if not on Linux."""
    if _LIBC is None:
        return None
    libc, parent = _LIBC, os.getpid()

    def tie() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return tie
