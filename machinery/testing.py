"""`manage.py test`: the test set, then pytest, whose own summary is the last word."""

import os
import subprocess
from collections.abc import Sequence

from machinery import ROOT, venv

# One more than two cores: the tests of browser and faults mostly wait.
_PARALLEL = ("-n", "3")
_ALONE = ("-n", "--numprocesses", "--pdb", "--collect-only", "--co", "--trace", "-s")


def test(words: Sequence[str], strict: bool) -> int:
    """Run pytest with these words and return its exit code.

    With `strict`, a test that is skipped because the browser or the database programs are missing fails.
    """
    venv.ensure("test")
    env = {**os.environ, "PYTHONUNBUFFERED": "1"}
    env.pop(
        "PYTHONDONTWRITEBYTECODE", None
    )  # hundreds of processes are started, each would compile everything anew
    if strict:
        env["PORTAL_TEST_STRICT"] = "1"
    parallel = () if any(word.startswith(_ALONE) for word in words) else _PARALLEL
    command = [str(venv.PYTHON), "-m", "pytest", *parallel, *words]
    return subprocess.run(command, cwd=ROOT, env=env, check=False).returncode
