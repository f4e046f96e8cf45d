"""Keeps the processes of one `run`: starts them in order, starts again what ends, stops all of it."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from machinery import ROOT, processes, signals
from machinery.messages import Failed, say

_LONGEST_BACKOFF = 30.0
_STEADY_AFTER = 30.0
_LOG_LIMIT = 20_000_000
_WORTH_SHOWING = re.compile(r"\b(WARNING|ERROR|CRITICAL|Traceback|[A-Za-z]+Error:)")

_HARMLESS = "Memory overcommit must be enabled"  # Valkey's advice for servers with much more data than ours


@dataclass
class Program:
    """One process of ours: how to start it, and how to know that it is there (None: it stays alive)."""

    name: str
    command: Sequence[str]
    is_ready: Callable[[], bool] | None = None
    patience: float = 30.0
    ends_last: bool = False


@dataclass
class _Child:
    program: Program
    log: Path
    process: subprocess.Popen[bytes]
    started: float = field(default_factory=time.monotonic)
    shown: int = 0
    crashes: int = 0
    again_at: float | None = None


class Supervisor:
    """The processes of one run. All of them end with it, also when it is killed."""

    def __init__(self, env: Mapping[str, str], logs: Path) -> None:
        self._env = env
        self._logs = logs
        self._children: dict[str, _Child] = {}
        self._watchdog = subprocess.Popen(
            [sys.executable, "-I", "-S", str(ROOT / "machinery" / "watchdog.py")],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def start(self, program: Program) -> None:
        """Start a program and go on; `wait_for` says when it is there."""
        log = self._logs / f"{program.name}.log"
        self._children[program.name] = _Child(program, log, self._spawn(program, log), shown=_size(log))

    def wait_for(self, name: str) -> None:
        """Wait until a program is ready. Raises Failed when it ends or takes longer than its patience."""
        child = self._children[name]
        until = time.monotonic() + child.program.patience
        while not self._is_ready(child):
            if child.process.poll() is not None:
                raise Failed(self._report(child, f"{name} ended at once ({_how(child.process.returncode)})"))
            if time.monotonic() > until:
                raise Failed(self._report(child, f"{name} is not ready after {child.program.patience:.0f} s"))
            signals.pause(0.03)

    def watch(self) -> None:
        """Start again what ends and show what matters, until asked to end (raises Stopped)."""
        while True:
            signals.pause(0.2)
            for child in self._children.values():
                self._look_after(child)

    def stop(self) -> None:
        """End all programs: those that use others first. Asked again meanwhile, it ends them at once."""
        for last in (False, True):
            group = [c.process for c in self._children.values() if c.program.ends_last is last]
            for process in group:
                processes.ask(process)
            processes.wait_for_all(group, patience=10)
            for process in group:
                processes.sweep(process)
                self._tell_watchdog("-", process)
        self._children.clear()
        if self._watchdog.stdin:
            with contextlib.suppress(OSError):
                self._watchdog.stdin.close()
        self._watchdog.wait(10)

    def _spawn(self, program: Program, log: Path) -> subprocess.Popen[bytes]:
        process = processes.spawn(program.command, self._env, ROOT, log)
        self._tell_watchdog("+", process)
        return process

    def _tell_watchdog(self, sign: str, process: subprocess.Popen[bytes]) -> None:
        if self._watchdog.stdin:
            with contextlib.suppress(OSError):
                self._watchdog.stdin.write(f"{sign}{process.pid}\n".encode())
                self._watchdog.stdin.flush()

    def _is_ready(self, child: _Child) -> bool:
        if child.program.is_ready:
            return child.process.poll() is None and child.program.is_ready()
        return child.process.poll() is None and time.monotonic() - child.started > 1

    def _look_after(self, child: _Child) -> None:
        self._show_news(child)
        code = child.process.poll()
        if code is None:
            if time.monotonic() - child.started > _STEADY_AFTER:
                child.crashes = 0
            return
        if child.again_at is None:
            self._plan_restart(child, code)
        elif time.monotonic() >= child.again_at:
            child.process = self._spawn(child.program, child.log)
            child.started, child.again_at = time.monotonic(), None
            say(f"  {child.program.name} runs again (process {child.process.pid}).")

    def _plan_restart(self, child: _Child, code: int) -> None:
        processes.sweep(child.process)
        self._tell_watchdog("-", child.process)
        wait = 0.0 if child.crashes == 0 else min(0.5 * 2 ** (child.crashes - 1), _LONGEST_BACKOFF)
        child.crashes += 1
        child.again_at = time.monotonic() + wait
        when = "now" if wait == 0 else f"in {wait:g} s"
        say(f"  {child.program.name} ended ({_how(code)}); starting it again {when}. Its log: {child.log}")

    def _show_news(self, child: _Child) -> None:
        size = _size(child.log)
        if size < child.shown:
            child.shown = 0
        if size == child.shown:
            return
        with child.log.open("rb") as file:
            file.seek(child.shown)
            news = file.read(1_000_000)
        whole = news.rpartition(b"\n")[0] + b"\n" if b"\n" in news else b""
        child.shown += len(whole)
        for line in whole.decode(errors="replace").splitlines():
            if worth := _worth_showing(line):
                say(f"  {child.program.name}: {worth}")
        if size > _LOG_LIMIT and child.shown >= size:
            shutil.copyfile(child.log, child.log.with_suffix(".log.1"))
            os.truncate(child.log, 0)
            child.shown = 0

    def _report(self, child: _Child, what: str) -> str:
        return f"{processes.last_lines(child.log)}\n{what}; the lines above are the end of {child.log}."


def _size(log: Path) -> int:
    try:
        return log.stat().st_size
    except OSError:
        return 0


def _how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _worth_showing(line: str) -> str | None:
    """A warning or error, short; None for the rest. Our own processes write one JSON object a line."""
    if _HARMLESS in line:
        return None
    if not line.startswith("{"):
        return line[:300] if _WORTH_SHOWING.search(line) else None
    try:
        entry = json.loads(line)
    except ValueError:
        return line[:300] if _WORTH_SHOWING.search(line) else None
    if str(entry.get("level", "")).upper() not in ("WARNING", "ERROR", "CRITICAL"):
        return None
    return " ".join(f"{key}={value}" for key, value in entry.items() if key not in ("at", "time", "ts"))[:300]
