"""Other programs are told: signed, in the transaction of the change, tried for a day, and never inside our network."""

import hashlib
import hmac
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import simplejson
import time_machine
from flask import Flask, Response, redirect, request
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from portal import clock
from portal.extensions import db
from portal.models import DeliveryState, WebhookDelivery, WebhookEndpoint
from portal.services import connections, delivering, heralding, organisations, webhooks_out
from portal.services.unit import release
from tests.portal.conftest import EITHER
from tests.portal.services.harness import Stage, staged
from tests.support.hoop import GST, line
from tests.support.servers import serving
from tests.support.xero import Xero

pytestmark = pytest.mark.parametrize("database_url", EITHER, indirect=True)


class Receiver:
    """A program that is told."""

    def __init__(self) -> None:
        self.heard: list[tuple[dict[str, str], bytes]] = []
        self.status = 200
        self.app = Flask("receiver")
        self.app.add_url_rule("/hook", "hook", self._hook, methods=["POST"])
        self.app.add_url_rule("/away", "away", lambda: redirect("/hook", 307), methods=["POST"])

    def _hook(self) -> Response:
        self.heard.append((dict(request.headers), request.get_data()))
        return Response("x" * 2000, self.status)

    @property
    def bodies(self) -> list[Any]:
        return [simplejson.loads(body) for _, body in self.heard]


@pytest.fixture
def stage(ground: Flask, sandbox: str, xero: Xero) -> Iterator[Stage]:
    with staged(ground, sandbox, xero) as made:
        made.map_all()
        yield made


@pytest.fixture
def receiver() -> Iterator[tuple[Receiver, str]]:
    made = Receiver()
    with serving(made.app) as url:
        yield made, url


