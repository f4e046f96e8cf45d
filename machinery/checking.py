"""`manage.py check`: every tool that judges the code, one line each."""

import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from machinery import ROOT, venv
from machinery.messages import say

_TEMPLATES = ("templates", "sandbox")
_IMPORT_LINTER = "from importlinter.cli import lint_imports_command as lint; lint()"


@dataclass
class _Check:
    name: str
    words: tuple[str, ...]
    output: Path = Path(os.devnull)
    process: subprocess.Popen[bytes] | None = None
    seconds: float = 0.0


def check() -> int:
    """Run all of them side by side; 1 when any is not content, after showing what it says."""
    venv.ensure("test")
    checks = [
        _Check("format", ("-m", "ruff", "format", "--check", ".")),
        _Check("lint", ("-m", "ruff", "check", ".")),
        _Check("types", ("-m", "mypy")),
        _Check("templates' format", ("-m", "djlint", *_TEMPLATES, "--check")),
        _Check("templates' lint", ("-m", "djlint", *_TEMPLATES, "--lint")),
        _Check("import contracts", ("-c", _IMPORT_LINTER, "--no-cache", "--no-logo")),
    ]
    with tempfile.TemporaryDirectory() as folder:
        for number, one in enumerate(checks):
            one.output = Path(folder) / str(number)
            _start(one)
        _wait(checks, time.monotonic())
        return int(any([_report(one) for one in checks]))


def _start(one: _Check) -> None:
    command = [str(venv.PYTHON), *one.words]
    env = {**os.environ, "COLUMNS": "110", "PYTHONPATH": str(ROOT)}
    with one.output.open("wb") as out:
        one.process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=out, stderr=subprocess.STDOUT)


def _wait(checks: list[_Check], began: float) -> None:
    waiting = list(checks)
    while waiting:
        for one in [one for one in waiting if one.process and one.process.poll() is not None]:
            one.seconds = time.monotonic() - began
            waiting.remove(one)
        time.sleep(0.05)


def _report(one: _Check) -> bool:
    """Print the line of one tool; True when it is not content."""
    failed = bool(one.process and one.process.returncode)
    say(f"  {one.name:<18} {'FAILED' if failed else 'ok':<7} {one.seconds:5.1f} s")
    if failed:
        say(one.output.read_text(errors="replace").strip() + "\n")
    return failed
