"""What is kept how long."""

from datetime import timedelta

import time_machine
from flask import Flask

from portal import clock
from portal.extensions import db
from portal.models import EventState, InboundEvent, Session
from portal.services import retention, sources
from portal.services.unit import transaction
from tests.support import portal


def event(name: str, state: EventState) -> InboundEvent:
    source = sources.of(portal.location().id)
    assert source is not None
    return InboundEvent(
        source_id=source.id, location_id=source.location_id, dedupe=name, body=b"{}", state=state
    )  # fmt: skip


def test_old_deliveries_go_young_and_unapplied_ones_stay_and_it_runs_once_a_day(ground: Flask) -> None:
    portal.ana()
    with transaction() as session:
        session.add(event("applied", EventState.APPLIED))
        session.add(event("waiting", EventState.RECEIVED))
    assert retention.due()
    assert retention.forget() == 0
    assert not retention.due()
    with time_machine.travel(clock.now() + timedelta(days=401), tick=True):
        with transaction() as session:
            session.add(event("young", EventState.APPLIED))
        assert retention.due()
        assert retention.forget() == 2, "one delivery and one session that has run out"
        assert retention.forget() == 0
    assert {each.dedupe for each in db.session.query(InboundEvent)} == {"waiting", "young"}
    assert db.session.query(Session).count() == 0
