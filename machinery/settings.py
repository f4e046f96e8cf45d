"""The data folder, and the environment that `run` gives to every process."""

import base64
import contextlib
import fcntl
import hashlib
import os
import secrets
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from machinery.messages import Trouble

_LONGEST_SOCKET = 95  # bytes; the kernel's limit is 104 on macOS and 108 on Linux
_SANDBOX_CLIENT = "SANDBOXCLIENT0000000000000000001"
_SANDBOX_SECRET = "sandbox-secret-not-for-production"


@dataclass
class DataFolder:
    """Everything `run` keeps: database, keys, Valkey's file, the sandbox's books, logs."""

    path: Path
    _lock: TextIO | None = field(default=None, repr=False)
    ended_badly: bool = False
    """The run before this one did not end by itself, so its ports may be free only in a moment."""

    @property
    def logs(self) -> Path:
        """Folder of one log file a process."""
        return self.path / "log"

    @property
    def socket(self) -> Path:
        """Valkey's socket: in the folder, or under the temporary folder when that path is too long."""
        inside = self.path / "valkey.sock"
        if len(os.fsencode(inside)) <= _LONGEST_SOCKET:
            return inside
        return _short_folder(self.path) / "valkey.sock"

    def take(self) -> None:
        """Make the folder and hold it until this process ends. Raises Trouble when another run has it."""
        try:
            for folder in (self.path, self.logs, self.path / "valkey", self.path / "sandbox"):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = (self.path / "run.lock").open("a+")
        except OSError as error:
            reason = error.strerror or error
            raise Trouble(
                f"Cannot write to the data folder {self.path} ({reason}); choose another with --data."
            ) from error
        self._hold(self._lock)

    def mark(self, address: str) -> None:
        """Write down who uses the folder, for the message of a second run."""
        if self._lock:
            self._lock.seek(0)
            self._lock.truncate()
            self._lock.write(f"{address} (process {os.getpid()})")
            self._lock.flush()

    def release(self) -> None:
        """Say that this run ended by itself."""
        if self._lock:
            with contextlib.suppress(OSError):
                self._lock.truncate(0)
            self._lock.close()

    def _hold(self, lock: TextIO) -> None:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            where = lock.read().strip() or "starting"
            raise Trouble(
                f"The portal already runs on the data folder {self.path}: {where}; "
                "stop it, or choose another folder with --data."
            ) from error
        lock.seek(0)
        self.ended_badly = bool(lock.read().strip())


def environment(
    data: DataFolder, port: int, sandbox_port: int, mail_port: int | None, given: Mapping[str, str]
) -> tuple[dict[str, str], list[str]]:
    """What every process gets, and the names of the settings taken from `given` instead of ours.

    A setting that the person has set stays theirs, also as `NAME_FILE`. With a Xero client of their own
    the sandbox's Xero addresses are left out as well. Without a mail port letters are printed to the log.
    """
    ours = _defaults(data, port, sandbox_port)
    if mail_port:
        ours["MAIL_URL"] = f"smtp://127.0.0.1:{mail_port}"
    if _has(given, "XERO_CLIENT_ID"):
        ours = {name: value for name, value in ours.items() if not name.startswith("XERO_")}
    theirs = sorted(name for name in ours if _has(given, name))
    env = {name: value for name, value in given.items() if name not in ("PYTHONHOME", "PYTHONPATH")}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    env.update({name: value for name, value in ours.items() if name not in theirs})
    env["PYTHONUNBUFFERED"] = "1"
    return env, theirs


def _has(given: Mapping[str, str], name: str) -> bool:
    return bool(given.get(name) or given.get(f"{name}_FILE"))


def _defaults(data: DataFolder, port: int, sandbox_port: int) -> dict[str, str]:
    sandbox = f"http://localhost:{sandbox_port}"
    return {
        "DATABASE_URL": f"sqlite:///{data.path / 'portal.sqlite3'}",
        "REDIS_URL": f"unix://{data.socket}",
        "SECRET_KEY": _kept(data.path / "secret_key", secrets.token_urlsafe(48)),
        "TOKEN_KEYS": _kept(data.path / "token_keys", _token_key()),
        "BASE_URL": f"http://localhost:{port}",
        "XERO_CLIENT_ID": _SANDBOX_CLIENT,
        "XERO_CLIENT_SECRET": _SANDBOX_SECRET,
        "XERO_AUTHORIZE_URL": f"{sandbox}/xero/identity/connect/authorize",
        "XERO_IDENTITY_URL": f"{sandbox}/xero",
        "XERO_API_URL": f"{sandbox}/xero",
        "HOOP_API_URL": f"{sandbox}/hoopai",
    }


def _token_key() -> str:
    return "k1:" + base64.b64encode(secrets.token_bytes(32)).decode()


def _kept(path: Path, fresh: str) -> str:
    """The secret in a file that only we can read; made from `fresh` the first time."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(fresh + "\n")
            os.fsync(file.fileno())
    except FileExistsError:
        pass
    value = path.read_text().strip()
    if not value:
        raise Trouble(
            f"The key file {path} is empty; put its copy back, or start with another --data folder."
        )
    return value


def _short_folder(data: Path) -> Path:
    name = hashlib.sha256(os.fsencode(data)).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"portal-{os.getuid()}-{name}"
    folder.mkdir(mode=0o700, exist_ok=True)
    state = folder.lstat()
    if state.st_uid != os.getuid() or not stat.S_ISDIR(state.st_mode) or state.st_mode & 0o077:
        raise Trouble(f"The folder {folder} belongs to somebody else; choose a shorter --data folder.")
    return folder
