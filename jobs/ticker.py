"""The ticker process: `python -m jobs.ticker`. Looks what is due and rings; one works, a second stands by.

It asks the database, never Redis, so a lost bell delays work by a second. With Redis away it does the work itself.
"""

import logging
import os
import signal
import socket
import sys
import threading
import time
from types import FrameType

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from jobs import listed
from portal import bell, create_app, logs
from portal.config import Settings
from portal.errors import SettingMissing
from portal.extensions import db
from portal.services import due, heartbeats

log = logging.getLogger(__name__)
SECOND = 1.0


def main() -> int:
    """Tick until told to stop; 2 when the settings are wrong."""
    logs.configure()
    try:
        app = create_app(Settings.from_env())
    except SettingMissing as error:
        print(f"The ticker cannot start: {error}", file=sys.stderr)
        return 2
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda _number, _frame: _end(stop, _frame))
    _run(app, stop)
    return 0


def _end(stop: threading.Event, _frame: FrameType | None) -> None:
    stop.set()


def _run(app: Flask, stop: threading.Event) -> None:
    owner = f"{socket.gethostname()}:{os.getpid()}"
    count = 0
    while not stop.is_set():
        began = time.monotonic()
        with app.app_context():
            _tick(owner, count, stop)
        count += 1
        stop.wait(max(0.0, SECOND - (time.monotonic() - began)))
    with app.app_context():
        heartbeats.resign(heartbeats.TICKER)


def _tick(owner: str, count: int, stop: threading.Event) -> None:
    try:
        if heartbeats.lead(owner):
            _ring_or_do(count)
            _ring_when_rests_end(stop)
    except SQLAlchemyError as error:
        log.warning("ticker.database_away", extra={"error": type(error).__name__})
    except Exception:
        log.exception("ticker.stumbled")
    finally:
        db.session.remove()


def _ring_or_do(count: int) -> None:
    for name, ids in due.jobs(count):
        if not bell.ring(name, *ids):
            _do(name, ids)


def _do(name: str, ids: tuple[int, ...]) -> None:
    """Do a job here, since Redis is away; one that stumbles holds up none behind it."""
    try:
        listed.function(name)(*ids)
    except SQLAlchemyError:
        raise
    except Exception:
        log.exception("ticker.job_stumbled", extra={"job": name})


def _ring_when_rests_end(stop: threading.Event) -> None:
    """Quota comes back at its own moment: who waits for it within this second is rung for then, not at its end."""
    began = time.monotonic()
    for seconds, connection_id in due.rests_that_end(SECOND):
        if not stop.wait(max(0.0, seconds - (time.monotonic() - began))):
            bell.ring(due.DRAIN, connection_id)


if __name__ == "__main__":
    sys.exit(main())
