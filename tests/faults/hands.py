"""The process that makes worker processes: everything is imported once, each worker is a fork with its own app.

`python -m tests.faults.hands` reads one JSON wish a line, `{"env": {…}, "role": "drain"|"listen", "mutant": NAME|null,
"log": PATH}`, forks and answers with the process id. It holds no database and no Redis connection itself, and what
it forked dies with it.
"""

import gc
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from flask import Flask, Response, request
from sqlalchemy.orm import configure_mappers
from werkzeug.serving import make_server

from machinery import processes
from portal.config import Settings
from portal.extensions import db
from portal.services import draining, due, failing, intake, outbox, windows
from tests.faults import SCALE, mutants
from tests.support import portal

log = logging.getLogger("hands")
PAUSE = 0.02 * SCALE


def main() -> None:
    """Fork on demand until standard input ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    configure_mappers()
    gc.freeze()
    tie = processes.tied_to_us(signal.SIGKILL)
    for wish in sys.stdin:
        child = os.fork()
        if child == 0:
            if tie:
                tie()
            _become(json.loads(wish))
        print(child, flush=True)
    os.killpg(0, signal.SIGKILL)


def _become(wish: Mapping[str, Any]) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    out = os.open(wish["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for target, source in ((0, nothing), (1, out), (2, out)):
        os.dup2(source, target)
    logging.basicConfig(stream=sys.stderr, format=f"{os.getpid()} %(message)s")
    os.environ.update(wish["env"])
    try:
        {"drain": drain, "listen": listen}[wish["role"]](wish)
    except BaseException:
        log.exception("the worker ended")
    finally:
        os._exit(1)


def drain(wish: Mapping[str, Any]) -> None:
    """What worker and ticker do together, without a bell: apply what came, drain what is due, for ever."""
    brisk()
    if wish["mutant"]:
        mutants.become(wish["mutant"])
    app = portal.ground_floor(Settings.from_env())
    with app.app_context():
        while True:
            _turn()
            time.sleep(PAUSE)


def listen(wish: Mapping[str, Any]) -> None:
    """Take one location's deliveries at the port and for the token that the environment names."""
    app = portal.ground_floor(Settings.from_env())
    ear = Flask("ear")

    @ear.post("/hook")
    def hook() -> Response:
        with app.app_context():
            answer = intake.receive(os.environ["EAR_TOKEN"], request.get_data(), request.headers)
            db.session.remove()
        return Response(answer.text, answer.status)

    make_server("127.0.0.1", int(os.environ["EAR_PORT"]), ear).serve_forever()


def brisk() -> None:
    """Rests that the settings do not name, shortened as the settings shorten the others."""
    outbox.BACKOFF = (0.2,) * len(outbox.BACKOFF)  # type: ignore[assignment]
    windows.PAUSES = (0.2,) * len(windows.PAUSES)  # type: ignore[assignment]
    failing.LOOK_FIRST = timedelta(seconds=0.2)


def _turn() -> None:
    try:
        if intake.waiting():
            intake.apply()
        for connection_id in due.connections():
            draining.drain(connection_id)
    except Exception:
        log.exception("a job broke")
    finally:
        db.session.remove()


if __name__ == "__main__":
    main()
