"""`manage.py bench pages`: each page with 100 locations and 1,000,000 invoices (SQLite: 200,000).

A fifth of them is in the location that is looked at.

Times are those of the whole request inside the portal, without the network; `cpu ms` is what the web process and
PostgreSQL's worked for it, whatever else the machine did meanwhile; `first load` is what a browser transfers.
PAGES_INVOICES sets another number for both databases.
"""

import gzip
import os
import re
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import event, select, text

from portal import create_app, memory
from portal.extensions import db
from portal.models import Document, Link
from portal.services import demo
from tests.bench import crowd
from tests.portal.views.browser import Browser
from tests.support import portal, postgres
from tests.support.portal import HARBOUR
from tests.support.valkey import binary, valkey

Row = dict[str, Any]
MANY, FEWER, TIMES = 1_000_000, 200_000, 30
PAGES = {
    "overview": "/",
    "overview, searched": "/?q=location+07",
    "integrations": "settings/integrations",
    "xero panel": "settings/integrations/xero",
    "account mapping": "settings/integrations/xero/account-mapping",
    "hoopai": "settings/integrations/hoopai",
    "cut-off": "settings/integrations/xero/cut-off",
    "invoices": "invoices",
    "invoices, page 2": "invoices>",
    "invoices, needs you": "invoices?state=needs-you",
    "invoices, on their way": "invoices?state=waiting",
    "invoices, sent": "invoices?state=sent",
    "invoices, not sent": "invoices?state=not-sent",
    "invoices, a month": "invoices?from=2026-01-01&to=2026-01-31",
    "invoices, by number": "invoices?q=hs-{number}",
    "invoices, by its digits": "invoices?q={number}",
    "invoices, by prefix": "invoices?q=hs-",
    "invoices, by customer": "invoices?q=person+12",
    "invoices, by amount": "invoices?q=250.10",
    "invoices, by Xero id": "invoices?q={xero_id}",
    "invoice": "invoices/{hoop_id}",
    "payments": "payments",
    "payments, page 2": "payments>",
    "payments, by customer": "payments?q=person+12",
    "sync activity": "sync-activity",
    "sync activity, page 2": "sync-activity>",
    "sync activity, waiting": "sync-activity?state=waiting",
    "sync activity, needs you": "sync-activity?state=needs-you",
    "sync activity, sent today": "sync-activity?state=sent-today",
    "sync activity, not sent": "sync-activity?state=not-sent",
    "sync activity, contacts": "sync-activity?kind=contacts",
    "sync activity, reversals": "sync-activity?kind=reversals",
    "sync activity, by number": "sync-activity?q=hs-{number}",
    "sync activity, by prefix": "sync-activity?q=hs-",
    "sync activity, by amount": "sync-activity?q=250.10",
    "sync activity, by customer": "sync-activity?q=person+12",
    "troubleshooting": "troubleshooting",
}
NEXT = re.compile(r'rel="next"\s+href="([^"]+)"')
ASSET = re.compile(r'(?:href|src)="(/[^"]+\.(?:css|js|svg)[^"]*)"')


def main() -> list[Row]:
    """A row for each page and database."""
    wanted = int(os.environ.get("PAGES_INVOICES", "0"))
    rows: list[Row] = []
    with ExitStack() as stack:
        program = binary()
        assert program, "no Valkey"
        redis = stack.enter_context(valkey(program))
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        programs = postgres.programs()
        if programs:
            cluster = stack.enter_context(postgres.cluster(programs))
            rows += _on("PostgreSQL", cluster.url(cluster.create()), redis, wanted or MANY)
        rows += _on("SQLite", portal.sqlite_url(Path(folder)), redis, wanted or FEWER)
    return rows


def build(url: str, redis: str, invoices: int) -> Flask:
    """A portal over an empty database, filled."""
    app = create_app(portal.settings_for(url, redis, "http://localhost:1"))
    portal.make_tables(app)
    with app.app_context():
        demo.seed()
        crowd.connect_all()
        db.session.remove()
        crowd.fill(db.engine, invoices)
    memory.settle()
    return app


def measured(app: Flask) -> Iterator[Row]:
    """Every page once to warm up and then many times."""
    browser = Browser(app)
    browser.sign_in(demo.EMAIL, demo.PASSWORD)
    for name, path in PAGES.items():
        yield {"page": name, **_page(app, browser, _address(app, browser, path))}
    yield _first_load(browser)


def _on(name: str, url: str, redis: str, invoices: int) -> list[Row]:
    began = time.monotonic()
    app = build(url, redis, invoices)
    built = {"database": name, "page": f"({invoices:,} invoices made in {time.monotonic() - began:.0f} s)"}
    rows = [built, *({"database": name, **row} for row in measured(app))]
    portal.dispose(app)
    return rows


def _address(app: Flask, browser: Browser, path: str) -> str:
    with app.app_context():
        wanted = select(Link).where(Link.location_id == 1, Link.document == Document.INVOICE)
        link = db.session.scalars(wanted.order_by(Link.id.desc()).limit(1)).one()
        number = link.document_id
        filled = path.format(number=number, hoop_id=f"inv{number}", xero_id=link.xero_id)
    full = filled if filled.startswith("/") else f"/locations/{HARBOUR}/{filled}"
    if not full.endswith(">"):
        return full
    following = NEXT.search(browser.get(full[:-1]).text)
    return following[1].replace("&amp;", "&") if following else full[:-1]


def _page(app: Flask, browser: Browser, path: str) -> Row:
    took, said = [], []
    with app.app_context():
        engine = db.engine
        backend = _backend()
    heard = lambda *_: said.append(1)  # noqa: E731
    answer = browser.get(path)
    assert answer.status_code == 200, f"{path}: {answer.status_code}"
    browser.get(path)
    worked, there = time.process_time(), _worked(backend)
    event.listen(engine, "before_cursor_execute", heard)
    for _ in range(TIMES):
        began = time.perf_counter()
        browser.get(path)
        took.append((time.perf_counter() - began) * 1000)
    event.remove(engine, "before_cursor_execute", heard)
    own = time.process_time() - worked + _worked(backend) - there
    return {
        "median ms": round(statistics.median(took), 1),
        "p95 ms": round(statistics.quantiles(took, n=20)[18], 1),
        "cpu ms": round(own * 1000 / TIMES, 1),
        "queries": len(said) // TIMES,
        "kB": round(len(answer.data) / 1000, 1),
        "kB gzip": round(len(gzip.compress(answer.data)) / 1000, 1),
    }


def _backend() -> int | None:
    """The process of PostgreSQL that serves us; this program asks with one thread only."""
    if db.engine.dialect.name != "postgresql":
        return None
    found: int | None = db.session.scalar(text("SELECT pg_backend_pid()"))
    db.session.remove()
    return found


def _worked(process: int | None) -> float:
    """The seconds that a process of this machine has worked."""
    path = Path(f"/proc/{process}/stat")
    if process is None or not path.exists():
        return 0.0
    ticks = path.read_text().rpartition(")")[2].split()
    return (int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK")


def _first_load(browser: Browser) -> Row:
    """The overview and everything it names, each as a browser gets it."""
    page = browser.get("/")
    assets = sorted(set(ASSET.findall(page.text)))
    sizes = [len(browser.get(each, Accept_Encoding="gzip").data) for each in assets]
    whole = [len(browser.get(each).data) for each in assets]
    return {
        "page": f"first load: the page and {len(assets)} assets",
        "kB": round((len(page.data) + sum(whole)) / 1000, 1),
        "kB gzip": round((len(gzip.compress(page.data)) + sum(sizes)) / 1000, 1),
    }
