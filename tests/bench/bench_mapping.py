"""`manage.py bench mapping`: Account Mapping with 2,000 categories × 300 accounts × 20,000 lines of 90 days.

Half of the categories have an account of their own.

Render time is that of the whole request inside the portal, without the network: p50 and p95 of 40 requests; CPU is
what the portal's own process worked for one of them.
MAPPING_INVOICES (default 10,000) sets how many invoices with two lines each there are.
"""

import os
import statistics
import tempfile
import time
from contextlib import ExitStack
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import event, insert, select

from portal import clock, create_app
from portal.extensions import db
from portal.models import Connection, Contact, Invoice, InvoiceStatus, Line, MappingKind
from portal.services import demo, mappings
from portal.services.unit import release, transaction
from tests.portal.views import builders
from tests.portal.views.browser import Browser
from tests.support import portal, postgres
from tests.support.portal import HARBOUR
from tests.support.valkey import binary, valkey

Row = dict[str, Any]
CATEGORIES, ACCOUNTS, TIMES = 2_000, 300, 40
INVOICES = int(os.environ.get("MAPPING_INVOICES", "10000"))
PAGE = f"/locations/{HARBOUR}/settings/integrations/xero/account-mapping"
PAGES = {
    "first page": PAGE,
    "page 20": f"{PAGE}?page=20",
    "search": f"{PAGE}?q=1234",
    "most used first": f"{PAGE}?sort=use",
    "one category": f"{PAGE}/category?key=name:c7",
}


def main() -> list[Row]:
    """A row for each page and database."""
    rows: list[Row] = []
    with ExitStack() as stack:
        program = binary()
        assert program, "no Valkey"
        redis = stack.enter_context(valkey(program))
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        rows += _on("SQLite", portal.sqlite_url(Path(folder)), redis)
        programs = postgres.programs()
        if programs:
            cluster = stack.enter_context(postgres.cluster(programs))
            rows += _on("PostgreSQL", cluster.url(cluster.create()), redis)
    return rows


def _on(name: str, url: str, redis: str) -> list[Row]:
    app = create_app(portal.settings_for(url, redis, "http://localhost:1"))
    portal.make_tables(app)
    with app.app_context():
        demo.seed()
        _fill()
        db.session.remove()
    browser = Browser(app)
    browser.sign_in(demo.EMAIL, demo.PASSWORD)
    rows = [{"database": name, "page": page, **_measured(app, browser, path)} for page, path in PAGES.items()]
    portal.dispose(app)
    return rows


def _measured(app: Flask, browser: Browser, path: str) -> Row:
    took, worked, said = [], [], []
    with app.app_context():
        engine = db.engine
    heard = lambda *_: said.append(1)  # noqa: E731
    answer = browser.get(path)
    assert answer.status_code == 200
    event.listen(engine, "before_cursor_execute", heard)
    for _ in range(TIMES):
        began, before = time.perf_counter(), time.process_time()
        browser.get(path)
        took.append((time.perf_counter() - began) * 1000)
        worked.append((time.process_time() - before) * 1000)
    event.remove(engine, "before_cursor_execute", heard)
    cuts = statistics.quantiles(took, n=20)
    return {
        "p50 ms": round(statistics.median(took), 1),
        "p95 ms": round(cuts[18], 1),
        "CPU p50 ms": round(statistics.median(worked), 1),
        "queries": len(said) // TIMES,
        "kB": round(len(answer.data) / 1000, 1),
    }


def _fill() -> None:
    location_id = builders.connect(HARBOUR)
    with transaction() as session:
        connection_id = session.scalars(select(Connection.id)).one()
        for n in range(ACCOUNTS):
            session.add(builders.account(connection_id, f"many-{n}", f"5{n:03}", f"Account {n}"))
        names = {f"name:c{n}": f"Category {n:04}" for n in range(CATEGORIES)}
        mappings.learn(session, location_id, names, {})
        for n in range(0, CATEGORIES, 2):
            account_id = f"many-{n % ACCOUNTS}"
            builders.choose(session, location_id, MappingKind.CATEGORY, f"name:c{n}", account_id=account_id)
        contact = Contact(location_id=location_id, hoop_id="con1", name="Mo Reyes")
        session.add(contact)
        session.flush()
        session.execute(insert(Invoice), [_invoice(location_id, contact.id, n) for n in range(INVOICES)])
        ids = session.scalars(select(Invoice.id).order_by(Invoice.id)).all()
        session.execute(
            insert(Line), [_line(each, n, place) for n, each in enumerate(ids) for place in (0, 1)]
        )
    release()


def _invoice(location_id: int, contact_id: int, n: int) -> Row:
    now = clock.now()
    return {
        "location_id": location_id, "hoop_id": f"inv{n}", "contact_id": contact_id, "number": f"HS-{n}",
        "status": InvoiceStatus.SENT, "live_mode": True, "currency": "AUD", "total": Decimal(100),
        "amount_paid": Decimal(0), "amount_due": Decimal(100), "created_at": now - timedelta(days=n % 90),
        "updated_at": now, "content_hash": "h",
    }  # fmt: skip


def _line(invoice_id: int, n: int, place: int) -> Row:
    return {
        "invoice_id": invoice_id, "position": place, "name": "Line", "quantity": Decimal(1),
        "unit_amount": Decimal("49.95"), "category_key": f"name:c{(n * 2 + place) % CATEGORIES}", "taxes": [],
        "tax_key": "none",
    }  # fmt: skip
