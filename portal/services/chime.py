"""Ringing for received deliveries without making HoopAI wait: a thread rings at once, then a moment later for many.

Whatever is lost with the process is rung for by the ticker within a second.
"""

import logging
import threading
import time

from flask import Flask, current_app

from portal import bell

log = logging.getLogger(__name__)

JOB = "jobs.intake.apply"
PAUSE = 0.1

_lock = threading.Condition()
_wanted: set[Flask] = set()
_thread: threading.Thread | None = None


def soon() -> None:
    """Have a worker woken for the current app in a moment."""
    global _thread
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    with _lock:
        if _thread is None or not _thread.is_alive():
            _thread = threading.Thread(target=_run, daemon=True, name="chime")
            _thread.start()
        if app not in _wanted:
            _wanted.add(app)
            _lock.notify()


def _run() -> None:
    while True:
        with _lock:
            while not _wanted:
                _lock.wait()
            apps = list(_wanted)
            _wanted.clear()
        for app in apps:
            _ring(app)
        time.sleep(PAUSE)


def _ring(app: Flask) -> None:
    try:
        with app.app_context():
            bell.ring(JOB)
    except Exception:
        log.exception("chime.silent")