def marks(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """Whether a delivery is signed with this secret, checked as `docs/webhooks.md` says."""
    pairs = [part.split("=", 1) for part in headers["Hoopxero-Signature"].split(",")]
    moment = next(value for name, value in pairs if name == "t")
    right = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return any(hmac.compare_digest(right, value) for name, value in pairs if name == "v1")


def rows() -> list[WebhookDelivery]:
    release()
    return list(db.session.scalars(select(WebhookDelivery).order_by(WebhookDelivery.id)))


def test_documents_and_the_connection_are_told_signed_and_once(
    stage: Stage, receiver: tuple[Receiver, str]
) -> None:
    program, url = receiver
    shown = webhooks_out.add(stage.location_id, stage.person.user, f"{url}/hook", heralding.EVENTS)
    made = stage.hoop.create(line("Care plan", "100", "1", GST))
    stage.carry()
    stage.hoop.act(made["_id"], "pay", method="card", provider="stripe")
    stage.carry()
    stage.xero.change_account(stage.tenant_id, "200", Status="ARCHIVED")
    organisations.refresh(stage.connection_id)
    stage.hoop.create(line("Care plan", "7", "1", GST))
    stage.carry()
    organisations.refresh(stage.connection_id)
    stage.carry()
    connections.disconnect(stage.location_id, stage.person.user)
    assert delivering.due() == [shown.endpoint_id]
    count = delivering.deliver(shown.endpoint_id)
    told = [each["event"] for each in program.bodies]
    assert count == len(told)
    first, second = ["contact.sent", "invoice.sent", "payment.sent"], ["contact.sent", "invoice.blocked"]
    assert told == [*first, *second, "connection.lost"]
    invoice, payment, _, blocked, lost = program.bodies[1:]
    assert invoice["invoice"] == {"hoop_id": made["_id"], "number": made["invoiceNumber"]}
    assert (invoice["amount"], invoice["currency"], payment["document"]) == ("110.00", "AUD", "payment")
    assert invoice["xero_id"] == stage.invoices()[0]["InvoiceID"]
    assert "200" in blocked["push"]["message"]
    assert lost["connection"]["state"] == "disconnected"
    assert all(marks(shown.secret, *heard) for heard in program.heard)
    assert not marks("whsec_wrong", *program.heard[0])
    assert {(row.state, row.status, len(row.answer or "")) for row in rows()} == {("delivered", 200, 500)}
    assert delivering.due() == []


def test_a_change_that_is_rolled_back_tells_nothing_and_nobody_listening_costs_one_look(
    stage: Stage, receiver: tuple[Receiver, str]
) -> None:
    said: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        if "webhook" in statement:
            said.append(statement)

    stage.hoop.create(line("Care plan", "100", "1", GST))
    event.listen(db.engine, "before_cursor_execute", note)
    stage.carry()
    event.remove(db.engine, "before_cursor_execute", note)
    assert stage.states() == {"sent": 2}
    assert len(said) <= 2, said
    assert rows() == []


def test_a_failing_address_is_tried_with_growing_pauses_then_given_up_and_sent_again_by_hand(
    stage: Stage, receiver: tuple[Receiver, str]
) -> None:
    program, url = receiver
    shown = webhooks_out.add(stage.location_id, stage.person.user, f"{url}/hook", ["invoice.sent"])
    webhooks_out.send_test(stage.location_id, stage.person.user, shown.endpoint_id)
    program.status, moment = 500, clock.now()
    tried = 0
    for _ in range(40):
        with time_machine.travel(moment, tick=False):
            if delivering.due():
                delivering.deliver(shown.endpoint_id)
                tried += 1
        (row,) = rows()
        if row.state != DeliveryState.QUEUED:
            break
        assert row.next_at is not None
        moment = max(row.next_at, moment + timedelta(seconds=31))
    assert (row.state, row.status, row.tries) == (DeliveryState.GIVEN_UP, 500, tried)
    assert 12 <= tried <= 20
    assert timedelta(hours=20) < moment - row.at <= timedelta(hours=24)
    assert len({body for _, body in program.heard}) == 1
    program.status = 204
    once, twice = (webhooks_out.rotate(stage.location_id, stage.person.user, shown.endpoint_id) for _ in "ab")
    webhooks_out.send_again(stage.location_id, stage.person.user, shown.endpoint_id, row.id)
    assert delivering.deliver(shown.endpoint_id) == 1
    assert all(marks(each.secret, *program.heard[-1]) for each in (shown, once, twice))
    assert rows()[0].state == DeliveryState.DELIVERED


def test_a_delivery_that_cannot_be_written_holds_up_none_behind_it(
    stage: Stage, receiver: tuple[Receiver, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    program, url = receiver
    shown = webhooks_out.add(stage.location_id, stage.person.user, f"{url}/hook", ["invoice.sent"])
    real = delivering.body_of

    def body_of(session: Session, endpoint: WebhookEndpoint, delivery: WebhookDelivery) -> str:
        if delivery.id == rotten:
            raise LookupError("the push is gone")
        return real(session, endpoint, delivery)

    for _ in "ab":
        webhooks_out.send_test(stage.location_id, stage.person.user, shown.endpoint_id)
    rotten = rows()[0].id
    monkeypatch.setattr(delivering, "body_of", body_of)
    assert delivering.deliver(shown.endpoint_id) == 1
    first, second = rows()
    assert (first.state, first.answer, second.state) == ("queued", delivering.BROKEN, "delivered")
    monkeypatch.setattr(delivering, "body_of", real)
    assert first.next_at is not None
    with time_machine.travel(first.next_at + timedelta(seconds=1)):
        assert delivering.deliver(shown.endpoint_id) == 1
    assert [each["id"] for each in program.bodies] == [second.uid, first.uid]


def test_no_redirect_is_followed_and_nobody_at_home_lets_the_address_rest(
    stage: Stage, receiver: tuple[Receiver, str], free_port: int
) -> None:
    program, url = receiver
    for address in (f"{url}/away", f"http://127.0.0.1:{free_port}/"):
        shown = webhooks_out.add(stage.location_id, stage.person.user, address, ["invoice.sent"])
        webhooks_out.send_test(stage.location_id, stage.person.user, shown.endpoint_id)
        assert delivering.deliver(shown.endpoint_id) == 0
    first, second = rows()
    assert (first.status, program.heard) == (307, [])
    assert (second.status, second.answer) == (None, "Nobody listens at this address.")
    assert delivering.due() == []
    webhooks_out.remove(stage.location_id, stage.person.user, shown.endpoint_id)
    assert rows()[1].state == DeliveryState.GIVEN_UP
