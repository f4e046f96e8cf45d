"""The engine with one guard taken out, to show that the fault runs notice. Applied inside one worker process only.

Each puts other functions in the place of the engine's own; the product knows nothing of it.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.models import Batch, BatchState, Connection, Push
from portal.services import attempts, failing, leases, outbox, resolving, sending, windows
from portal.services.unit import transaction
from portal.services.work import Work


def become(name: str) -> None:
    """Take out the guard of this name for the rest of this process's life."""
    MUTANTS[name]()


def _no_write_ahead() -> None:
    """A crash leaves nothing behind: what had been prepared or sent looks as if it had never been tried."""

    def forget(work: Work) -> None:
        with transaction() as session:
            open_ = select(Batch).where(Batch.state != BatchState.CLOSED, Batch.fence < work.fence)
            for batch in session.scalars(open_).all():
                _again(session, batch)

    resolving._adopt_lost = forget


def _timeout_is_failure() -> None:
    """No answer is taken for "not done": sent again under a new key."""

    def not_done(session: Session, batch: Batch, error: object) -> None:
        _again(session, batch)

    failing.unknown = not_done


def _no_quiet() -> None:
    """Xero is looked at as soon as the answer is missing."""

    def at_once(batch: Batch) -> datetime:
        return batch.last_sent_at or batch.created_at

    windows.quiet_end = at_once


def _no_fence() -> None:
    """A worker that was frozen past its lease may still write."""

    def hold(session: Session, connection_id: int, fence: int) -> Connection:
        return session.get_one(Connection, connection_id, with_for_update=True, populate_existing=True)

    leases.hold = leases.hold_live = hold


def _no_stamp() -> None:
    """That a batch leaves is not written down: it looks prepared until its answer is recorded."""
    stamp = sending._stamp

    def unstamped(work: Work, batch_id: int) -> Any:
        letter = stamp(work, batch_id)
        with transaction() as session:
            batch = session.get_one(Batch, batch_id)
            batch.state, batch.first_sent_at, batch.last_sent_at = BatchState.PREPARED, None, None
        return letter

    sending._stamp = unstamped


def _no_deadline() -> None:
    """However long ago the stamp was, it still leaves."""
    stamp = sending._stamp

    def unbounded(work: Work, batch_id: int) -> Any:
        return replace(stamp(work, batch_id), not_after=math.inf)

    sending._stamp = unbounded


def _payment_resend() -> None:
    """Payments too are sent again at once, same bytes, same key."""

    def always(batch: Batch) -> bool:
        return True

    windows.resendable = always


def _acknowledged_before_sending() -> None:
    """It counts as sent when it leaves."""
    stamp = sending._stamp

    def hopeful(work: Work, batch_id: int) -> Any:
        letter = stamp(work, batch_id)
        with transaction() as session:
            batch = session.get_one(Batch, batch_id)
            for item in batch.items:
                outbox.sent(session.get_one(Push, item["push"]))
            attempts.close(batch, "acknowledged")
        return letter

    sending._stamp = hopeful


def _again(session: Session, batch: Batch) -> None:
    for item in batch.items:
        outbox.requeue(session.get_one(Push, item["push"]))
    attempts.close(batch, "taken as not done")


MUTANTS: dict[str, Callable[[], None]] = {
    "no write-ahead": _no_write_ahead,
    "time-out taken as failure": _timeout_is_failure,
    "no quiet time": _no_quiet,
    "no fence": _no_fence,
    "no stamp": _no_stamp,
    "no send deadline": _no_deadline,
    "payment re-sent under the same key": _payment_resend,
    "acknowledged before sending": _acknowledged_before_sending,
}
