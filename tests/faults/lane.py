"""One lane of the whole matrix: `python -m tests.faults.lane DATABASE_URL FILE_OF_RUNS`, verdicts as JSON lines."""

import json
import logging
import pickle
import sys
from contextlib import ExitStack
from pathlib import Path

from tests.faults.runs import Run, Verdict, play
from tests.faults.world import World, world
from tests.support import valkey


def main(database_url: str, file: str) -> None:
    """Play the runs of the pickled list, one after the other, and say how each ended."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    program = valkey.binary()
    assert program, "no Valkey"
    runs: list[Run] = pickle.loads(Path(file).read_bytes())
    with ExitStack() as stack:
        redis_url = stack.enter_context(valkey.valkey(program))
        here = stack.enter_context(world(database_url, redis_url))
        for place, run in enumerate(runs, 1):
            verdict = _play(here, run)
            if place % 25 == 0:
                print(f"{place} of {len(runs)} runs of this lane", file=sys.stderr, flush=True)
            print(json.dumps([str(run), verdict.wrong, verdict.tripped, verdict.seconds]), flush=True)


def _play(here: World, run: Run) -> Verdict:
    try:
        verdict = play(here, run)
    except AssertionError as error:
        verdict = Verdict([f"could not begin: {error}"])
    if verdict.wrong:
        print(
            f"WRONG {run}",
            *verdict.wrong,
            here.hands.words()[-1500:],
            sep="\n  ",
            file=sys.stderr,
            flush=True,
        )
        with here.stage.app.app_context():
            here.give_up()
    return verdict


if __name__ == "__main__":
    main(*sys.argv[1:])
