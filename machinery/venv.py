"""The project's own `.venv`, made from the hashed locks: by uv when it is there, else by pip.

A stamp inside says which locks and which Python it was made from, so that a second start installs nothing.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence

from machinery import ROOT, processes
from machinery.messages import Failed, Trouble, step

VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCKS = {
    "run": ("requirements/run.txt", "requirements/assets.txt"),
    "test": ("requirements/test.txt", "requirements/assets.txt"),
}
_STAMP = VENV / ".stamp.json"
_LOG = VENV / "install.log"


def ensure(wanted: str) -> None:
    """Make `.venv` hold the `run` or the `test` set; the test set holds the run set too.

    Raises Trouble when the folder cannot be written or no installer is there, Failed when installing fails.
    """
    with _one_at_a_time():
        stamp = _read_stamp()
        if stamp.get(wanted) == _fingerprint(wanted):
            return
        if stamp.get("python") != _python():
            _make()
        _install(wanted)
        also = LOCKS if wanted == "test" else (wanted,)
        kept = {**_read_stamp(), "python": _python(), **{name: _fingerprint(name) for name in also}}
        _STAMP.write_text(json.dumps(kept))


@contextlib.contextmanager
def _one_at_a_time() -> Iterator[None]:
    try:
        lock = (ROOT / ".venv.lock").open("a")
    except OSError as error:
        raise Trouble(f"Cannot write to the project's folder {ROOT} ({error.strerror}).") from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _python() -> str:
    return f"{sys.version} {os.path.realpath(sys.executable)}"


def _fingerprint(wanted: str) -> str:
    digest = hashlib.sha256(_python().encode())
    for name in LOCKS[wanted]:
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def _read_stamp() -> dict[str, str]:
    try:
        found: dict[str, str] = json.loads(_STAMP.read_text())
    except (OSError, ValueError):
        return {}
    return found if PYTHON.exists() else {}


def _make() -> None:
    with step("Making .venv"):
        shutil.rmtree(VENV, ignore_errors=True)
        VENV.mkdir()
        _run([sys.executable, "-m", "venv", "--without-pip", str(VENV)])


def _install(wanted: str) -> None:
    what = "the test tools" if wanted == "test" else "the packages"
    tool, command = _installer()
    files = [argument for name in LOCKS[wanted] for argument in ("-r", name)]
    with step(f"Installing {what} with {tool} (only when the locks have changed)"):
        _run([*command, "--no-deps", "--require-hashes", *files])


def _installer() -> tuple[str, list[str]]:
    uv = shutil.which("uv")
    if uv:
        return "uv", [uv, "pip", "install", "--python", str(PYTHON), "--compile-bytecode"]
    pip = [sys.executable, "-m", "pip"]
    if subprocess.run([*pip, "--version"], capture_output=True, check=False).returncode:
        raise Trouble(
            "Neither uv nor pip was found; install one of them, for example the package python3-pip."
        )
    return "pip", [*pip, "--python", str(PYTHON), "--disable-pip-version-check", "install", "--compile"]


def _run(command: Sequence[str]) -> None:
    env = {key: value for key, value in os.environ.items() if key not in ("PYTHONHOME", "PYTHONPATH")}
    if processes.complete(command, env, ROOT, _LOG):
        lines = processes.last_lines(_LOG)
        raise Failed(f"{lines}\nInstalling did not work; the lines above say why, all of them are in {_LOG}.")
