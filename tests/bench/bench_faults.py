"""`manage.py bench faults`: every crash point × kill and freeze × network fault × kind × workers × database.

FAULTS_LANES (default 3) sets how many worlds run side by side, FAULTS_DATABASES (`sqlite,postgres`) on what,
FAULTS_EVERY (default 1) takes only each n-th run, FAULTS_SCALE (default 2) makes all times longer on a busy machine.
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
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from machinery import ROOT, processes
from tests.faults.runs import Run
from tests.faults.sample import matrix
from tests.support import portal, postgres

Verdicts = list[tuple[str, list[str], bool, float]]


def main() -> list[dict[str, Any]]:
    """A row a database; what went wrong is told at once, run by run."""
    runs = matrix()[:: int(os.environ.get("FAULTS_EVERY", "1"))]
    names = os.environ.get("FAULTS_DATABASES", "sqlite,postgres").split(",")
    return [_row(name, runs) for name in names]


def _row(name: str, runs: list[Run]) -> dict[str, Any]:
    began = time.monotonic()
    verdicts = _played(name, runs)
    wrong = [each for each in verdicts if each[1]]
    kinds = Counter(_class(word) for _, complaints, _, _ in wrong for word in complaints[:1])
    return {
        "database": name, "runs": len(verdicts), "of": len(runs),
        "fail point reached": sum(tripped for _, _, tripped, _ in verdicts),
        "duplicates or wrong": kinds["books"], "lost": kinds["lost"], "stuck": kinds["stuck"],
        "minutes": round((time.monotonic() - began) / 60, 1),
    }  # fmt: skip


def _class(complaint: str) -> str:
    if complaint.startswith(("stuck", "could not begin")):
        return "stuck"
    return "lost" if complaint.startswith("0 ") else "books"


def _played(name: str, runs: list[Run]) -> Verdicts:
    lanes = int(os.environ.get("FAULTS_LANES", "3"))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        urls = _databases(stack, name, folder, lanes)
        running = [_lane(folder, place, url, runs[place::lanes]) for place, url in enumerate(urls)]
        said = [process.communicate()[0] for process in running]
    return [tuple(json.loads(line)) for text in said for line in text.splitlines()]


def _databases(stack: ExitStack, name: str, folder: Path, lanes: int) -> list[str]:
    if name == "sqlite":
        folders = [folder / f"lane{place}" for place in range(lanes)]
        for each in folders:
            each.mkdir()
        return [portal.sqlite_url(each) for each in folders]
    programs = postgres.programs()
    assert programs, "no PostgreSQL programs"
    cluster = stack.enter_context(postgres.cluster(programs))
    return [cluster.url(cluster.create()) for _ in range(lanes)]


def _lane(folder: Path, place: int, url: str, runs: list[Run]) -> subprocess.Popen[str]:
    file = folder / f"runs{place}"
    file.write_bytes(pickle.dumps(runs))
    command = [sys.executable, "-m", "tests.faults.lane", url, str(file)]
    tied = processes.tied_to_us(signal.SIGTERM)
    env = {"FAULTS_SCALE": "2", **os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True, preexec_fn=tied)
