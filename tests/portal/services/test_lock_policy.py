"""Locked periods and used-up approvals: asked about, moved to the first open day, or sent as drafts; always said."""

from collections.abc import Iterator

import pytest
from flask import Flask

from portal.models import PushState
from portal.services import organisations, sync_options
from tests.portal.conftest import EITHER
from tests.portal.services.harness import Stage, staged
from tests.support.hoop import GST, line
from tests.support.xero import Xero

pytestmark = pytest.mark.parametrize("database_url", EITHER, indirect=True)
OLD = "2026-06-15"


@pytest.fixture
def stage(ground: Flask, sandbox: str, xero: Xero) -> Iterator[Stage]:
    with staged(ground, sandbox, xero) as made:
        made.map_all()
        made.xero.change(made.tenant_id, period_lock_date="2026-06-30")
        organisations.refresh(made.connection_id)
        yield made


def choose(stage: Stage, **typed: str) -> None:
    sync_options.save(stage.location_id, stage.person.user, {"update_contacts": "yes", **typed})


def bill(stage: Stage, date: str = OLD) -> str:
    return str(stage.hoop.create(line("Care plan", "150", "1", GST), issue_date=date)["_id"])


def said(stage: Stage, document: str = "invoice") -> list[tuple[PushState, str | None]]:
    return [(push.state, push.message) for push in stage.pushes(document)]


def facts(stage: Stage) -> list[tuple[str, str]]:
    return [(str(each["Date"])[:10], each["Status"]) for each in stage.invoices()]


def test_at_first_it_stops_and_asks(stage: Stage) -> None:
    bill(stage)
    stage.carry()
    assert stage.invoices() == []
    assert [state for state, _ in said(stage)] == [PushState.BLOCKED]


def test_the_first_open_day_frees_what_waited_and_is_said(stage: Stage) -> None:
    made = bill(stage)
    stage.carry()
    choose(stage, lock_policy="first_open")
    stage.carry()
    assert facts(stage) == [("2026-07-01", "AUTHORISED")]
    assert "Dated 1 July 2026 in Xero instead of 15 June 2026" in str(said(stage)[0][1])
    stage.hoop.act(made, "edit", lines=[line("Care plan", "170", "1", GST)])
    stage.carry()
    stage.carry()
    assert facts(stage) == [("2026-07-01", "AUTHORISED")]
    assert stage.invoices()[0]["SubTotal"] == 170


def test_a_draft_on_the_first_open_day(stage: Stage) -> None:
    choose(stage, lock_policy="draft")
    bill(stage)
    stage.carry()
    assert facts(stage) == [("2026-07-01", "DRAFT")]
    assert str(said(stage)[0][1]).startswith("Sent as a draft. Dated 1 July 2026")


def test_what_is_not_locked_keeps_its_day(stage: Stage) -> None:
    choose(stage, lock_policy="draft")
    bill(stage, "2026-08-20")
    stage.carry()
    assert facts(stage) == [("2026-08-20", "AUTHORISED")]
    assert said(stage) == [(PushState.SENT, None)]


def test_the_plans_limit_is_met_once_and_then_known_before_any_call(stage: Stage) -> None:
    stage.xero.change(stage.tenant_id, approval_limit=1)
    for _ in range(2):
        bill(stage, "2026-08-20")
    stage.carry()
    asked = len(stage.xero.calls("Invoices"))
    bill(stage, "2026-08-20")
    stage.carry()
    assert len(stage.xero.calls("Invoices")) == asked
    stopped = [text for state, text in said(stage) if state == PushState.BLOCKED]
    assert len(stopped) == 2
    assert "approves no more invoices this month" in str(stopped[0])
    choose(stage, drafts_at_limit="yes")
    stage.carry()
    assert sorted(status for _, status in facts(stage)) == ["AUTHORISED", "DRAFT", "DRAFT"]
    assert "Sent as a draft" in str(said(stage)[-1][1])
