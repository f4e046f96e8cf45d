"""The long lists: filters, search, pages by cursor, files, and what they cost however long they are."""

import csv
import gzip
import io
import re
from datetime import date, timedelta
from decimal import Decimal

import pytest
from flask import Flask
from sqlalchemy import event, select

from portal import clock
from portal.extensions import db
from portal.models import Contact, Invoice, Link, Location, Payment, Push, PushState
from portal.services import charting
from portal.services.unit import release, transaction
from tests.portal.views import builders
from tests.portal.views.browser import Browser
from tests.portal.views.builders import Plan
from tests.support.portal import HARBOUR

BASE = f"/locations/{HARBOUR}"
LISTS = ("invoices", "payments", "sync-activity")
SCREENS = {
    "/": 6,
    f"{BASE}/invoices": 11,
    f"{BASE}/payments": 10,
    f"{BASE}/sync-activity": 11,
    f"{BASE}/invoices/inv5": 20,
    f"{BASE}/troubleshooting": 20,
}


def queries(site: Flask, browser: Browser, path: str) -> list[str]:
    """What is asked of the database for a page; the beginning of a transaction on SQLite is no question."""
    seen: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    with site.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    assert browser.get(path).status_code == 200
    event.remove(engine, "before_cursor_execute", note)
    return [each for each in seen if not each.startswith("BEGIN")]


def more(site: Flask, count: int) -> None:
    """So many more paid invoices, each of its own customer, of every state."""
    states = (PushState.SENT, PushState.QUEUED, PushState.BLOCKED, PushState.SKIPPED)
    with site.app_context():
        location_id = location(site)
        with transaction() as session:
            for n in range(count):
                person = Contact(location_id=location_id, hoop_id=f"more{n}", name=f"Person {n}")
                session.add(person)
                session.flush()
                plan = Plan(f"HS-9{n:03}", state=states[n % 4], paid=n % 2 == 0)
                builders._invoice(session, location_id, person, 1000 + n, plan)
        release()
        db.session.remove()


def location(site: Flask) -> int:
    with site.app_context():
        return db.session.scalars(select(Location.id).where(Location.hoop_id == HARBOUR)).one()


def rows(page: str) -> list[str]:
    """The rows of the first table, as text."""
    body = page.partition('class="chart-box"')[0].partition("<tbody>")[2].partition("</tbody>")[0]
    return [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in body.split("</tr>")[:-1]]


def numbers(page: str) -> list[str]:
    return [found for row in rows(page) for found in re.findall(r"HS-\d+", row)[:1]]


def test_a_list_asks_as_much_for_ten_rows_as_for_two_hundred(site: Flask, ana: Browser) -> None:
    few = {path: len(queries(site, ana, path)) for path in SCREENS}
    more(site, 200)
    many = {path: len(queries(site, ana, path)) for path in SCREENS}
    assert many == few
    assert {path: count for path, count in many.items() if count > SCREENS[path]} == {}


def test_pages_lead_to_everything_once_and_back(site: Flask, ana: Browser) -> None:
    more(site, 120)
    for name in LISTS:
        path, seen, pages = f"{BASE}/{name}", [], []
        while path:
            page = ana.get(path).text
            assert len(page) < 60_000
            seen += rows(page)
            pages.append(rows(page))
            older = re.search(r'rel="next"\s+href="([^"]+)"', page)
            newer = re.search(r'rel="prev"\s+href="([^"]+)"', page)
            path = older[1].replace("&amp;", "&") if older else ""
        assert newer is not None
        assert rows(ana.get(newer[1].replace("&amp;", "&")).text) == pages[-2]
        assert len(seen) == len(ana.get(f"{BASE}/{name}/export.csv").text.splitlines()) - 1
    assert ana.get(f"{BASE}/invoices?after=9999999999999999.1&before=x.y&from=2026-13-01").status_code == 200


def test_everything_is_found_by_number_digits_customer_amount_and_id(site: Flask, ana: Browser) -> None:
    with site.app_context(), transaction() as session:
        link = session.scalars(select(Link).where(Link.xero_number == "HS-1")).one()
        link.xero_id = "0d1b6a52-1111-4000-8000-00000000a0ff"
    found = {
        "hs-5": ["HS-5"],
        "0005": ["HS-5"],
        "hs-": [f"HS-{n}" for n in range(8, 0, -1)],
        "lantern": [f"HS-{n}" for n in range(8, 0, -1)],
        "1,304.00": ["HS-5"],
        "inv2": ["HS-3"],
        "0D1B6A52-1111-4000-8000-00000000A0FF": ["HS-1"],
        "nothing": [],
        "100%": [],
    }
    for text, expected in found.items():
        assert numbers(ana.get(f"{BASE}/invoices?q={text}").text) == expected, text
    assert numbers(ana.get(f"{BASE}/payments?q=hs-1").text) == ["HS-1"]
    activity = rows(ana.get(f"{BASE}/sync-activity?q=1300").text)
    assert sorted(row.split(" Lantern")[0].split("·")[1][6:].strip() for row in activity) == [
        "Invoice HS-1",
        "Payment for HS-1",
    ]


