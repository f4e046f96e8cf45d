"""Deliveries that come in at once share a commit, and each hears how its own went."""

import threading
from collections.abc import Sequence
from typing import Any

import pytest
from flask import Flask, current_app
from sqlalchemy import func, select, text

from portal import clock
from portal.extensions import db
from portal.models import EventState, InboundEvent, Source
from portal.services import inbox, sources
from portal.services.listening import Listener, listener
from portal.services.open_line import OpenLine, Step
from portal.services.unit import release, transaction
from tests.portal.conftest import EITHER
from tests.support.servers import wait_until

pytestmark = pytest.mark.parametrize("database_url", EITHER, indirect=True)


@pytest.fixture
def ear(ground: Flask) -> Listener:
    """Who listens for the first location."""
    source = sources.of(1)
    assert source is not None
    found = listener(source.hook_token)
    release()
    assert found is not None
    return found


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many steps each transaction of the inbox was asked to have."""
    asked: list[int] = []
    real = OpenLine._write

    def write(line: OpenLine, steps: Sequence[Step]) -> list[int]:
        asked.append(len(steps))
        return real(line, steps)

    monkeypatch.setattr(OpenLine, "_write", write)
    return asked


def _row(ear: Listener, name: str, **other: Any) -> dict[str, Any]:
    return {
        "source_id": ear.source_id, "location_id": ear.location_id, "dedupe": name, "received_at": clock.now(),
        "event": "InvoiceSent", "shape": "flat", "hoop_id": "inv1", "body": b"{}", "state": EventState.RECEIVED,
        "reason": None,
    } | other  # fmt: skip


def _at_once(ear: Listener, rows: list[dict[str, Any]]) -> list[Any]:
    """Store the rows from a thread each while the disk is busy; what each heard, by name where it is an error."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    heard: list[Any] = [None] * len(rows)
    tray = inbox._tray()

    def store(place: int) -> None:
        with app.app_context():
            try:
                heard[place] = inbox.store(ear, rows[place])
            except Exception as error:
                heard[place] = {each.__name__ for each in type(error).__mro__}

    threads = [threading.Thread(target=store, args=(place,)) for place in range(len(rows))]
    with tray._pen:
        for thread in threads:
            thread.start()
        wait_until(lambda: len(tray._waiting) == len(rows), 10, "all to wait")
    for thread in threads:
        thread.join(10)
    return heard


def _kept() -> set[str]:
    release()
    return set(db.session.scalars(select(InboundEvent.dedupe)))


def test_what_comes_in_at_once_is_durable_after_one_commit(ear: Listener, written: list[int]) -> None:
    assert _at_once(ear, [_row(ear, f"d{number}") for number in range(20)]) == [True] * 20
    assert written == [20 + 1], "all of them and the mark, in one"
    assert db.session.scalar(select(func.count(InboundEvent.id))) == 20
    assert db.session.scalar(select(Source.last_delivery_at).where(Source.id == ear.source_id)) is not None


def test_the_row_is_what_the_tables_own_way_of_writing_makes_of_it(ear: Listener) -> None:
    names = ("zone", "late")
    rows = [_row(ear, name, reason="Why – é", body=b"\x00\xff", state=EventState.IGNORED) for name in names]
    inbox.store(ear, rows[0])
    with transaction() as session:
        session.execute(inbox.EVENTS.insert(), rows[1])
    columns = ", ".join(each for each in inbox.GIVEN if each not in ("dedupe", "received_at"))
    first, second = db.session.execute(text(f"SELECT {columns} FROM inbound_events ORDER BY id"))
    assert first == second
    found = {each.dedupe: each.received_at for each in db.session.scalars(select(InboundEvent))}
    assert found == {row["dedupe"]: row["received_at"] for row in rows}


def test_the_same_delivery_at_once_is_new_to_one_only(ear: Listener) -> None:
    assert sorted(_at_once(ear, [_row(ear, "same") for _ in range(5)])) == [False, False, False, False, True]
    assert inbox.store(ear, _row(ear, "same")) is False


def test_one_that_the_database_refuses_harms_no_other(ear: Listener) -> None:
    rows = [_row(ear, f"d{number}") for number in range(6)]
    rows[3]["source_id"] = 999_999
    heard = _at_once(ear, rows)
    assert "IntegrityError" in heard.pop(3)
    assert heard == [True] * 5
    assert _kept() == {"d0", "d1", "d2", "d4", "d5"}


def test_with_the_database_away_all_hear_it_at_once(ear: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def away(_line: OpenLine) -> None:
        tried.append(True)
        driver: Any = db.engine.dialect.dbapi
        raise driver.OperationalError("gone")

    monkeypatch.setattr(OpenLine, "_opened", away)
    heard = _at_once(ear, [_row(ear, f"d{number}") for number in range(6)])
    assert all("OperationalError" in each for each in heard)
    assert len(tried) == 1
    monkeypatch.undo()
    assert inbox.store(ear, _row(ear, "d1")) is True


def test_a_line_that_has_died_meanwhile_loses_and_refuses_nothing(ear: Listener, written: list[int]) -> None:
    assert inbox.store(ear, _row(ear, "before")) is True
    _kill(inbox._tray()._line)
    assert _at_once(ear, [_row(ear, f"d{number}") for number in range(3)]) == [True] * 3
    assert written == [2, 3, 3], "done once more, over a fresh line"
    assert _kept() == {"before", "d0", "d1", "d2"}


def test_what_dies_in_the_middle_is_all_or_nothing(ear: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line dies for good between a transaction's steps: nothing is kept, everybody hears it, and it goes on."""
    real = OpenLine._opened

    class Dying:
        def __init__(self, line: Any) -> None:
            self.line, self.said = line, 0

        def execute(self, words: str, *values: Any) -> Any:
            self.said += 1
            if self.said == 3:
                raise KeyboardInterrupt
            return self.line.execute(words, *values)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.line, name)

    monkeypatch.setattr(OpenLine, "_opened", lambda line: Dying(real(line)))
    with pytest.raises(KeyboardInterrupt):
        inbox.store(ear, _row(ear, "d1"))
    monkeypatch.undo()
    assert _kept() == set()
    assert inbox.store(ear, _row(ear, "d1")) is True


def test_a_disposed_engine_leaves_no_line_open(ear: Listener) -> None:
    inbox.store(ear, _row(ear, "d1"))
    line = inbox._tray()._line
    assert line._line is not None
    release()
    db.engine.dispose()
    assert line._line is None
    assert inbox.store(ear, _row(ear, "d2")) is True


def test_a_writer_that_is_cut_short_leaves_nobody_waiting(
    ear: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*_: object) -> None:
        raise SystemExit

    monkeypatch.setattr(OpenLine, "_write", cut)
    with pytest.raises(SystemExit):
        inbox.store(ear, _row(ear, "d1"))
    monkeypatch.undo()
    assert inbox.store(ear, _row(ear, "d1")) is True


def _kill(line: OpenLine) -> None:
    """End the line as a server does that restarts; SQLite has none, so there it is closed behind the inbox's back."""
    if db.engine.dialect.name == "sqlite":
        line._line.close()
        return
    with transaction() as session:
        session.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": line._line.info.backend_pid})
