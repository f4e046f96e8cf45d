"""One lane of the whole matrix: `python -m tests.faults.lane sqlite|postgres FILE`, verdicts as JSON lines.

The file is a pickled list of runs (workers die) or trials (nobody dies); each lane has a world of its own for both.
"""

import json
import logging
import pickle
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.faults import runs, table
from tests.faults.day import day
from tests.faults.runs import Run, Verdict
from tests.faults.table import Trial
from tests.faults.world import Standing, world
from tests.support import portal, postgres, valkey


def main(database: str, file: str) -> None:
    """Play what the file lists, one after the other, and say how each ended."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    logging.getLogger().setLevel(logging.CRITICAL)
    wanted: list[Run | Trial] = pickle.loads(Path(file).read_bytes())
    with ExitStack() as stack:
        _crashes(stack, database, [each for each in wanted if isinstance(each, Run)])
        _trials(stack, database, [each for each in wanted if isinstance(each, Trial)])


def _crashes(stack: ExitStack, database: str, wanted: Sequence[Run]) -> None:
    program = valkey.binary()
    assert program, "no Valkey"
    if wanted:
        url, _ = _database(stack, database)
        here = stack.enter_context(world(url, stack.enter_context(valkey.valkey(program))))
        with here.stage.app.app_context():
            _play_all(wanted, lambda run: runs.play(here, run), here, here.hands.words)


def _trials(stack: ExitStack, database: str, wanted: Sequence[Trial]) -> None:
    if wanted:
        today = stack.enter_context(day(*_database(stack, database)))
        _play_all(wanted, lambda trial: table.play(today, trial), today, str)


def _database(stack: ExitStack, database: str) -> tuple[str, postgres.Cluster | None]:
    if database == "sqlite":
        return portal.sqlite_url(Path(stack.enter_context(tempfile.TemporaryDirectory()))), None
    programs = postgres.programs()
    assert programs, "no PostgreSQL programs"
    cluster = stack.enter_context(postgres.cluster(programs))
    return cluster.url(cluster.create()), cluster


def _play_all(
    wanted: Sequence[Any], play: Callable[[Any], Verdict], here: Standing, words: Callable[[], str]
) -> None:
    for place, run in enumerate(wanted, 1):
        try:
            verdict = play(run)
        except Exception as error:
            verdict = Verdict([f"could not begin: {error!r}"])
        if verdict.wrong:
            said = [f"WRONG {run}", *verdict.wrong, words()[-1500:]]
            print(*said, sep="\n  ", file=sys.stderr, flush=True)
            here.give_up()
        if place % 25 == 0:
            print(f"{place} of {len(wanted)} runs of this lane", file=sys.stderr, flush=True)
        what = [str(run), verdict.wrong, verdict.tripped, verdict.seconds, type(run).__name__]
        print(json.dumps(what), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
