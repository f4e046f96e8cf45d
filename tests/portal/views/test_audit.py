"""The audit trail: every decision in words, found again, exported, never changed."""

import csv
import re
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from machinery import ROOT
from portal.extensions import db
from portal.models import AuditEntry
from portal.services import audit_words, trail
from portal.services.unit import transaction
from tests.portal.conftest import BOTH
from tests.portal.views.browser import Browser
from tests.portal.views.conftest import VIEWER
from tests.support.portal import HARBOUR

HERE = f"/locations/{HARBOUR}/audit"


def test_decisions_are_found_by_person_kind_day_and_text(site: Flask, ana: Browser, viewer: Browser) -> None:
    ana.post(f"/locations/{HARBOUR}/settings/integrations/xero/pause")
    Browser(site).sign_in(VIEWER[0], "wrong-password")
    assert "Paused sending" in ana.get(HERE).text
    assert "Paused sending" in viewer.get(HERE).text
    assert "Paused sending" in ana.get("/audit?kind=connection&q=paused").text
    assert "Paused sending" not in ana.get("/audit?kind=people").text
    assert "Paused sending" not in ana.get(f"{HERE}?until=2026-01-01").text
    assert "A sign-in was refused" in ana.get("/audit?kind=sign-in").text
    assert viewer.get("/audit").status_code == 403


def test_the_file_holds_what_the_page_does_and_no_formula(site: Flask, ana: Browser) -> None:
    with site.app_context(), transaction() as session:
        for number in range(trail.SIZE + 5):
            session.add(
                AuditEntry(agency_id=1, location_id=1, action="mappings.save", detail=f"=cmd({number})")
            )
    page = ana.get(f"{HERE}?kind=mapping").text
    assert page.count("Saved the mapping") == trail.SIZE
    older = re.search(r'rel="next" href="([^"]+)"', page)
    assert older
    assert ana.get(older[1].replace("&amp;", "&")).text.count("Saved the mapping") == 5
    rows = list(csv.reader(ana.get(f"{HERE}.csv?kind=mapping").text.splitlines()))
    assert rows[0] == list(trail.HEAD)
    assert len(rows) == trail.SIZE + 6
    assert rows[1][-1] == f"'=cmd({trail.SIZE + 4})"
    assert rows[1][1] == "Australia/Sydney"


@pytest.mark.parametrize("database_url", BOTH, indirect=True)
def test_the_database_refuses_to_change_or_delete_an_entry(ground: Flask) -> None:
    assert db.session.scalar(text("SELECT count(*) FROM audit_entries"))
    for statement in ("UPDATE audit_entries SET detail = ''", "DELETE FROM audit_entries"):
        with pytest.raises(DatabaseError, match="append-only"):
            db.session.execute(text(statement))
        db.session.rollback()


def test_every_action_that_is_noted_has_words() -> None:
    noted = re.compile(r'"((?:[a-z_]+)\.(?:[a-z_]+))"')
    found = set()
    for path in sorted((ROOT / "portal/services").glob("*.py")):
        for call in re.findall(
            r"(?:audit\.note(?:_operator)?|_note)\((.*?)\)\n", Path(path).read_text(), re.S
        ):
            found |= set(noted.findall(call))
    assert len(found) > 40
    assert found <= set(audit_words.WORDS)
