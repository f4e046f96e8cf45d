"""The worker process: `python -m jobs.worker`. Runs only jobs on the list, named as text, with ids as arguments."""

import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from flask import Flask
from rq import Queue, SimpleWorker
from rq.job import Job
from rq.serializers import JSONSerializer

from jobs import listed
from portal import bell, create_app, logs, memory
from portal.config import Settings, settings
from portal.errors import SettingMissing
from portal.extensions import db
from portal.services import heartbeats

BEAT_SECONDS = 5
log = logging.getLogger(__name__)


class ListedJob(Job):
    """A job that is looked up in the list, whatever Redis says; callbacks and objects out of Redis are ignored."""

    @property
    def func(self) -> Callable[..., Any]:
        """The listed function of this name. Raises NotOnTheList."""
        return listed.function(self.func_name or "")

    @property  # type: ignore[misc]
    def instance(self) -> None:
        """No object ever comes out of Redis."""
        return None

    @property
    def success_callback(self) -> None:
        """No callback out of Redis is ever called."""
        return None

    @property
    def failure_callback(self) -> None:
        """No callback out of Redis is ever called."""
        return None

    @property
    def stopped_callback(self) -> None:
        """No callback out of Redis is ever called."""
        return None

    def send_webhooks(self, *_: object, **__: object) -> None:
        """No address out of Redis is ever called."""

    def perform(self) -> Any:
        """Run the job in the app, after telling the bell that this ring was heard."""
        app: Flask = _app()
        logs.trace.set(f"job:{self.id[:8]}")
        with app.app_context():
            bell.answered(self.func_name or "", tuple(self.args))
            try:
                answer = super().perform()
                Worker.failing = 0
                return answer
            except BaseException:
                Worker.failing += 1
                raise
            finally:
                db.session.remove()


class Worker(SimpleWorker):
    """One process, one queue, no forks; a listed job or nothing.

    `failing` is how many of its jobs failed one after another.
    """

    job_class = ListedJob
    queue_class = Queue
    failing = 0


_running: list[Flask] = []


def _app() -> Flask:
    return _running[0]


def main() -> int:
    """Work until told to stop; 2 when the settings are wrong."""
    logs.configure()
    try:
        app = create_app(Settings.from_env())
    except SettingMissing as error:
        print(f"The worker cannot start: {error}", file=sys.stderr)
        return 2
    _running.append(app)
    memory.settle()
    threading.Thread(target=_beat, args=(app,), daemon=True, name="heartbeat").start()
    with app.app_context():
        connection = bell.connect(settings().redis_url, retries=30)
    queue = Queue(bell.QUEUE, connection=connection, serializer=JSONSerializer, job_class=ListedJob)
    worker = Worker(
        [queue], connection=connection, serializer=JSONSerializer, job_class=ListedJob,
        worker_ttl=60, maintenance_interval=30, job_monitoring_interval=10, log_job_description=False,
    )  # fmt: skip
    worker.work(logging_level="WARNING")
    return 0


def _beat(app: Flask) -> None:
    name = f"worker:{socket.gethostname()}:{os.getpid()}"
    while True:
        heartbeats.safely(app, name, "worker", Worker.failing)
        time.sleep(BEAT_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
