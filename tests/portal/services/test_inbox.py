"""Deliveries that come in at once share a commit, and each hears how its own went."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, current_app
from sqlalchemy import event, func, select
from sqlalchemy.exc import IntegrityError, OperationalError

from portal import clock
from portal.extensions import db
from portal.models import EventState, InboundEvent, Source
from portal.services import inbox, sources
from portal.services.listening import Listener, listener
from portal.services.unit import release
from tests.portal.conftest import EITHER
from tests.support.servers import wait_until

pytestmark = pytest.mark.parametrize("database_url", EITHER, indirect=True)


@pytest.fixture
def ear(ground: Flask) -> Iterator[Listener]:
    """Who listens for the first location."""
    source = sources.of(1)
    assert source is not None
    found = listener(source.hook_token)
    release()
    assert found is not None
    yield found
    inbox._trays.clear()


def _row(ear: Listener, name: str, **other: Any) -> dict[str, Any]:
    return {
        "source_id": ear.source_id, "location_id": ear.location_id, "dedupe": name, "received_at": clock.now(),
        "event": "InvoiceSent", "shape": "flat", "hoop_id": "inv1", "body": b"{}", "state": EventState.RECEIVED,
        "reason": None,
    } | other  # fmt: skip


def _at_once(ear: Listener, rows: list[dict[str, Any]]) -> tuple[list[object], int]:
    """Store the rows from a thread each while the disk is busy; what each heard, and how many commits it took."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    heard: list[object] = [None] * len(rows)
    commits: list[object] = []
    tray = inbox._trays.setdefault(str(db.engine.url), inbox._Tray())

    def store(place: int) -> None:
        with app.app_context():
            try:
                heard[place] = inbox.store(ear, rows[place])
            except (IntegrityError, OperationalError) as error:
                heard[place] = error

    threads = [threading.Thread(target=store, args=(place,)) for place in range(len(rows))]
    hear = commits.append
    event.listen(db.engine, "commit", hear)
    with tray._pen:
        for thread in threads:
            thread.start()
        wait_until(lambda: len(tray._waiting) == len(rows), 10, "all to wait")
    for thread in threads:
        thread.join(10)
    event.remove(db.engine, "commit", hear)
    return heard, len(commits)


def test_what_comes_in_at_once_is_durable_after_one_commit(ear: Listener) -> None:
    heard, commits = _at_once(ear, [_row(ear, f"d{number}") for number in range(20)])
    assert heard == [True] * 20
    assert commits == 1
    assert db.session.scalar(select(func.count(InboundEvent.id))) == 20
    assert db.session.scalar(select(Source.last_delivery_at).where(Source.id == ear.source_id)) is not None


def test_the_same_delivery_at_once_is_new_to_one_only(ear: Listener) -> None:
    heard, _ = _at_once(ear, [_row(ear, "same") for _ in range(5)])
    assert sorted(heard) == [False, False, False, False, True]  # type: ignore[type-var]
    assert inbox.store(ear, _row(ear, "same")) is False


def test_one_that_the_database_refuses_harms_no_other(ear: Listener) -> None:
    rows = [_row(ear, f"d{number}") for number in range(6)]
    rows[3]["source_id"] = 999_999
    heard, _ = _at_once(ear, rows)
    assert isinstance(heard.pop(3), IntegrityError)
    assert heard == [True] * 5
    assert set(db.session.scalars(select(InboundEvent.dedupe))) == {"d0", "d1", "d2", "d4", "d5"}


def test_with_the_database_away_all_hear_it_at_once(ear: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def away(many: int) -> None:
        tried.append(many)
        raise OperationalError("INSERT", {}, Exception("gone"))

    monkeypatch.setattr(inbox, "_writing", away)
    heard, _ = _at_once(ear, [_row(ear, f"d{number}") for number in range(6)])
    assert all(isinstance(each, OperationalError) for each in heard)
    assert tried == [6]


def test_a_writer_that_is_cut_short_leaves_nobody_waiting(
    ear: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(_many: int) -> None:
        raise SystemExit

    monkeypatch.setattr(inbox, "_writing", cut)
    with pytest.raises(SystemExit):
        inbox.store(ear, _row(ear, "d1"))
    monkeypatch.undo()
    assert inbox.store(ear, _row(ear, "d1")) is True
