"""The bell: wakes a worker. Everything it says is also in the database, so losing it loses nothing.

Jobs are named as text and carry ids only. A ring that is still pending is not rung again; a worker that picks
it up calls `answered` before it looks at the database, so no wake-up is lost in between.
"""

import logging

from flask import Flask, current_app
from redis import Redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import ConnectionError as NoRedis
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as SlowRedis
from redis.retry import Retry
from rq import Queue
from rq.serializers import JSONSerializer

log = logging.getLogger(__name__)

QUEUE = "portal"
PENDING_SECONDS = 30
JOB_SECONDS = 180
PEEKED = 3
Away = RedisError


def register(app: Flask, redis_url: str) -> None:
    """Hang the bell of one app."""
    app.extensions["portal.bell"] = connect(redis_url)


def connect(redis_url: str, retries: int = 2) -> Redis:
    """A Redis client with explicit retries, which `from_url` alone does not have."""
    backoff = ExponentialWithJitterBackoff(base=0.01, cap=0.2)
    return Redis.from_url(
        redis_url,
        retry=Retry(backoff, retries),
        retry_on_error=[NoRedis, SlowRedis],
        socket_connect_timeout=1,
        health_check_interval=30,
    )


def client() -> Redis:
    """The Redis client of the current app."""
    found: Redis = current_app.extensions["portal.bell"]
    return found


def alive() -> bool:
    """Whether Redis answers."""
    try:
        return bool(client().ping())
    except RedisError:
        return False


def ring(name: str, *ids: int) -> bool:
    """Ask a worker to run the job `name` with these ids. False when Redis is away: the ticker will see to it.

    A ring that is pending while the queue is empty was lost with a Redis that died, so it is rung again.
    """
    try:
        first = client().set(_pending(name, ids), b"1", nx=True, ex=PENDING_SECONDS)
        if first or not _queue().count:
            _queue().enqueue(name, args=ids, result_ttl=0, failure_ttl=60, job_timeout=JOB_SECONDS)
        return True
    except RedisError as error:
        log.warning("bell.away", extra={"job": name, "error": type(error).__name__})
        return False


def answered(name: str, ids: tuple[int, ...]) -> None:
    """A worker has heard this ring; from now on it may be rung again."""
    try:
        client().delete(_pending(name, ids))
    except RedisError:
        log.warning("bell.away", extra={"job": name})


def anybody_waits(name: str, *ids: int) -> bool:
    """Whether another job than this one waits for a worker; True as well when Redis is away."""
    try:
        return any((job.func_name, tuple(job.args)) != (name, ids) for job in _queue().get_jobs(0, PEEKED))
    except RedisError:
        return True


def _queue() -> Queue:
    return Queue(QUEUE, connection=client(), serializer=JSONSerializer)


def _pending(name: str, ids: tuple[int, ...]) -> str:
    return ":".join(["bell", name, *map(str, ids)])
