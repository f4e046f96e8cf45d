"""Catching up by itself at night, and the settings that it and everything else go by."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import time_machine
from flask import Flask

from portal.errors import ChooseAgain
from portal.extensions import db
from portal.models import AuditEntry, LocationSetting
from portal.services import catching_up, due, hoop_reader, preferences
from portal.services.preferences import Preferences, SendFrom
from portal.services.unit import release
from tests.portal.services.harness import Stage, staged
from tests.support.xero import Xero

AFTERNOON, NIGHT = datetime(2027, 1, 12, 4, tzinfo=UTC), datetime(2027, 1, 12, 16, 30, tzinfo=UTC)
"""In Sydney: three in the afternoon, and half past three the next night."""


@pytest.fixture
def stage(ground: Flask, sandbox: str, xero: Xero) -> Iterator[Stage]:
    with staged(ground, sandbox, xero) as made:
        yield made


def test_it_begins_once_in_the_locations_own_night(stage: Stage) -> None:
    hoop_reader.save_token(stage.location_id, stage.person.user, stage.hoop.token())
    with time_machine.travel(AFTERNOON):
        assert catching_up.start_nightly() == []
    with time_machine.travel(NIGHT):
        assert catching_up.start_nightly() == [stage.location_id]
        assert ("jobs.sources.catch_up", (stage.location_id,)) in list(due.jobs(1))
        assert catching_up.go_on(stage.location_id)
        assert catching_up.start_nightly() == []


def test_without_a_token_there_is_nothing_to_begin(stage: Stage) -> None:
    with time_machine.travel(NIGHT):
        assert catching_up.start_nightly() == []
    with pytest.raises(ChooseAgain, match="without an API token"):
        catching_up.start(stage.location_id, stage.person.user)


def test_two_who_press_at_once_start_one(stage: Stage) -> None:
    hoop_reader.save_token(stage.location_id, stage.person.user, stage.hoop.token())
    first = catching_up.start(stage.location_id, stage.person.user)
    assert catching_up.start(stage.location_id, stage.person.user) == first


def test_settings_differ_from_their_defaults_only_where_somebody_set_them(stage: Stage) -> None:
    user = stage.person.user
    assert preferences.of(db.session(), stage.location_id) == Preferences()
    release()
    preferences.save(stage.location_id, user, {"send_from": "paid", "methods_left_out": ["manual", "manual"]})
    after = preferences.of(db.session(), stage.location_id)
    assert (after.send_from, after.methods_left_out) == (SendFrom.PAID, ("manual",))
    assert (after.leaves_out("manual:cash"), after.leaves_out("stripe")) == (True, False)
    release()
    preferences.save(stage.location_id, user, {"send_from": SendFrom.DRAFT, "methods_left_out": []})
    assert db.session.query(LocationSetting).count() == 0
    notes = [each.detail for each in db.session.query(AuditEntry).filter_by(action="preferences.save")]
    assert notes[0].startswith('send_from: "draft" → "paid"; methods_left_out: [] → ["manual"]')


@pytest.mark.parametrize("wrong", [{"send_from": "never"}, {"for_approval": "yes"}, {"unheard_of": 1},
                                   {"methods_left_out": "manual"}, {"collection_order": [""]}])  # fmt: skip
def test_a_setting_that_makes_no_sense_is_refused_and_nothing_is_kept(
    stage: Stage, wrong: dict[str, object]
) -> None:
    with pytest.raises(ChooseAgain):
        preferences.save(stage.location_id, stage.person.user, {"for_approval": True, **wrong})
    assert db.session.query(LocationSetting).count() == 0
