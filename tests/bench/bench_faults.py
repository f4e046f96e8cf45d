"""`manage.py bench faults`: workers killed and frozen at every step, every operation under every other fault, and
random lives in which anything happens in any order.

FAULTS_LANES (default 3) sets how many worlds run side by side, FAULTS_DATABASES (`sqlite,postgres`) on what,
FAULTS_PARTS (`crashes,table,lives`) which of the three, FAULTS_EVERY (default 1) takes only each n-th run, FAULTS_LIVES
(default 500x40) how many lives of how many steps, FAULTS_SCALE (default 2) makes the times of the crashes longer on a
busy machine.
"""

import json
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from machinery import ROOT, processes
from tests.faults.sample import matrix
from tests.faults.table import trials

Verdicts = list[tuple[str, list[str], bool, float, str]]


def main() -> list[dict[str, Any]]:
    """A row a database and part; what went wrong is told at once, run by run."""
    databases = os.environ.get("FAULTS_DATABASES", "sqlite,postgres").split(",")
    parts = os.environ.get("FAULTS_PARTS", "crashes,table,lives").split(",")
    rows = [_row(database, part) for database in databases for part in parts if part != "lives"]
    return [*rows, _lives()] if "lives" in parts else rows


def _lives() -> dict[str, Any]:
    lives, steps = os.environ.get("FAULTS_LIVES", "500x40").split("x")
    lanes = int(os.environ.get("FAULTS_LANES", "3"))
    began = time.monotonic()
    running = [_run("tests.faults.lives", str(int(lives) // lanes), steps) for _ in range(lanes)]
    told = [json.loads(process.communicate()[0].splitlines()[-1]) for process in running]
    return {
        "database": "sqlite", "part": "lives", "runs": sum(each["lives"] for each in told), "of": int(lives),
        "steps": sum(each["steps"] for each in told), "seeds": [each["seed"] for each in told],
        "duplicates or wrong": sum(bool(each["wrong"]) for each in told),
        "minutes": round((time.monotonic() - began) / 60, 1),
    }  # fmt: skip


def _row(database: str, part: str) -> dict[str, Any]:
    whole: Sequence[Any] = matrix() if part == "crashes" else trials(postgres=database == "postgres")
    runs = whole[:: int(os.environ.get("FAULTS_EVERY", "1"))]
    began = time.monotonic()
    verdicts = _played(database, runs)
    kinds = Counter(_class(complaints[0]) for _, complaints, *_ in verdicts if complaints)
    words = Counter(word for run, *_ in verdicts for word in _words(run, part))
    return {
        "database": database, "part": part, "runs": len(verdicts), "of": len(runs), **words,
        "fault met": sum(tripped for _, _, tripped, *_ in verdicts),
        "duplicates or wrong": kinds["books"], "lost": kinds["lost"], "stuck": kinds["stuck"],
        "minutes": round((time.monotonic() - began) / 60, 1),
    }  # fmt: skip


def _words(run: str, part: str) -> list[str]:
    if part != "crashes":
        return []
    return [name for name, mark in (("killed", ", kill "), ("frozen", ", stop ")) if mark in run]


def _class(complaint: str) -> str:
    if complaint.startswith(("stuck", "could not begin")):
        return "stuck"
    return "lost" if complaint.startswith("0 ") else "books"


def _played(database: str, runs: Sequence[Any]) -> Verdicts:
    lanes = int(os.environ.get("FAULTS_LANES", "3"))
    with tempfile.TemporaryDirectory() as folder:
        running = [_lane(Path(folder), place, database, runs[place::lanes]) for place in range(lanes)]
        said = [process.communicate()[0] for process in running]
    return [tuple(json.loads(line)) for text in said for line in text.splitlines()]


def _lane(folder: Path, place: int, database: str, runs: Sequence[Any]) -> subprocess.Popen[str]:
    file = folder / f"runs{place}"
    file.write_bytes(pickle.dumps(list(runs)))
    return _run("tests.faults.lane", database, str(file))


def _run(module: str, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", module, *words]
    tied = processes.tied_to_us(signal.SIGTERM)
    env = {"FAULTS_SCALE": "2", **os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True, preexec_fn=tied)
