"""The lifecycle table: each thing that can happen to an invoice in HoopAI, and what Xero's books hold then."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from flask import Flask
from sqlalchemy import select

from portal.extensions import db
from portal.models import Document, InboundEvent, Invoice, InvoiceStatus, Link
from portal.services import applying, draining, intake, invoices_in, preferences
from portal.services.unit import release, transaction
from tests.portal.conftest import EITHER
from tests.portal.services.harness import Stage, staged
from tests.support.hoop import GST, line
from tests.support.xero import Xero

D = Decimal
pytestmark = pytest.mark.parametrize("database_url", EITHER, indirect=True)
Step = tuple[str, dict[str, Any]]
SEND: Step = ("send", {})
PAY: Step = ("pay", {"method": "card", "provider": "stripe"})
HALF: Step = ("pay", {"method": "card", "provider": "stripe", "amount": "165"})
DEBIT: Step = ("processing", {"method": "direct_debit"})
VOID: Step = ("void", {})
DELETE: Step = ("delete", {})
DEARER: Step = ("edit", {"lines": [line("Care plan", "200", "2", GST)]})
LATER: Step = ("edit", {"due_date": "2027-03-31"})


class Row(NamedTuple):
    """A way through life: what HoopAI does after the draft, and what Xero holds at the end."""

    name: str
    steps: tuple[Step, ...]
    status: str | None
    total: int = 330
    paid: tuple[int, ...] = ()
    waits: str | None = None
    wishes: dict[str, Any] = {}  # noqa: RUF012


TABLE = (
    Row("a draft", (), "DRAFT"),
    Row("a draft, edited", (DEARER,), "DRAFT", 440),
    Row("a draft, deleted", (DELETE,), None),
    Row("a draft, paid", (PAY,), "PAID", paid=(330,)),
    Row("sent", (SEND,), "AUTHORISED"),
    Row("sent, edited", (SEND, DEARER), "AUTHORISED", 440),
    Row("sent, voided", (SEND, VOID), "VOIDED"),
    Row("sent, deleted", (SEND, DELETE), "VOIDED"),
    Row("sent, a debit under way", (SEND, DEBIT), "AUTHORISED"),
    Row("sent, a debit that arrives", (SEND, DEBIT, ("clear", {})), "PAID", paid=(330,)),
    Row("sent, a debit that fails", (SEND, DEBIT, ("fail", {})), "AUTHORISED"),
    Row("sent, half paid", (SEND, HALF), "AUTHORISED", paid=(165,)),
    Row("sent, paid", (SEND, PAY), "PAID", paid=(330,)),
    Row("sent, paid in two", (SEND, HALF, PAY), "PAID", paid=(165, 165)),
    Row("half paid, edited in what Xero allows", (SEND, HALF, LATER), "AUTHORISED", paid=(165,)),
    Row("half paid, made dearer", (SEND, HALF, DEARER), "AUTHORISED", paid=(165,), waits="paid"),
    Row("half paid, voided", (SEND, HALF, VOID), "AUTHORISED", paid=(165,), waits="payments"),
    Row("paid, deleted", (SEND, PAY, DELETE), "PAID", paid=(330,), waits="payments"),
    Row("a draft that is not wanted yet", (), None, wishes={"send_from": "sent"}),
    Row("sent, wanted from then on", (SEND,), "AUTHORISED", wishes={"send_from": "sent"}),
    Row("sent, wanted once paid", (SEND,), None, wishes={"send_from": "paid"}),
    Row("paid, wanted once paid", (SEND, PAY), "PAID", paid=(330,), wishes={"send_from": "paid"}),
    Row("sent, for approval", (SEND,), "DRAFT", wishes={"for_approval": True}),
    Row("paid, for approval", (SEND, PAY), "DRAFT", wishes={"for_approval": True}),
)
IN_XERO_BEFORE = ("half paid, made dearer", "paid, deleted", "half paid, voided")
BACKWARDS = [row for row in TABLE if row.steps and not row.wishes and row.name not in IN_XERO_BEFORE]


@pytest.fixture
def stage(ground: Flask, sandbox: str, xero: Xero) -> Iterator[Stage]:
    with staged(ground, sandbox, xero) as made:
        made.map_all()
        yield made


def carry(stage: Stage) -> None:
    release()
    stage.carry()


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_xeros_books_after_each_way_through_life(stage: Stage, row: Row) -> None:
    preferences.save(stage.location_id, stage.person.user, row.wishes)
    made = stage.hoop.create(line("Care plan", "150", "2", GST), send=False)
    carry(stage)
    for verb, how in row.steps:
        stage.hoop.act(made["_id"], verb, **how)
        carry(stage)
    found = [(each["Status"], each["Total"]) for each in stage.invoices()]
    assert found == ([(row.status, D(row.total))] if row.status else [])
    assert sorted(each["Amount"] for each in stage.payments()) == [D(each) for each in row.paid]
    waiting = [
        str(push.cause).partition(":")[0] for push in stage.pushes("invoice") if push.state == "blocked"
    ]
    assert waiting == ([row.waits] if row.waits else [])


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_the_end_is_the_same_when_all_of_it_is_heard_at_once(stage: Stage, row: Row) -> None:
    if row.name in ("half paid, made dearer", "a draft, deleted", "paid, deleted", "half paid, voided"):
        pytest.skip("heard at once it is another story: nothing was in Xero yet")
    preferences.save(stage.location_id, stage.person.user, row.wishes)
    made = stage.hoop.create(line("Care plan", "150", "2", GST), send=False)
    for verb, how in row.steps:
        stage.hoop.act(made["_id"], verb, **how)
    carry(stage)
    ended = row.status in ("VOIDED", None)
    found = [(each["Status"], each["Total"]) for each in stage.invoices()]
    assert found == ([] if ended else [(row.status, D(row.total))])
    assert sum(each["Amount"] for each in stage.payments()) == sum(row.paid)


@pytest.mark.parametrize(("place", "row"), enumerate(BACKWARDS), ids=lambda each: getattr(each, "name", ""))
def test_the_end_is_the_same_when_it_is_heard_backwards(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, place: int, row: Row
) -> None:
    if place % 3 == 1:
        monkeypatch.setattr(applying, "_apply_together", applying._apply_singly)
    if place % 3 == 2:
        monkeypatch.setattr(applying, "CHUNK", 1)
    preferences.save(stage.location_id, stage.person.user, row.wishes)
    stage.hoop.hold(True)
    made = stage.hoop.create(line("Care plan", "150", "2", GST), send=False)
    for verb, how in row.steps:
        stage.hoop.act(made["_id"], verb, **how)
    stage.hoop.hold(False, backwards=True)
    carry(stage)
    ended = row.status in ("VOIDED", None)
    found = [(each["Status"], each["Total"]) for each in stage.invoices()]
    assert found == ([] if ended else [(row.status, D(row.total))])
    assert sum(each["Amount"] for each in stage.payments()) == sum(row.paid)


@pytest.mark.parametrize(
    ("verb", "way"), [("void", "together"), ("delete", "singly"), ("delete", "a transaction each")]
)
def test_an_end_that_overtook_its_invoice_is_remembered(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, verb: str, way: str
) -> None:
    if way == "singly":
        monkeypatch.setattr(applying, "_apply_together", applying._apply_singly)
    if way == "a transaction each":
        monkeypatch.setattr(applying, "CHUNK", 1)
    stage.hoop.hold(True)
    made = stage.hoop.create(line("Care plan", "150", "2", GST))
    stage.hoop.act(made["_id"], verb)
    other = stage.hoop.create(line("Care plan", "10", "1", GST))
    stage.hoop.hold(False, backwards=True)
    carry(stage)
    stage.hoop.redeliver()
    carry(stage)
    assert [each["InvoiceNumber"] for each in stage.invoices()] == [other["invoiceNumber"]]
    reasons = db.session.scalars(
        select(InboundEvent.reason).where(InboundEvent.hoop_id == made["_id"]).order_by(InboundEvent.id)
    ).all()
    assert reasons[0] == invoices_in.NEVER_SEEN
    assert set(reasons[1:]) == {invoices_in.ENDED_BEFORE}
    release()


@pytest.mark.parametrize(
    ("status", "state", "cause"),
    [(InvoiceStatus.VOID, "skipped", None), (InvoiceStatus.SENT, "blocked", "ended")],
)
def test_a_payment_whose_invoice_has_ended_in_xero_does_not_wait_for_ever(
    stage: Stage, status: InvoiceStatus, state: str, cause: str | None
) -> None:
    made = stage.hoop.create(line("Care plan", "150", "2", GST))
    carry(stage)
    stage.hoop.act(made["_id"], "pay", method="card", provider="stripe")
    stage.heard()
    intake.apply()
    with transaction() as session:
        session.scalars(select(Link).where(Link.document == Document.INVOICE)).one().xero_status = "VOIDED"
        session.scalars(select(Invoice)).one().status = status
    draining.drain(stage.connection_id)
    (payment,) = stage.pushes("payment")
    assert (payment.state, (payment.cause or "").partition(":")[0] or None) == (state, cause)
    assert "voided" in (payment.message or "")
    assert stage.payments() == []
    release()
