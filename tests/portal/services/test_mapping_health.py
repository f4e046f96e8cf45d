"""What happens in Xero to a chosen account is told before invoices fail of it."""

from collections.abc import Iterator

import pytest
from flask import Flask

from portal.models import MappingKind
from portal.services import checks, connections, health, mappings, organisations
from tests.portal.conftest import EITHER
from tests.portal.services.harness import Stage, staged
from tests.support import portal
from tests.support.hoop import GST, line
from tests.support.xero import Xero

pytestmark = pytest.mark.parametrize("database_url", EITHER, indirect=True)


@pytest.fixture
def stage(ground: Flask, sandbox: str, xero: Xero) -> Iterator[Stage]:
    with staged(ground, sandbox, xero) as made:
        made.map_all(**{"name:workshop": "260"})
        yield made


def events(stage: Stage) -> str:
    return " ".join(event.what for event in connections.events(stage.location_id, 10))


def test_all_is_well_at_first(stage: Stage) -> None:
    assert health.alarms(stage.location_id) == []


def test_a_renamed_account_is_followed_and_told(stage: Stage) -> None:
    stage.xero.change_account(stage.tenant_id, "260", Name="Workshops", Code="261")
    organisations.refresh(stage.connection_id)
    account = mappings.book(stage.location_id).account_for("name:workshop")
    assert account is not None
    assert account.label == "261 – Workshops"
    assert "260 – Other Revenue is called 261 – Workshops in Xero now; the mapping follows." in events(stage)
    assert health.alarms(stage.location_id) == []


def test_an_archived_account_is_told_with_what_depends_on_it_before_anything_fails(stage: Stage) -> None:
    connections.pause(stage.location_id, stage.person.user)
    stage.hoop.create(line("Workshop", "80", "1", GST))
    stage.hoop.create(line("Workshop", "80", "1", GST), send=False)
    stage.hoop.create(line("Care plan", "80", "1", GST))
    stage.carry()
    stage.xero.change_account(stage.tenant_id, "260", Status="ARCHIVED")
    organisations.refresh(stage.connection_id)
    (alarm,) = health.alarms(stage.location_id)
    assert alarm.sentence == "260 – Other Revenue was archived in Xero."
    assert (alarm.categories, alarm.drafts, alarm.invoices) == (1, 1, 1)
    assert alarm.depends == "1 category and 1 draft and 1 open invoice depend on it: Workshop."
    assert "260 – Other Revenue was archived in Xero. 1 choice depends on it." in events(stage)
    assert "blocked" not in stage.states()
    named = [check for check in checks.run(portal.location()) if check.name == "Accounts still in use"]
    assert [check.verdict for check in named] == [checks.Verdict.BAD]


def test_the_default_account_counts_the_categories_that_follow_it(stage: Stage) -> None:
    connections.pause(stage.location_id, stage.person.user)
    stage.hoop.create(line("Care plan", "80", "1", GST), line("Workshop", "1", "1", GST))
    stage.carry()
    stage.xero.change_account(stage.tenant_id, "200", Status="ARCHIVED")
    organisations.refresh(stage.connection_id)
    (alarm,) = health.alarms(stage.location_id)
    assert (alarm.categories, alarm.invoices, alarm.names) == (1, 1, ["Default revenue account"])


def test_a_payments_account_that_lost_its_flag_is_told(stage: Stage) -> None:
    mappings.save(stage.location_id, stage.person.user, {(MappingKind.PAYMENT, "default"): "856"})
    stage.xero.change_account(stage.tenant_id, "856", EnablePaymentsToAccount=False)
    organisations.refresh(stage.connection_id)
    assert [alarm.what for alarm in health.alarms(stage.location_id)] == ["no longer takes payments in Xero"]


def test_reading_the_same_books_again_tells_nothing(stage: Stage) -> None:
    before = events(stage)
    organisations.refresh(stage.connection_id)
    assert events(stage) == before
