"""`manage.py bench`: runs `tests/bench/bench_NAME.py`, each a `main()` that returns the rows of a table."""

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from machinery import ROOT, venv
from machinery.messages import Failed, Trouble, say

_FOLDER = ROOT / "tests" / "bench"
_CALL = """
import importlib, json, sys
rows = importlib.import_module("tests.bench.bench_" + sys.argv[1]).main()
with open(sys.argv[2], "w") as file:
    json.dump(rows, file, default=str)
"""


def bench(name: str | None, file: str | None) -> int:
    """Run one benchmark or all of them, print their tables, write them as JSON when asked."""
    names = sorted(path.stem.removeprefix("bench_") for path in _FOLDER.glob("bench_*.py"))
    if name is not None and name not in names:
        raise Trouble(f"There is no benchmark {name}; there are: {', '.join(names) or 'none yet'}.")
    if not names:
        say("There are no benchmarks yet.")
        return 0
    venv.ensure("test")
    tables = {each: _rows(each) for each in ([name] if name else names)}
    for title, rows in tables.items():
        say(f"\n{title}\n{_table(rows)}")
    if file:
        Path(file).write_text(json.dumps(tables, indent=2) + "\n")
    return 0


def _rows(name: str) -> list[dict[str, Any]]:
    with tempfile.NamedTemporaryFile(suffix=".json") as result:
        command = [str(venv.PYTHON), "-c", _CALL, name, result.name]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        if code := subprocess.run(command, cwd=ROOT, env=env, check=False).returncode:
            raise Failed(f"The benchmark {name} ended with exit code {code}.")
        rows: list[dict[str, Any]] = json.loads(Path(result.name).read_text())
    return rows


def _table(rows: list[dict[str, Any]]) -> str:
    heads = list(dict.fromkeys(key for row in rows for key in row))
    lines = [heads, *([_cell(row.get(head)) for head in heads] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines
    )


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.3g}" if isinstance(value, float) and abs(value) < 1000 else str(value)
