"""The moment a letter leaves: permit, stamp, send, at most five in the air. No transaction is open meanwhile."""

import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType

from portal import clock, failpoints
from portal.config import settings
from portal.errors import LeaseLost, NotNow, PortalError
from portal.models import BatchState
from portal.services import calling, leases, resting, windows
from portal.services.batching import IN_FLIGHT, Prepared
from portal.services.calling import Permit
from portal.services.readiness import Kind
from portal.services.unit import release, transaction
from portal.services.work import Work
from portal.xero.client import Reply, XeroClient
from portal.xero.errors import NotFound, Rejected, SignInExpired, XeroError

Outcome = Reply | XeroError
Record = Callable[[Work, int, Outcome], None]
AT_LEAST = 0.01


class Expired(Exception):
    """A batch that has been sent before must not be sent again any more; it is looked up instead."""


@dataclass(frozen=True, slots=True)
class _Stamped:
    """A batch whose time of leaving is written down; after `not_after` (seconds since 1970) it must not leave."""

    batch_id: int
    method: str
    path: str
    key: str
    not_after: float
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Call:
    """A call in the air, and the access token it left with."""

    prepared: Prepared
    token: str = field(repr=False)


class Flight:
    """The calls of one drain that are under way, at most five. Each is recorded as it lands.

    Whatever ends the drain, what is in the air is waited for, and recorded as long as the lease is ours. `trouble` is
    the first failure that is more than the refusal of a document; nothing takes off after it.
    """

    def __init__(self, work: Work, record: Record) -> None:
        self._work, self._record = work, record
        self._pool = ThreadPoolExecutor(IN_FLIGHT)
        self._aloft: dict[Future[Outcome], _Call] = {}
        self._permit_at: datetime | None = None
        self._lease_kept = time.monotonic()
        self.trouble: XeroError | None = None

    @property
    def aloft(self) -> int:
        """How many calls are in the air."""
        return len(self._aloft)

    @property
    def room(self) -> bool:
        """Whether another one may take off."""
        return self.aloft < IN_FLIGHT

    @property
    def kinds(self) -> set[Kind]:
        """What is in the air."""
        return {call.prepared.kind for call in self._aloft.values()}

    def launch(self, prepared: Prepared) -> bool:
        """Let a batch take off; False when there is no permit for it now, and it stays prepared. Raises LeaseLost."""
        permit = self._permit()
        if permit is None:
            return False
        with ExitStack() as unused:
            unused.callback(permit.give_back)
            with suppress(Expired):
                letter = _stamp(self._work, prepared.batch_id)
                failpoints.here("after_stamp")
                release()
                unused.pop_all()
                self._work.calls += 1
                call = self._pool.submit(_deliver, permit, self._work.client, letter)
                self._aloft[call] = _Call(prepared, self._work.token)
        return True

    def land(self) -> None:
        """Wait until a call has landed and record it; also for the moment when a permit that was refused is free.

        Raises LeaseLost.
        """
        landed, _ = wait(self._aloft, timeout=self._patience(), return_when=FIRST_COMPLETED)
        self._keep_lease()
        for future in list(landed)[:1]:
            call = self._aloft.pop(future)
            outcome = future.result()
            failpoints.here("after_answer")
            self._record(self._work, call.prepared.batch_id, outcome)
            failpoints.here("after_record")
            self._heed(outcome, call.token)

    def __enter__(self) -> "Flight":
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        try:
            if isinstance(error, PortalError | XeroError):
                self._land_all()
        finally:
            self._pool.shutdown()

    def _land_all(self) -> None:
        while self._aloft:
            try:
                self.land()
            except LeaseLost:
                return
            except (PortalError, XeroError):
                continue

    def _permit(self) -> Permit | None:
        """The quota's leave for one call. Where there is none and nothing is in the air, the connection rests."""
        try:
            return calling.permit(self._work.tenant_id, held_by=self._work.holder, share=self._work.share)
        except NotNow as refusal:
            self._permit_at = refusal.retry_at
            if not self._aloft:
                self._work.stopped = True
                resting.rest(self._work.connection_id, self._work.fence, refusal)
            return None

    def _patience(self) -> float:
        """Seconds for which to wait in the air: the lease has to be kept, and a permit may come before an answer."""
        pause = settings().timings.lease / 3
        if self._permit_at is not None:
            pause = min(pause, (self._permit_at - clock.now()).total_seconds())
            self._permit_at = None
        return max(pause, AT_LEAST)

    def _keep_lease(self) -> None:
        if time.monotonic() - self._lease_kept > settings().timings.lease / 4:
            self._work.keep_lease()
            self._lease_kept = time.monotonic()

    def _heed(self, outcome: Outcome, token: str) -> None:
        """A refused token is renewed once in a drain, any other trouble ends it when everything has landed."""
        if not isinstance(outcome, XeroError) or isinstance(outcome, Rejected | NotFound):
            return
        if isinstance(outcome, SignInExpired) and self._work.renew_token(token):
            return
        self.trouble = self.trouble or outcome
        self._work.stopped = True


def _stamp(work: Work, batch_id: int) -> _Stamped:
    """Compare and set: only an open batch of this lease leaves, and its time is on record before it does.

    Raises LeaseLost when the connection has passed to another worker or has been paused, Expired.
    """
    with transaction() as session:
        leases.hold_live(session, work.connection_id, work.fence).lease_until = leases.until()
        batch = leases.batch(session, batch_id)
        if batch.state == BatchState.CLOSED or (
            batch.state == BatchState.SENT and not windows.may_resend(batch)
        ):
            raise Expired
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
