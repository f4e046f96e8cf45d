"""A difference of rounding is foretold, balanced by a labelled line where that is switched on, and never hidden."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from flask import Flask

from portal.errors import ChooseAgain
from portal.models import MappingKind, PushState
from portal.services import health, mapping_csv, mappings, organisations, recoding, stories
from tests.portal.conftest import EITHER
from tests.portal.services.harness import Stage, staged
from tests.support import portal
from tests.support.hoop import GST, line
from tests.support.xero import Xero

pytestmark = pytest.mark.parametrize("database_url", EITHER, indirect=True)
ROUNDING = (MappingKind.ROUNDING, "account")
CENT = Decimal("0.01")


@pytest.fixture
def stage(ground: Flask, sandbox: str, xero: Xero) -> Iterator[Stage]:
    with staged(ground, sandbox, xero) as made:
        made.map_all()
        yield made


def switch_on(stage: Stage, account: str = "860") -> mappings.Saved:
    return mappings.save(stage.location_id, stage.person.user, {ROUNDING: account})


def bill(stage: Stage) -> str:
    """Three lines of 10.05: HoopAI taxes the sum (3.02), Xero each line (3 × 1.01)."""
    return str(stage.hoop.create(*[line("Care plan", "10.05", "1", GST)] * 3)["_id"])


def said(stage: Stage) -> str:
    return " | ".join(push.message or "" for push in stage.pushes("invoice"))


def test_without_an_account_it_is_sent_and_told(stage: Stage) -> None:
    made = bill(stage)
    stage.carry()
    (held,) = stage.invoices()
    assert (held["Total"], len(held["LineItems"])) == (Decimal("33.18"), 3)
    assert said(stage) == "Sent, differs by 0.01: Xero's total is 33.18, HoopAI's 33.17."
    told = stories.story(portal.location(), made)
    assert told.total_differs
    assert "differs by 0.01" in " ".join(moment.title for moment in told.timeline)


def test_a_labelled_line_makes_the_totals_the_same_and_the_payment_fits(stage: Stage) -> None:
    switch_on(stage)
    assert mappings.book(stage.location_id).rounding_account.code == "860"  # type: ignore[union-attr]
    made = bill(stage)
    stage.carry()
    stage.hoop.act(made, "pay")
    stage.carry()
    (held,) = stage.invoices()
    extra = held["LineItems"][-1]
    assert (held["Total"], held["Status"]) == (Decimal("33.17"), "PAID")
    assert (extra["Description"], extra["UnitAmount"], extra["AccountCode"]) == (
        "Rounding difference",
        -CENT,
        "860",
    )
    assert extra["TaxAmount"] == 0
    assert said(stage) == "A rounding line of -0.01 makes Xero's total HoopAI's 33.17."


def test_it_stays_with_changes_and_re_coding(stage: Stage) -> None:
    switch_on(stage)
    made = bill(stage)
    stage.carry()
    stage.hoop.act(
        made, "edit", lines=[*[line("Care plan", "10.05", "1", GST)] * 3, line("Talk", "5", "1", GST)]
    )
    stage.carry()
    stage.carry()
    (held,) = stage.invoices()
    names = [each["Description"] for each in held["LineItems"]]
    assert names == ["Care plan"] * 3 + ["Talk", "Rounding difference"]
    saved = stage.map_all(account="260")
    recoding.start(stage.location_id, stage.person.user, saved.save_id or 0)
    stage.carry()
    (held,) = stage.invoices()
    assert [each["AccountCode"] for each in held["LineItems"]] == ["260"] * 4 + ["860"]


def test_an_invoice_that_agrees_has_no_such_line(stage: Stage) -> None:
    switch_on(stage)
    stage.hoop.create(line("Care plan", "150", "1", GST))
    stage.carry()
    assert len(stage.invoices()[0]["LineItems"]) == 1
    assert said(stage) == ""


def test_an_archived_account_warns_and_stops_only_what_needs_it(stage: Stage) -> None:
    switch_on(stage, "420")
    stage.xero.change_account(stage.tenant_id, "420", Status="ARCHIVED")
    organisations.refresh(stage.connection_id)
    assert [alarm.what for alarm in health.alarms(stage.location_id)] == ["was archived in Xero"]
    stage.hoop.create(line("Care plan", "150", "1", GST))
    bill(stage)
    stage.carry()
    states = sorted(push.state for push in stage.pushes("invoice"))
    assert states == [PushState.BLOCKED, PushState.SENT]
    assert "chosen for rounding differences, cannot take them any more" in said(stage)
    assert switch_on(stage).freed == 1
    stage.carry()
    assert len(stage.invoices()) == 2


def test_only_an_account_that_xero_would_take_it_on_can_be_chosen(stage: Stage) -> None:
    with pytest.raises(ChooseAgain) as refused:
        switch_on(stage, "090")
    assert "cannot take rounding lines" in refused.value.fields["rounding:account"]
    switch_on(stage)
    assert "rounding,account,Account for rounding differences,860,860 – Rounding" in mapping_csv.export(
        stage.location_id
    )
