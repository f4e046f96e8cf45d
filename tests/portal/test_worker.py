"""What a worker runs: jobs on the list, and nothing else that somebody may have put into Redis."""

from pathlib import Path

import pytest
from flask import Flask
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

from jobs import listed, ticker, worker
from portal import bell
from portal.services import due


def burst(app: Flask) -> None:
    connection: Redis = bell.client()
    queue = Queue(bell.QUEUE, connection=connection, serializer=JSONSerializer, job_class=worker.ListedJob)
    worker._running[:] = [app]
    worker.Worker(
        [queue], connection=connection, serializer=JSONSerializer, job_class=worker.ListedJob
    ).work(burst=True, logging_level="ERROR")  # fmt: skip


def put(name: str, *args: object, **fields: str) -> None:
    queue = Queue(bell.QUEUE, connection=bell.client(), serializer=JSONSerializer)
    job = queue.enqueue(name, args=args)
    if fields:
        bell.client().hset(job.key, mapping=fields)


def test_a_function_that_is_not_on_the_list_never_runs(ground: Flask, tmp_path: Path) -> None:
    put("os.mkdir", str(tmp_path / "made"))
    burst(ground)
    assert not (tmp_path / "made").exists()


def test_a_callback_that_somebody_wrote_into_a_job_is_never_called(
    ground: Flask, capsys: pytest.CaptureFixture[str]
) -> None:
    put("jobs.intake.apply", success_callback_name="builtins.print", failure_callback_name="builtins.print")
    put("jobs.no.such", success_callback_name="builtins.print", failure_callback_name="builtins.print")
    burst(ground)
    assert "Job" not in capsys.readouterr().out


def test_jobs_that_fail_are_counted_until_one_is_done(ground: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker.Worker, "failing", 0)
    for _ in range(2):
        put("jobs.no.such")
    burst(ground)
    assert worker.Worker.failing == 2
    monkeypatch.setattr(listed, "function", lambda _name: lambda: None)
    put("jobs.housekeeping.forget")
    burst(ground)
    assert worker.Worker.failing == 0


def test_every_listed_job_is_there() -> None:
    assert all(callable(listed.function(name)) for name in listed.JOBS)


def test_without_redis_a_job_that_stumbles_holds_up_none_behind_it(
    ground: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[int] = []

    def job(number: int) -> None:
        done.append(number)
        if number == 1:
            raise LookupError("stumbles")

    monkeypatch.setattr(due, "jobs", lambda _count: [("jobs.mails.send", (1,)), ("jobs.mails.send", (2,))])
    monkeypatch.setattr(bell, "ring", lambda *_: False)
    monkeypatch.setattr(listed, "function", lambda _name: job)
    ticker._ring_or_do(0)
    assert done == [1, 2]
