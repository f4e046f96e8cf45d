"""`manage.py lock`: compiles `pyproject.toml` to hashed locks that name no package index."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from machinery import ROOT
from machinery.messages import Failed, step

_FLAGS = (
    "--universal", "--python-version", "3.11", "--generate-hashes", "--no-annotate",
    "--no-header", "--no-emit-index-url", "--no-emit-find-links", "--upgrade", "--quiet",
)  # fmt: skip
_FOLDER = ROOT / "requirements"


def lock() -> int:
    """Renew all locks to the newest versions that fit together; the test set keeps the run set's versions."""
    with tempfile.TemporaryDirectory() as folder:
        uv = shutil.which("uv") or _fetch_uv(Path(folder))
        with step("Locking the run set"):
            _compile(uv, "run.txt", "pyproject.toml")
        with step("Locking the test set"):
            _compile(uv, "test.txt", "pyproject.toml", "--group", "test", "-c", "requirements/run.txt")
        with step("Locking the assets"):
            _compile(uv, "assets.txt", "--no-deps", "--group", "assets")
    return 0


def _fetch_uv(folder: Path) -> str:
    with step("Fetching uv for this once"):
        _run(sys.executable, "-m", "venv", "--without-pip", str(folder / "uv"))
        _run(
            sys.executable, "-m", "pip", "--python", str(folder / "uv/bin/python"), "install", "--quiet", "uv"
        )
    return str(folder / "uv/bin/uv")


def _compile(uv: str, name: str, *words: str) -> None:
    fresh = _FOLDER / f".{name}.new"
    try:
        _run(uv, "pip", "compile", *words, *_FLAGS, "-o", str(fresh))
        if "://" in fresh.read_text():
            raise Failed(f"The new {name} names an address, which a lock must not; it was not kept.")
        fresh.replace(_FOLDER / name)
    finally:
        fresh.unlink(missing_ok=True)


def _run(*command: str) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"{done.stderr.strip()}\n`{' '.join(command[:4])} …` did not work.")
