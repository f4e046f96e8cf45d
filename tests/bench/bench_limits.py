"""`manage.py bench limits`: ten minutes at Xero's limits: how much of them is used, and that Xero never has to refuse.

The sandbox enforces fixed minutes, any sixty seconds, and five calls at once. Deleting payments goes one by one, so
that many calls need few documents. LIMITS_MINUTES (default 10) makes it shorter.
"""

import logging
import os
import time
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from portal import clock
from portal.models import Payment, Push
from portal.services import following, outbox
from portal.services.unit import release, transaction
from tests.bench.bench_fair import most_at_once
from tests.bench.ground import Ground, ground
from tests.support.servers import wait_until

Row = dict[str, Any]
A_MINUTE = 60
TAKES = 2.0


def main() -> list[Row]:
    """One row."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    minutes = int(os.environ.get("LIMITS_MINUTES", "10"))
    with ground() as here:
        _paid(here, A_MINUTE * (minutes + 1))
        here.stage.xero.limits(minute=A_MINUTE, concurrent=5, rolling=True)
        here.stage.xero.service_time(TAKES)
        here.fresh_windows()
        _take_all_back(here)
        with here.workers(2):
            seen = here.last_call()
            wait_until(lambda: here.last_call() > seen, 60, "the first call")
            time.sleep(minutes * A_MINUTE + 5)
        return [_row(here, here.stage.xero.calls(since=seen), minutes)]


def _row(here: Ground, calls: list[Row], minutes: int) -> Row:
    starts = sorted(datetime.fromisoformat(call["at"]) - timedelta(milliseconds=call["ms"]) for call in calls)
    within = [moment for moment in starts if moment < starts[0] + timedelta(minutes=minutes)]
    ideal = minutes * min(A_MINUTE, 5 * A_MINUTE / TAKES)
    each = Counter(int((moment - starts[0]).total_seconds() // A_MINUTE) for moment in within)
    return {
        "minutes": minutes, "calls": len(within), "ideal": int(ideal), "used": f"{len(within) / ideal:.1%}",
        "target": "95 %", "least in a minute": min(each.values()), "most at once": most_at_once(calls),
        "429": sum(call["status"] == 429 for call in calls), "left": here.open(),
    }  # fmt: skip


def _paid(here: Ground, count: int) -> None:
    here.stage.xero.limits(off=True)
    here.backlog(count, 20)
    with here.workers():
        wait_until(lambda: not here.open(), 900, "the paid invoices")


def _take_all_back(here: Ground) -> None:
    with transaction() as session:
        outbox.guard(session, here.stage.location_id)
        for payment in session.query(Payment):
            payment.taken_back_at = clock.now()
            following.take_back(session, payment)
    assert here.open() == _wanted()


def _wanted() -> int:
    with transaction() as session:
        many = session.query(Push).filter_by(document="payment", operation="void").count()
    release()
    return many
