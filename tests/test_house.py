"""The house rules that no linter knows: sizes of rooms, what never stands in the tree."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MOST_LINES = 400
NO_MONEY = {
    "operations",
    "config",
    "throttle",
    "services/clocks",
    "xero/client",
    "xero/limits",
    "xero/classify",
    "hoopai/client",
}
ELSEWHERE = re.compile(
    r"(index-url|find-links)[ =]+\S*://|://[^/ ]+/simple/|/packages/[0-9a-f]{2}/[0-9a-f]{2}/"
)


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=False
    )
    found = [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).is_file()]
    if not found:
        pytest.skip("not a git checkout: the tree's files cannot be listed")
    return found


def test_no_room_is_larger_than_four_hundred_lines() -> None:
    large = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in tracked("*.py")}
    assert {name: lines for name, lines in large.items() if lines > MOST_LINES} == {}


def test_nothing_names_a_package_index_or_brings_somebody_elses_files() -> None:
    files = tracked()
    assert [path for path in files if re.search(r"\.min\.(js|css)$|/vendor/", str(path))] == []
    texts = [path for path in files if path.suffix in {".py", ".toml", ".txt", ".md", ".sh", ".html"}]
    guilty = [path for path in texts if path != Path(__file__) and ELSEWHERE.search(path.read_text())]
    assert guilty == []


def test_only_the_outbox_changes_a_pushs_state() -> None:
    writes = re.compile(r"\bpush\w*\.state\s*=[^=]|update\(Push\)")
    rooms = [path for path in tracked("portal/*.py", "jobs/*.py") if path.name != "outbox.py"]
    assert [path.name for path in rooms if writes.search(path.read_text())] == []


def test_money_is_never_a_float() -> None:
    rooms = [path for path in tracked("portal/*.py", "jobs/*.py") if not _has_no_money(path)]
    assert [path.name for path in rooms if re.search(r"\bfloat\(", path.read_text())] == []


def test_only_verbs_commit() -> None:
    changes = re.compile(r"session\.(add|delete|commit|execute)\(")
    rooms = tracked("portal/views/*.py", "portal/api/*.py", "portal/models/*.py", "jobs/*.py")
    assert [path.name for path in rooms if changes.search(path.read_text())] == []


def _has_no_money(path: Path) -> bool:
    return bool(NO_MONEY & {path.stem, f"{path.parent.name}/{path.stem}"})
