"""Trying many documents again: exactly those that were chosen, with how far it has come, and calling off the rest."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import bell, clock
from portal.errors import ChooseAgain
from portal.extensions import db
from portal.models import Connection, ConnectionState, Failure, Location, Push, PushState, Run, RunKind, User
from portal.services import audit, heartbeats, mappings, outbox, runs, standing
from portal.services.runs import Progress
from portal.services.unit import transaction

MOST = 5_000
PART = 500
DRAIN = "jobs.pushes.drain"
GOING = (PushState.QUEUED, PushState.SENDING, PushState.WAITING)
STOPPED = "Nothing goes out: {reason}"


def start(location: Location, user: User, push_ids: Sequence[int], title: str) -> int:
    """Have these tried again now, at most 5,000; the run's id. Raises ChooseAgain where none of them can be."""
    with transaction() as session:
        outbox.guard(session, location.id)
        before = _as_they_stand(session, location.id, push_ids[:MOST])
        outbox.retry(list(before), user, location.id)
        taken = [before[each] for each in _queued(session, list(before))]
        if not taken:
            raise ChooseAgain("Nothing of this can be retried now.")
        run = Run(
            location_id=location.id, user_id=user.id, kind=RunKind.RETRY, title=title[:300], items=taken
        )
        session.add(run)
        session.flush()
        run_id = run.id
    _ring(location.id)
    return run_id


def progress(run: Run) -> Progress:
    """How far a retry has come."""
    called_off = set(run.results)
    ids = [item["push"] for item in run.items if item["push"] not in called_off]
    counts = _counts(ids)
    going = sum(counts.get(state, 0) for state in GOING)
    sent, stopped = counts.get(PushState.SENT, 0), counts.get(PushState.BLOCKED, 0)
    left = counts.get(PushState.SKIPPED, 0) + counts.get(PushState.CANCELLED, 0)
    now, until = _now(run.location_id, ids, going)
    sums = (
        (sent, "in Xero"), (stopped, "stopped again"), (left, "not sent"), (len(called_off), "called off")
    )  # fmt: skip
    return Progress(
        total=len(run.items), done=len(run.items) - going, what="documents settled", now=now,
        sums=tuple(f"{count:,} {word}" for count, word in sums if count), going=going > 0, until=until,
    )  # fmt: skip


def cancel(location: Location, user: User, run_id: int) -> int:
    """Call off what has not been sent: it stands as before the retry; how many. Raises NotFoundHere.

    What was wanted anew since, and what was held up by something that is mended now, goes out all the same.
    """
    with transaction() as session:
        connection = outbox.guard(session, location.id)
        run = runs.one(location.id, run_id, RunKind.RETRY)
        mended = _mended(session, connection, {item["cause"] for item in run.items if item["cause"]})
        stood = {
            item["push"]: item for item in run.items
            if item["state"] != PushState.WAITING and item["cause"] not in mended
        }  # fmt: skip
        back = []
        for push in _still_queued(session, list(stood)):
            if push.updated_at > run.at:
                continue
            was = stood[push.id]
            failure = Failure(was["failure"]) if was["failure"] else None
            outbox.put_back(push, PushState(was["state"]), failure, was["cause"], was["message"])
            push.settled_by_id = was["by"]
            back.append(push.id)
        run.results, run.cancelled_at = [*run.results, *back], clock.now()
        audit.note(session, user, location.id, "pushes.retry_cancel", f"{len(back)} called off")
    return len(back)


def _mended(session: Session, connection: Connection | None, causes: set[str]) -> set[str]:
    """Those of the causes that would hold nothing up today."""
    if connection is None:
        return set()
    book = mappings.book(connection.location_id)
    found = {cause for cause in causes if book.mends(cause)}
    if connection.live:
        found.add("connection")
    if standing.overpayments_allowed(session, connection.location_id):
        found.add(standing.NEEDS_MORE)
    return found


def _as_they_stand(session: Session, location_id: int, push_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    found = {}
    for part in _parts(push_ids):
        query = select(Push).where(Push.location_id == location_id, Push.id.in_(part))
        for push in session.scalars(query.where(Push.state.in_(outbox.RETRIABLE))):
            found[push.id] = {
                "push": push.id, "state": push.state, "failure": push.failure, "cause": push.cause,
                "message": push.message or "", "by": push.settled_by_id,
            }  # fmt: skip
    return found


def _queued(session: Session, ids: list[int]) -> list[int]:
    return [push.id for push in _still_queued(session, ids)]


def _still_queued(session: Session, ids: list[int]) -> Iterator[Push]:
    for part in _parts(ids):
        yield from session.scalars(
            select(Push).where(
                Push.id.in_(part), Push.state == PushState.QUEUED, Push.batch_id.is_(None)
            )
        ).all()  # fmt: skip


def _counts(ids: Sequence[int]) -> dict[PushState, int]:
    counts: dict[PushState, int] = {}
    for part in _parts(ids):
        rows = db.session.execute(
            select(Push.state, func.count()).where(Push.id.in_(part)).group_by(Push.state)
        )
        for state, count in rows:
            counts[PushState(state)] = counts.get(PushState(state), 0) + count
    return counts


def _now(location_id: int, ids: Sequence[int], going: int) -> tuple[str, datetime | None]:
    """What is being done, in words, and until when it waits."""
    if not going:
        return "Done.", None
    connection = db.session.scalar(select(Connection).where(Connection.location_id == location_id))
    if connection is None or connection.state != ConnectionState.CONNECTED:
        reason = connection.reason if connection and connection.reason else "Xero is not connected."
        return STOPPED.format(reason=reason), None
    waits = _first_wait(ids)
    if waits is not None and waits.next_try_at:
        return waits.message or "Waiting to try again.", waits.next_try_at
    if not heartbeats.alive("worker") and not heartbeats.alive("ticker"):
        return STOPPED.format(reason="no worker of the portal is running."), None
    return f"Sending to {connection.name}.", None


def _first_wait(ids: Sequence[int]) -> Push | None:
    """The one that waits for the nearest moment, where none is on its way."""
    for part in _parts(ids):
        moving = select(Push.id).where(Push.id.in_(part), Push.state.in_(GOING[:2])).limit(1)
        if db.session.scalar(moving) is not None:
            return None
    return db.session.scalar(
        select(Push)
        .where(Push.id.in_(ids[:PART]), Push.state == PushState.WAITING)
        .order_by(Push.next_try_at)
        .limit(1)
    )


def _parts(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start_at in range(0, len(ids), PART):
        yield ids[start_at : start_at + PART]


def _ring(location_id: int) -> None:
    connection_id = db.session.scalar(select(Connection.id).where(Connection.location_id == location_id))
    if connection_id is not None:
        bell.ring(DRAIN, connection_id)
