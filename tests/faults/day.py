"""The real engine in this process, both stand-ins over HTTP, and a clock that jumps to where something is due.

All times are the real ones of production: what would be minutes of waiting is one jump. The limiter goes by the same
clock. Between portal and Xero lies a wire that can be cut, and the Valkey is of its own, to be killed.
"""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

import time_machine
from argon2 import PasswordHasher
from redis import Redis
from sqlalchemy import func, select

import sandbox as stand_ins
from jobs import listed
from portal import clock
from portal.extensions import db
from portal.models import (
    Batch,
    BatchState,
    CatchUpState,
    Connection,
    Document,
    Invoice,
    Push,
    PushState,
    Refund,
)
from portal.services import calling, catching_up, demo, due, intake, passwords
from portal.services.unit import release
from portal.xero import client
from portal.xero.limits import Quota
from portal.xero.transport import Transport
from tests.faults.world import Standing
from tests.portal.services.harness import staged
from tests.support import portal, valkey
from tests.support.postgres import Cluster
from tests.support.proxy import Proxy, proxy
from tests.support.servers import serving, wait_until
from tests.support.xero import Xero

log = logging.getLogger(__name__)
READ = 0.6
"""How long the portal waits for an answer here, in real seconds."""
SAFE = 150.0
"""A late call arrives before the clock has gone this far, well within the quiet time."""
A_MINUTE = timedelta(minutes=1)
MOST_JUMPS = 60


@dataclass
class Day(Standing):
    """A connected location between the stand-ins, over a wire, under a clock that is moved."""

    wire: Proxy
    shop: valkey.Shop
    time: time_machine.Traveller
    cluster: Cluster | None = None
    late_since: int | None = None
    since_late: float = 0.0

    def calm(self) -> None:
        """Nothing is left of what went wrong before."""
        self.wire.heal()
        self.shop.up()
        self.late_since = None
        self.refresh()

    def turns(self, most: int = 12) -> None:
        """What worker and ticker do, until nothing is due at this moment."""
        for number in range(most):
            release()
            todo = list(due.jobs(number and 1))
            for name, ids in todo:
                self.job(name, *ids)
            if not todo and number:
                return

    def job(self, name: str, *ids: int) -> None:
        """One job as a worker does it: whatever breaks is logged, and the next job begins."""
        try:
            listed.function(name)(*ids)
        except Exception:
            log.info("a job broke", exc_info=True)
        finally:
            db.session.remove()

    def settle(self) -> bool:
        """Go on, jumping from one due moment to the next, until everything has ended well; False when it does not."""
        for _ in range(MOST_JUMPS):
            self.turns()
            if self.at_rest():
                return True
            self.jump()
        return False

    def jump(self) -> None:
        """To the next moment at which something is due, a minute on when there is none."""
        moment = clock.now()
        to = max(self.next_moment() or moment + A_MINUTE, moment) + timedelta(milliseconds=20)
        self.pass_((to - moment).total_seconds())

    def pass_(self, seconds: float) -> None:
        """Let time pass; a late call arrives before the quiet time after it is over."""
        if self.late_since is not None and "late" not in self.stage.xero.faults():
            if seconds + self.since_late > SAFE:
                self.arrived()
            else:
                self.since_late += seconds
        self.time.shift(seconds)

    def next_moment(self) -> datetime | None:
        """When the first thing becomes due that is not due yet."""
        moment = clock.now()
        open_ = Batch.state != BatchState.CLOSED
        asked: list[Any] = [
            select(func.min(Push.next_try_at)).where(
                Push.state == PushState.WAITING, Push.batch_id.is_(None), Push.next_try_at > moment
            ),
            select(func.min(Batch.resolve_at)).where(open_, Batch.resolve_at > moment),
            select(func.min(Connection.rest_until)).where(Connection.rest_until > moment),
            select(func.min(Connection.day_used_until)).where(Connection.day_used_until > moment),
            select(func.min(Connection.lease_until)).where(Connection.lease_until > moment),
        ]
        found = [each for each in (db.session.scalar(one) for one in asked) if each is not None]
        release()
        return min(found, default=None)

    def late(self, path: str, method: str, seconds: float) -> None:
        """The next call that matches is done so many real seconds later, its answer unheard."""
        self.arrived()
        self.late_since, self.since_late = self.stage.xero.last_call(), 0.0
        self.stage.xero.fault("late", path, method=method, seconds=seconds)

    def arrived(self) -> None:
        """Wait until the late call, if there was one, has arrived at Xero."""
        if self.late_since is not None and "late" not in self.stage.xero.faults():
            since, self.late_since = self.late_since, None
            wait_until(
                lambda: any(call["fault"] == "late" for call in self.stage.xero.calls(since=since)),
                5,
                "the late call",
            )

    def open_questions(self) -> bool:
        """Whether anything from HoopAI still has to be read or looked up, or a batch is open."""
        held = db.session.query(Invoice.id).filter(Invoice.look_up_at.is_not(None)).limit(1).scalar()
        batch = db.session.query(Batch.id).filter(Batch.state != BatchState.CLOSED).limit(1).scalar()
        run = catching_up.latest(self.stage.location_id)
        reading = run is not None and run.state == CatchUpState.RUNNING
        release()
        return bool(held or batch or reading or intake.waiting())

    def pushes_of(self, hoop_id: str) -> list[Push]:
        """All pushes that concern an invoice, its payments and refunds."""
        release()
        invoice = db.session.query(Invoice).filter_by(hoop_id=hoop_id).one_or_none()
        if invoice is None:
            return []
        payments = [each.id for each in invoice.payments]
        refunds = [each.id for each in db.session.query(Refund).filter_by(invoice_id=invoice.id)]
        mine = {
            Document.INVOICE: [invoice.id], Document.PAYMENT: payments, Document.CREDIT_NOTE: refunds,
            Document.REFUND: refunds, Document.CONTACT: [invoice.contact_id],
        }  # fmt: skip
        return [push for push in db.session.query(Push) if push.document_id in mine[Document(push.document)]]

    def set_back(self, seconds: float) -> None:
        """Our clock jumps (forward when negative), Xero's does not."""
        self.time.shift(-seconds)
        self.stage.xero.advance(seconds)