def test_states_kinds_and_days_filter(site: Flask, ana: Browser) -> None:
    day, later = date(2026, 11, 2), clock.now().date() + timedelta(days=2)
    assert numbers(ana.get(f"{BASE}/invoices?state=needs-you").text) == ["HS-7", "HS-6", "HS-5"]
    assert numbers(ana.get(f"{BASE}/invoices?state=waiting").text) == ["HS-4", "HS-3", "HS-2"]
    assert numbers(ana.get(f"{BASE}/invoices?state=sent").text) == ["HS-1"]
    assert numbers(ana.get(f"{BASE}/invoices?state=not-sent").text) == ["HS-8"]
    assert numbers(ana.get(f"{BASE}/invoices?to={day}").text) == []
    assert numbers(ana.get(f"{BASE}/payments?from=2026-11-12&to=2026-11-12").text) == ["HS-1"]
    assert numbers(ana.get(f"{BASE}/payments?state=needs-you").text) == []
    assert len(rows(ana.get(f"{BASE}/sync-activity?kind=payments").text)) == 1
    assert len(rows(ana.get(f"{BASE}/sync-activity?kind=invoices&state=sent-today").text)) == 1
    assert rows(ana.get(f"{BASE}/sync-activity?kind=reversals").text) == []
    assert rows(ana.get(f"{BASE}/sync-activity?from={later}").text) == []


def test_a_file_says_what_the_page_says_and_holds_no_formula(site: Flask, ana: Browser) -> None:
    with site.app_context(), transaction() as session:
        session.scalars(select(Contact)).one().company = "=HYPERLINK(1)"
    answer = ana.get(f"{BASE}/invoices/export.csv?state=needs-you")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="invoices-{HARBOUR}.csv"'
    lines = list(csv.DictReader(io.StringIO(answer.text.lstrip("\ufeff"))))
    assert [line["number"] for line in lines] == ["HS-7", "HS-6", "HS-5"]
    assert (
        lines[0] | {"customer": "'=HYPERLINK(1)", "total": "1306.00", "to Xero": "Blocked by lock date"}
        == lines[0]
    )
    assert "Harbour Studio" in ana.get("/locations.csv").text


def test_chosen_documents_are_sent_again_but_no_payment_twice(site: Flask, ana: Browser) -> None:
    with site.app_context():
        sent = [str(each) for each in db.session.scalars(select(Push.id).where(Push.state == PushState.SENT))]
    answer = ana.post(f"{BASE}/sync-activity/send-again?state=sent", {"push": sent})
    assert answer.headers["Location"].endswith("state=sent")
    assert "1 document sent again now." in ana.get(answer.headers["Location"]).text
    with site.app_context():
        wanted = db.session.scalars(select(Push).where(Push.operation == "update")).all()
        assert [(push.document, push.state) for push in wanted] == [("invoice", "queued")]
        assert db.session.query(Payment).count() == 1


def test_each_document_counts_on_the_day_of_its_last_change(site: Flask) -> None:
    with site.app_context():
        here = db.session.get_one(Location, location(site))
        with transaction() as session:
            old = session.scalars(select(Push).where(Push.state == PushState.BLOCKED)).first()
            assert old
            old.updated_at = clock.now() - timedelta(days=3)
        days = charting.days(db.session.merge(here))
        assert (days[-1].sent, days[-1].waiting, days[-1].failed, days[-4].failed) == (2, 3, 2, 1)
        assert sum(day.total for day in days) == 8


def test_the_overview_puts_first_who_needs_help_and_is_searched(site: Flask, ana: Browser) -> None:
    page = rows(ana.get("/").text)
    assert page[0].startswith("Harbour Studio")
    assert [row.split(" ")[0] for row in rows(ana.get("/?q=kauri").text)] == ["Kauri"]
    assert "No location fits" in ana.get("/?q=zzz").text
    assert "Kauri Fitness" in ana.get("/locations?q=kau", HX_Request="true").text


@pytest.mark.parametrize("total", [Decimal("1300.01"), Decimal(1300)])
def test_a_total_that_differs_in_xero_is_told_in_the_list(site: Flask, ana: Browser, total: Decimal) -> None:
    with site.app_context(), transaction() as session:
        session.scalars(select(Link).where(Link.xero_number == "HS-1")).one().xero_total = total
    sent = rows(ana.get(f"{BASE}/invoices?q=hs-1").text)[0]
    assert ("Sent, differs by 0.01" in sent) == (total != 1300)
    with site.app_context():
        assert db.session.scalars(select(Invoice.total).where(Invoice.number == "HS-1")).one() == 1300


def test_assets_come_packed_and_are_kept_while_they_are_the_same(ana: Browser) -> None:
    page = ana.get("/").text
    assets = re.findall(r'(?:href|src)="(/[^"]+\.(?:css|js|svg)\?v=[0-9a-f]{12})"', page)
    assert len(assets) == 5
    sizes = 0
    for each in assets:
        packed, whole = ana.get(each, Accept_Encoding="gzip"), ana.get(each)
        assert gzip.decompress(packed.data) == whole.data
        assert "immutable" in packed.headers["Cache-Control"]
        assert ana.get(each, Accept_Encoding="gzip", If_None_Match=packed.headers["ETag"]).status_code == 304
        sizes += len(packed.data)
    assert len(page) + sizes < 250_000
    assert "Content-Encoding" not in ana.get("/", Accept_Encoding="gzip").headers
