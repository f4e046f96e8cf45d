"""Tracking categories: chosen per HoopAI category, carried on every line, kept when Xero has its own, watched."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from portal.errors import ChooseAgain
from portal.models import MappingKind, PushState
from portal.services import (
    connections,
    health,
    mapping_csv,
    mapping_history,
    mappings,
    organisations,
    recoding,
    tracking,
)
from portal.services.mapping_book import MappingBook
from tests.portal.conftest import EITHER
from tests.portal.services.harness import Stage, staged
from tests.support.hoop import GST, line
from tests.support.xero import Xero

pytestmark = pytest.mark.parametrize("database_url", EITHER, indirect=True)


@pytest.fixture
def stage(ground: Flask, sandbox: str, xero: Xero) -> Iterator[Stage]:
    with staged(ground, sandbox, xero) as made:
        made.map_all()
        yield made


def book(stage: Stage) -> MappingBook:
    return mappings.book(stage.location_id)


def target(stage: Stage, name: str, category: str = "default") -> tuple[MappingKind, str]:
    group = next(each for each in book(stage).trackings if each.name == name)
    return MappingKind.TRACKING, tracking.key_of(group.tracking_id, category)


def choose(stage: Stage, **options: str) -> mappings.Saved:
    """`Studio="Sydney"` for all, `Studio__name_workshop="Newcastle"` for one category."""
    wanted = {}
    for word, option in options.items():
        name, _, key = word.partition("__")
        wanted[target(stage, name, key.replace("_", ":", 1) or "default")] = option
    return mappings.save(stage.location_id, stage.person.user, wanted)


def tracked(rows: list[dict[str, Any]]) -> list[list[str]]:
    return [[one["Option"] for one in row["Tracking"]] for row in rows]


def test_each_line_carries_its_options_and_keeps_them_through_a_change(stage: Stage) -> None:
    choose(
        stage,
        Studio="Sydney",
        Team="Care",
        Studio__name_workshop="Newcastle",
        Team__name_workshop="no option",
    )
    made = stage.hoop.create(line("Care plan", "150", "1", GST), line("Workshop", "80", "1", GST))
    stage.carry()
    (held,) = stage.invoices()
    assert tracked(held["LineItems"]) == [["Sydney", "Care"], ["Newcastle"]]
    stage.hoop.act(
        made["_id"], "edit", lines=[line("Care plan", "150", "2", GST), line("Talk", "5", "1", GST)]
    )
    stage.carry()
    stage.carry()
    assert tracked(stage.invoices()[0]["LineItems"]) == [["Sydney", "Care"], ["Sydney", "Care"]]


def test_what_the_bookkeeper_tracks_stays_through_changes_and_re_coding(stage: Stage) -> None:
    choose(stage, Studio="Sydney")
    made = stage.hoop.create(line("Care plan", "150", "1", GST))
    stage.carry()
    (held,) = stage.invoices()
    newcastle = next(each for each in book(stage).options.values() if each.name == "Newcastle")
    lines = [
        row | {"Tracking": [{"Name": "Studio", "Option": "Newcastle", "TrackingCategoryID": newcastle.tracking_id,
                             "TrackingOptionID": newcastle.option_id}]}
        for row in held["LineItems"]
    ]  # fmt: skip
    stage.xero.change_invoice(stage.tenant_id, held["InvoiceID"], LineItems=lines)
    stage.hoop.act(made["_id"], "edit", lines=[line("Care plan", "175", "1", GST)])
    stage.carry()
    stage.carry()
    assert tracked(stage.invoices()[0]["LineItems"]) == [["Newcastle"]]
    stage.hoop.act(made["_id"], "pay")
    stage.carry()
    saved = stage.map_all(account="260")
    recoding.start(stage.location_id, stage.person.user, saved.save_id or 0)
    stage.carry()
    (held,) = stage.invoices()
    assert (tracked(held["LineItems"]), held["LineItems"][0]["AccountCode"]) == ([["Newcastle"]], "260")


def test_a_renamed_option_is_followed_and_an_archived_one_warns_then_stops_until_another_is_chosen(
    stage: Stage,
) -> None:
    choose(stage, Studio="Sydney", Team="Care")
    stage.xero.change_tracking(stage.tenant_id, "Sydney", Name="Sydney Harbour")
    organisations.refresh(stage.connection_id)
    assert health.alarms(stage.location_id) == []
    stage.xero.change_tracking(stage.tenant_id, "Sydney Harbour", Status="ARCHIVED")
    organisations.refresh(stage.connection_id)
    (alarm,) = health.alarms(stage.location_id)
    assert alarm.sentence == "Studio: Sydney Harbour was archived in Xero."
    told = " ".join(event.what for event in connections.events(stage.location_id, 10))
    assert "Studio: Sydney is called Studio: Sydney Harbour in Xero now; the mapping follows." in told
    assert "Studio: Sydney Harbour was archived in Xero. 1 choice depends on it." in told
    stage.hoop.create(line("Care plan", "150", "1", GST))
    stage.carry()
    (push,) = stage.pushes("invoice")
    assert (push.state, (push.cause or "").partition(":")[0], stage.invoices()) == (
        PushState.BLOCKED,
        "tracking",
        [],
    )
    assert choose(stage, Studio="").freed == 1
    stage.carry()
    assert tracked(stage.invoices()[0]["LineItems"]) == [["Care"]]


def test_a_whole_tracking_category_that_was_archived_is_told(stage: Stage) -> None:
    choose(stage, Team="Care")
    stage.xero.change_tracking(stage.tenant_id, "Team", Status="ARCHIVED")
    organisations.refresh(stage.connection_id)
    assert [alarm.sentence for alarm in health.alarms(stage.location_id)] == [
        "Team: Care was archived in Xero."
    ]
    assert [each.active for each in book(stage).trackings] == [True, False]


def test_history_and_csv_know_it_and_a_wrong_option_is_refused(stage: Stage) -> None:
    saved = choose(stage, Studio="Sydney", Studio__name_workshop="Newcastle")
    text = mapping_csv.export(stage.location_id)
    assert "Studio for all other categories,Sydney,Studio: Sydney" in text
    assert "Studio for Workshop,Newcastle,Studio: Newcastle" in text
    assert mapping_csv.read(stage.location_id, text).wrong == []
    found = mapping_history.one(stage.location_id, saved.save_id or 0)
    assert {(each.name, each.to_label) for each in found.changes} == {
        ("Studio for all other categories", "Studio: Sydney"),
        ("Studio for Workshop", "Studio: Newcastle"),
    }
    mappings.save(stage.location_id, stage.person.user, mapping_history.before(found), how="restore")
    assert not [kind for kind, _ in book(stage).chosen if kind == MappingKind.TRACKING]
    with pytest.raises(ChooseAgain):
        choose(stage, Studio="Old Wharf (closed)")
    with pytest.raises(ChooseAgain):
        choose(stage, Studio="Care")
