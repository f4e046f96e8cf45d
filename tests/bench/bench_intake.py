"""`manage.py bench intake`: webhooks taken a second by two web workers, beside an endpoint that only stores.

Taken means: the signature verified on the raw bytes, deduplicated, stored durably, a worker rung. Both endpoints run
under the same server with the same workers on the same database; the load comes from this machine too.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import simplejson
from sqlalchemy import create_engine

from portal.extensions import db
from portal.hoopai import signatures
from portal.models import InboundEvent
from portal.services import demo, sources
from tests.bench import load
from tests.portal.test_hooks import flat
from tests.support import portal, postgres, valkey
from tests.support.ports import free_port
from tests.support.servers import running, wait_for_web

Row = dict[str, Any]
MANY, STEADY = 4_000, 2_000
WARM = 400
ROUNDS = 3
TARGET_SHARE, TARGET_P99 = 0.6, 50.0


def main() -> list[Row]:
    """A row for each endpoint and database; `share` is of the bare endpoint's rate."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        rows += _on("SQLite", portal.sqlite_url(Path(folder)))
    programs = postgres.programs()
    if programs:
        with postgres.cluster(programs) as cluster:
            rows += _on("PostgreSQL", cluster.url(cluster.create()))
    return rows


def _on(name: str, url: str) -> list[Row]:
    """The better of some rounds each, taken in turns, since other work on the machine only ever makes one slower."""
    with ExitStack() as stack:
        bare, hooks = stack.enter_context(_bare(url)), stack.enter_context(_hooks(url))
        bare_requests, hook_requests = _plain(WARM), hooks.requests("warm", WARM)
        load.flat_out(bare, bare_requests)
        load.flat_out(hooks.port, hook_requests)
        rounds = [
            (
                load.flat_out(bare, _plain(MANY)),
                load.flat_out(hooks.port, hooks.requests(f"flat{turn}", MANY)),
            )
            for turn in range(ROUNDS)
        ]
        stored = max((each[0] for each in rounds), key=lambda each: each.rate)
        taken = max((each[1] for each in rounds), key=lambda each: each.rate)
        calm = _calmest([load.steady(bare, _plain(STEADY), stored.rate / 2) for _ in range(ROUNDS)])
        half = _calmest(
            [
                load.steady(hooks.port, hooks.requests(f"half{turn}", STEADY), taken.rate / 2)
                for turn in range(ROUNDS)
            ]
        )
        kept = hooks.kept()
    complete = kept == WARM + ROUNDS * (MANY + STEADY)
    return [
        _row(name, "stores only", stored, calm),
        {
            **_row(name, "webhook", taken, half),
            "share": taken.rate / stored.rate,
            "target": f"{TARGET_SHARE:.0%}, {TARGET_P99:g} ms",
            "met": taken.rate / stored.rate >= TARGET_SHARE and half.percentile(0.99) < TARGET_P99,
            "kept": "all" if complete else f"{kept}",
        },
    ]


def _calmest(rounds: list[load.Outcome]) -> load.Outcome:
    return min(rounds, key=lambda each: each.percentile(0.99))


def _row(name: str, what: str, full: load.Outcome, half: load.Outcome) -> Row:
    return {
        "database": name,
        "endpoint": what,
        "per second": round(full.rate),
        "p50 ms at half": half.percentile(0.5),
        "p99 ms at half": half.percentile(0.99),
    }


def _plain(count: int) -> list[bytes]:
    return [load.request("/store", _body("plain", number)) for number in range(count)]


def _body(run: str, number: int) -> bytes:
    event = flat(_id=f"{run}{number:018d}"[-24:], invoiceNumber=str(number), webhookId=f"{run}-{number}")
    return simplejson.dumps(event).encode()


class _Hooks:
    """The portal's own webhook address, served."""

    def __init__(self, app: Any, port: int) -> None:
        self.app, self.port = app, port
        with app.app_context():
            source = sources.of(portal.location().id)
            assert source is not None
            self.path, self.secret = f"/hooks/hoopai/{source.hook_token}", sources.secret(source)

    def requests(self, run: str, count: int) -> list[bytes]:
        """So many different signed deliveries."""
        bodies = [_body(run, number) for number in range(count)]
        return [
            load.request(self.path, body, x_wl_signature=signatures.sign(self.secret, body))
            for body in bodies
        ]

    def kept(self) -> int:
        """How many are in the database."""
        with self.app.app_context():
            return db.session.query(InboundEvent).count()


@contextmanager
def _hooks(url: str) -> Iterator[_Hooks]:
    program = valkey.binary()
    assert program, "no Valkey"
    with ExitStack() as stack:
        redis_url = stack.enter_context(valkey.valkey(program))
        settings = portal.settings_for(url, redis_url, "http://localhost:9")
        app = portal.ground_floor(settings)
        portal.make_tables(app)
        with app.app_context():
            demo.seed()
        port = stack.enter_context(_served("wsgi:app", portal.environment(settings)))
        yield _Hooks(app, port)
        portal.dispose(app)


@contextmanager
def _bare(url: str) -> Iterator[int]:
    engine = create_engine(url)
    with engine.begin() as line:
        kind = "BYTEA" if engine.dialect.name == "postgresql" else "BLOB"
        key = "SERIAL" if engine.dialect.name == "postgresql" else "INTEGER"
        line.exec_driver_sql(f"CREATE TABLE bodies (id {key} PRIMARY KEY, body {kind})")
    engine.dispose()
    with _served("tests.bench.bare:app", {"DATABASE_URL": url}) as port:
        yield port


@contextmanager
def _served(app: str, env: dict[str, str]) -> Iterator[int]:
    """Two workers of four threads, as `manage.py run` serves the portal."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", app, "--worker-class", "gthread", "--workers", "2", "--threads", "4",
               "--bind", f"127.0.0.1:{port}", "--no-control-socket", "--keep-alive", "30"]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "web.log"
        with running(command, log, {**env, "PYTHONPATH": os.getcwd()}):
            wait_for_web(port, "/readyz" if app.startswith("tests") else "/healthz")
            yield port
