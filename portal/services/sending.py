"""The moment a letter leaves: permit, stamp, send, at most five side by side. No transaction is open meanwhile."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from portal import clock, failpoints
from portal.config import settings
from portal.errors import NotNow
from portal.models import Batch, BatchState
from portal.services import calling, leases
from portal.services.batching import IN_FLIGHT
from portal.services.calling import Permit
from portal.services.unit import release, transaction
from portal.services.work import Work
from portal.xero.client import Reply, XeroClient
from portal.xero.errors import XeroError

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
    ready = list(_ready(work, batch_ids))
    release()
    with ThreadPoolExecutor(IN_FLIGHT) as pool:
        client = work.client
        under_way = {
            pool.submit(_deliver, permit, client, letter): letter.batch_id for permit, letter in ready
        }
        for future in _finished(work, set(under_way)):
            failpoints.here("after_answer")
            record(work, under_way[future], future.result())
            failpoints.here("after_record")


def _ready(work: Work, batch_ids: Sequence[int]) -> "list[tuple[Permit, _Stamped]]":
    ready = []
    for batch_id in batch_ids:
        try:
            permit = calling.permit(work.tenant_id)
        except NotNow as refusal:
            work.rest(refusal.reason, refusal.retry_at, seconds=1)
            break
        letter = _stamp(work, batch_id)
        if letter is None:
            permit.give_back()
            continue
        failpoints.here("after_stamp")
        work.calls += 1
        ready.append((permit, letter))
    return ready


def _stamp(work: Work, batch_id: int) -> _Stamped | None:
    """Compare and set: only an open batch of this lease leaves, and its time is on record before it does."""
    with transaction() as session:
        leases.hold(session, work.connection_id, work.fence)
        batch = session.get_one(Batch, batch_id, with_for_update=True, populate_existing=True)
        if batch.state == BatchState.CLOSED:
            return None
        moment = clock.now()
        batch.state, batch.fence, batch.last_sent_at = BatchState.SENT, work.fence, moment
        batch.first_sent_at = batch.first_sent_at or moment
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
