"""The moment a letter leaves: permit, stamp, send, at most five side by side. No transaction is open meanwhile."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, field

from portal import clock, failpoints
from portal.config import settings
from portal.errors import LeaseLost, NotNow
from portal.models import Batch, BatchState
from portal.services import calling, leases, windows
from portal.services.batching import IN_FLIGHT
from portal.services.calling import Permit
from portal.services.unit import release, transaction
from portal.services.work import Work
from portal.xero.client import Reply, XeroClient
from portal.xero.errors import NotFound, Rejected, SignInExpired, XeroError

Outcome = Reply | XeroError
Record = Callable[[Work, int, Outcome], None]


@dataclass(frozen=True, slots=True)
class _Stamped:
    """A batch whose time of leaving is written down; after `not_after` (seconds since 1970) it must not leave."""

    batch_id: int
    method: str
    path: str
    key: str
    not_after: float
    body: bytes = field(repr=False)


def send(work: Work, batch_ids: Sequence[int], record: Record) -> None:
    """Send these batches and record each outcome as it comes. What gets no permit stays prepared for later."""
    for start in range(0, len(batch_ids), IN_FLIGHT):
        if not work.stopped:
            _send_some(work, batch_ids[start : start + IN_FLIGHT], record)


def _send_some(work: Work, batch_ids: Sequence[int], record: Record) -> None:
    work.sent_with = work.token
    ready = _ready(work, batch_ids)
    release()
    with ThreadPoolExecutor(IN_FLIGHT) as pool:
        under_way = {
            pool.submit(_deliver, permit, work.client, letter): letter.batch_id for permit, letter in ready
        }
        outcomes = []
        for future in _finished(work, set(under_way)):
            failpoints.here("after_answer")
            record(work, under_way[future], future.result())
            failpoints.here("after_record")
            outcomes.append(future.result())
    _react(work, outcomes)


def _react(work: Work, outcomes: Sequence[Outcome]) -> None:
    """After the whole round is on record: a refused token is renewed once, any other trouble ends this drain."""
    troubles = [outcome for outcome in outcomes if isinstance(outcome, XeroError)]
    for trouble in troubles:
        if isinstance(trouble, Rejected | NotFound):
            continue
        if not isinstance(trouble, SignInExpired) or not work.renew_token():
            raise trouble


def _ready(work: Work, batch_ids: Sequence[int]) -> "list[tuple[Permit, _Stamped]]":
    """A permit and a stamp for as many as the quota lets go now; when the lease is lost, no permit is kept."""
    ready: list[tuple[Permit, _Stamped]] = []
    with ExitStack() as unused:
        for batch_id in batch_ids:
            permit = _permit(work)
            if permit is None:
                break
            unused.callback(permit.give_back)
            letter = _stamp(work, batch_id)
            failpoints.here("after_stamp")
            ready.append((permit, letter))
        unused.pop_all()
    work.calls += len(ready)
    return ready


def _permit(work: Work) -> Permit | None:
    try:
        return calling.permit(work.tenant_id, held_by=work.holder)
    except NotNow as refusal:
        work.rest(refusal.reason, refusal.retry_at, seconds=1)
        return None


def _stamp(work: Work, batch_id: int) -> _Stamped:
    """Compare and set: only an open batch of this lease leaves, and its time is on record before it does.

    Raises LeaseLost when the batch or the connection has passed to another worker, or has been paused.
    """
    with transaction() as session:
        leases.hold_live(session, work.connection_id, work.fence).lease_until = leases.until()
        batch = session.get_one(Batch, batch_id, with_for_update=True, populate_existing=True)
        if batch.state == BatchState.CLOSED or (
            batch.state == BatchState.SENT and not windows.may_resend(batch)
        ):
            raise LeaseLost("This batch must not be sent any more.")
        moment = clock.now()
        batch.state, batch.fence, batch.last_sent_at = BatchState.SENT, work.fence, moment
        batch.first_sent_at = batch.first_sent_at or moment
        batch.tries += 1
        deadline = time.time() + settings().timings.send
        return _Stamped(batch.id, batch.method, batch.path, batch.idempotency_key, deadline, body=batch.body)


def _deliver(permit: Permit, client: XeroClient, letter: _Stamped) -> Outcome:
    failpoints.here("before_send")
    try:
        return permit.use(
            lambda: client.write(
                letter.method, letter.path, letter.body, letter.key, not_after=letter.not_after
            )
        )
    except XeroError as error:
        return error


def _finished(work: Work, under_way: "set[Future[Outcome]]") -> "Iterator[Future[Outcome]]":
    """Each future as it ends; the lease is kept alive while the others are waited for."""
    pause = settings().timings.lease / 3
    while under_way:
        done, under_way = wait(under_way, timeout=pause, return_when=FIRST_COMPLETED)
        yield from done
        if under_way:
            leases.renew(work.connection_id, work.fence)
