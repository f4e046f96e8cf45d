"""Invoices from before the connection: listed, exported for Xero's import, and let in by an agency admin alone."""

import csv
import io
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
from flask import Flask
from sqlalchemy import select

from portal import clock
from portal.errors import ChooseAgain, NotAllowed
from portal.extensions import db
from portal.models import AuditEntry, Connection, MappingKind, PushState, Role
from portal.services import (
    agencies,
    connections,
    cutoff,
    demo,
    due,
    following,
    import_layout,
    mappings,
    users,
)
from portal.services.unit import release, transaction
from tests.portal.conftest import EITHER
from tests.portal.services import harness
from tests.support import portal
from tests.support.hoop import GST, line
from tests.support.xero import Xero


@pytest.fixture
def stage(ground: Flask, sandbox: str, xero: Xero) -> Iterator[harness.Stage]:
    """Harbour Studio, mapped, with a cut-off that every invoice of today is before."""
    with harness.staged(ground, sandbox, xero) as stage:
        stage.map_all()
        mappings.save(stage.location_id, stage.person.user, {(MappingKind.TAX, "none"): "EXEMPTOUTPUT"})
        _set_cut_off(stage, timedelta(days=2))
        yield stage


def _set_cut_off(stage: harness.Stage, ahead: timedelta) -> None:
    with transaction() as session:
        session.get_one(Connection, stage.connection_id).cut_off = clock.now() + ahead
    release()


def _carry(stage: harness.Stage) -> None:
    release()
    stage.carry()


def test_an_earlier_invoice_is_listed_with_its_reason_and_not_sent(stage: harness.Stage) -> None:
    stage.hoop.create(line("Workshop", "100"))
    stage.hoop.create(line("Workshop", "50"), live_mode=False)
    _carry(stage)
    page = cutoff.left_out(stage.location_id)
    assert [(invoice.total, reason) for invoice, reason in page.items] == [(Decimal(100), following.BEFORE)]
    assert cutoff.count(stage.location_id) == 1
    assert stage.invoices() == []


@pytest.mark.parametrize("database_url", EITHER, indirect=True)
def test_moving_the_cut_off_back_sends_them_with_customer_and_payment(stage: harness.Stage) -> None:
    hoop_id = stage.hoop.create(line("Workshop", "100"))["_id"]
    _carry(stage)
    stage.hoop.act(hoop_id, "pay", amount="40")
    _carry(stage)
    day = clock.now().date() - timedelta(days=1)
    seen = cutoff.preview(portal.location(), stage.person.user, day)
    assert (seen.invoices, seen.contacts, seen.payments, seen.money) == (1, 1, 1, {"AUD": Decimal(100)})

    sentence = cutoff.move_back(portal.location(), stage.person.user, day, expected=1)
    assert "1 invoice queued" in sentence
    cutoff.take_up(stage.connection_id)
    _carry(stage)
    assert [each["Total"] for each in stage.invoices()] == [100]
    assert [each["Amount"] for each in stage.payments()] == [40]
    assert cutoff.count(stage.location_id) == 0
    release()
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "connections.cut_off")).one()
    assert "1 invoice queued" in entry.detail
    assert "Cut-off moved back" in connections.events(stage.location_id)[0].what


def test_figures_that_changed_meanwhile_are_shown_again(stage: harness.Stage) -> None:
    stage.hoop.create(line("Workshop", "100"))
    _carry(stage)
    day = clock.now().date() - timedelta(days=1)
    with pytest.raises(ChooseAgain, match="it is 1 invoice now"):
        cutoff.move_back(portal.location(), stage.person.user, day, expected=0)
    assert cutoff.count(stage.location_id) == 1