class OurQuota(Quota):
    """The limiter under this process's clock instead of Valkey's own."""

    def acquire(self, tenant_id: str, token: str, *, now: float | None = None, **more: Any) -> Any:
        """See `Quota.acquire`."""
        return super().acquire(tenant_id, token, now=now or clock.now().timestamp(), **more)

    def release(self, *args: Any, now: float | None = None, **more: Any) -> None:
        """See `Quota.release`."""
        super().release(*args, now=now or clock.now().timestamp(), **more)

    def reclaim(self, *args: Any, now: float | None = None, **more: Any) -> None:
        """See `Quota.reclaim`."""
        super().reclaim(*args, now=now or clock.now().timestamp(), **more)

    def left(self, tenant_id: str, *, now: float | None = None) -> Any:
        """See `Quota.left`."""
        return super().left(tenant_id, now=now or clock.now().timestamp())


def _impatient(base: str, token: str, _timeout: tuple[float, float], heard: Any) -> Transport:
    return Transport(base, token, (2.0, READ), heard)


@contextmanager
def day(database_url: str, cluster: Cluster | None = None) -> Iterator[Day]:
    """A fresh day over an empty database."""
    program = valkey.binary()
    assert program, "no Valkey"
    stand_in = stand_ins.create_app(None)
    with ExitStack() as stack:
        shop = stack.enter_context(valkey.shop(program))
        sandbox_url = stack.enter_context(serving(stand_in))
        wire = stack.enter_context(proxy(sandbox_url))
        settings = portal.settings_for(database_url, shop.url, sandbox_url, XERO_API_URL=f"{wire.url}/xero")
        app = portal.ground_floor(settings)
        portal.make_tables(app)
        stack.callback(stand_in.close)
        stack.callback(portal.dispose, app)
        stack.enter_context(patch.object(calling, "Quota", OurQuota))
        stack.enter_context(
            patch.object(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        )
        moved = stack.enter_context(time_machine.travel(clock.now(), tick=True))
        stack.enter_context(app.app_context())
        demo.seed()
        stage = stack.enter_context(staged(app, sandbox_url, Xero(sandbox_url)))
        stage.map_all()
        stack.enter_context(patch.object(client, "Transport", _impatient))
        redis = stack.enter_context(Redis.from_url(shop.url))
        yield Day(stage, redis, wire, shop, moved, cluster)
