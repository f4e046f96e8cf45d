"""What both stand-ins may rely on in the store and the clock."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from sandbox.clock import Clock
from sandbox.store import Store


def test_documents_survive_a_restart_in_order_with_exact_amounts(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite3"
    store = Store(path)
    store.put("a", "2", {"amount": Decimal("0.10"), "when": "2026-10-01"})
    store.put(
        "a", "1", {"amount": Decimal("12345678901234567890.01"), "rates": [{"rate": Decimal(10), "n": 10}]}
    )
    store.put("a", "2", {"amount": Decimal("0.30"), "when": "2026-10-02"})
    store.close()
    again = Store(path)
    assert again.all("a") == [
        {"amount": Decimal("0.30"), "when": "2026-10-02"},
        {"amount": Decimal("12345678901234567890.01"), "rates": [{"rate": Decimal(10), "n": 10}]},
    ]
    (rates,) = (each["rates"][0] for each in again.all("a") if "rates" in each)
    assert (str(rates["rate"]), type(rates["rate"]), type(rates["n"])) == ("10", Decimal, int)
    assert again.get("a", "3") is None
    again.close()


def test_a_unit_that_raises_leaves_nothing_behind_in_memory_or_on_disk(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite3"
    store = Store(path)
    store.put("a", "1", {"n": 1})
    store.put("a", "9", {"n": 9})

    def spoil() -> None:
        with store.unit():
            store.put("a", "1", {"n": 2})
            store.put("a", "2", {"n": 2})
            with store.unit():
                store.delete("a", "9")
            store.clear("a")
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError):
        spoil()
    assert store.all("a") == [{"n": 1}, {"n": 9}]
    store.close()
    assert Store(path).all("a") == [{"n": 1}, {"n": 9}]


def test_a_document_handed_out_is_a_copy() -> None:
    store = Store(None)
    store.put("a", "1", {"lines": [{"n": 1}]})
    mine = store.get("a", "1")
    assert mine is not None
    mine["lines"][0]["n"] = 5
    assert store.get("a", "1") == {"lines": [{"n": 1}]}


def test_clear_takes_only_the_kinds_with_the_prefix() -> None:
    store = Store(None)
    for kind in ("hoop.invoice", "hoop.contact", "xero.invoice"):
        store.put(kind, "1", {"kind": kind})
    store.clear("hoop.")
    assert store.count("hoop.invoice") == 0
    assert store.count("xero.invoice") == 1


def test_threads_that_count_under_the_lock_lose_nothing() -> None:
    store = Store(None)
    store.put("n", "n", {"n": 0})

    def count() -> None:
        for _ in range(200):
            with store.unit():
                kept = store.get("n", "n") or {}
                store.put("n", "n", {"n": kept["n"] + 1})

    threads = [threading.Thread(target=count) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.get("n", "n") == {"n": 1000}


def test_the_clock_keeps_its_shift_over_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite3"
    store = Store(path)
    clock = Clock(store)
    clock.set_now(datetime(2026, 10, 1, 9, 0, tzinfo=UTC))
    clock.advance(3600)
    store.close()
    later = Clock(Store(path)).now()
    assert timedelta() <= later - datetime(2026, 10, 1, 10, 0, tzinfo=UTC) < timedelta(seconds=30)
    clock = Clock(Store(None))
    clock.advance(-50)
    clock.set_now(None)
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)