def test_a_later_day_and_other_people_are_refused(stage: harness.Stage) -> None:
    later = clock.now().date() + timedelta(days=30)
    with pytest.raises(ChooseAgain, match="only be moved back"):
        cutoff.preview(portal.location(), stage.person.user, later)
    agency = agencies.named(demo.AGENCY)
    users.add(
        "acc@northlight.example",
        agency,
        Role.ACCOUNT_ADMIN,
        "account-long-enough",
        locations=[portal.location()],
    )
    key = users.sign_in("acc@northlight.example", "account-long-enough", "", "")
    session = users.session_for(key)
    assert session is not None
    with pytest.raises(NotAllowed, match="agency admin"):
        cutoff.preview(portal.location(), session.user, clock.now().date())


def test_what_was_stopped_in_the_middle_is_taken_up_by_the_ticker(
    stage: harness.Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        stage.hoop.create(line("Workshop", "100"))
    _carry(stage)
    monkeypatch.setattr(cutoff, "CHUNK", 1)
    _set_cut_off(stage, -timedelta(days=1))
    assert cutoff._take_some(stage.connection_id) == 1
    job = ("jobs.housekeeping.take_up", (stage.connection_id,))
    assert job in list(due.jobs(0))
    assert cutoff.take_up(stage.connection_id) == 2
    assert job not in list(due.jobs(0))
    assert stage.states()[str(PushState.QUEUED)] >= 3


def test_an_invoice_that_was_entered_from_the_file_is_not_made_a_second_time(stage: harness.Stage) -> None:
    stage.hoop.create(line("Workshop", "100", "1", GST))
    _carry(stage)
    (row,) = _rows()
    stage.xero.type_in(stage.tenant_id, "Invoices", _as_imported(row))
    day = clock.now().date() - timedelta(days=1)
    cutoff.move_back(portal.location(), stage.person.user, day, expected=1)
    cutoff.take_up(stage.connection_id)
    _carry(stage)
    assert len(stage.invoices()) == 1


def _rows() -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO("".join(import_layout.lines(portal.location())))))


def _as_imported(row: dict[str, str]) -> dict[str, object]:
    """What Xero's import makes of one row."""
    return {
        "Type": "ACCREC",
        "Contact": {"Name": row["*ContactName"]},
        "InvoiceNumber": row["*InvoiceNumber"],
        "Reference": row["Reference"],
        "Date": "-".join(reversed(row["*InvoiceDate"].split("/"))),
        "DueDate": "-".join(reversed(row["*DueDate"].split("/"))),
        "LineAmountTypes": "Exclusive",
        "Status": "AUTHORISED",
        "LineItems": [
            {
                "Description": row["*Description"],
                "Quantity": row["*Quantity"],
                "UnitAmount": row["*UnitAmount"],
                "AccountCode": row["*AccountCode"],
                "TaxType": "OUTPUT",
            }
        ],
    }


def test_the_file_has_xeros_own_columns_and_the_invoices_own_amounts(stage: harness.Stage) -> None:
    stage.hoop.create(line("Workshop", "100.10", "3", GST), line("Care plan", "20"))
    _carry(stage)
    first, second = _rows()
    assert tuple(first) == import_layout.COLUMNS
    assert (first["*ContactName"], first["Total"], first["Currency"]) == ("Lantern Foods", "350.33", "AUD")
    assert (first["*Quantity"], first["*UnitAmount"], first["TaxAmount"]) == ("3.00", "100.10", "30.03")
    assert (first["*AccountCode"], first["*TaxType"]) == ("200", "GST on Income")
    assert (second["*UnitAmount"], second["TaxAmount"], second["*TaxType"]) == (
        "20.00",
        "0.00",
        "GST Free Income",
    )
    assert first["Reference"].startswith("HoopAI ")


def test_a_formula_in_a_name_is_only_text_in_the_file(stage: harness.Stage) -> None:
    evil = {"name": "=HYPERLINK(1)", "companyName": '=cmd|"/c calc"!A1', "email": "+evil@example.com"}
    stage.hoop.create(line("@SUM(1+1)", "100"), line("-2+3", "5"), contact=evil)
    _carry(stage)
    for row in _rows():
        for column, value in row.items():
            assert not value.startswith(("=", "+", "-", "@")), (column, value)
    assert _rows()[0]["*ContactName"].startswith("'=")
