"""More was paid in HoopAI than Xero counts as owed: what is owed becomes a payment, the rest what a person decides."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask

from portal.errors import ChooseAgain
from portal.extensions import db
from portal.models import (
    Authorisation,
    Difference,
    Document,
    Failure,
    Invoice,
    Location,
    Operation,
    Payment,
    Push,
    PushState,
)
from portal.services import consents, following, outbox, overpaying, payments_in, reconciliation, undoing
from portal.services.unit import release, transaction
from tests.portal.conftest import EITHER
from tests.portal.services.harness import Stage, staged
from tests.support import consent, portal
from tests.support.hoop import GST, line
from tests.support.xero import Xero

D = Decimal
pytestmark = pytest.mark.parametrize("database_url", EITHER, indirect=True)


@pytest.fixture
def stage(ground: Flask, sandbox: str, xero: Xero) -> Iterator[Stage]:
    with staged(ground, sandbox, xero) as made:
        made.map_all()
        yield made


def carry(stage: Stage) -> None:
    release()
    stage.carry()


def here(stage: Stage) -> Location:
    return db.session.get_one(Location, stage.location_id)


def overpaid(stage: Stage, paid: str = "380") -> int:
    """An invoice over 330.00 that Xero has, and for which more was received in HoopAI; the payment's id."""
    stage.hoop.create(line("Care plan", "150", "2", GST))
    carry(stage)
    with transaction() as session:
        outbox.guard(session, stage.location_id)
        invoice = session.query(Invoice).one()
        invoice.amount_paid = D(paid)
        payments_in.from_amount(session, here(stage), invoice)
    carry(stage)
    return db.session.query(Payment).one().id


def allow(stage: Stage) -> None:
    """Reconnect and allow overpayments."""
    url = consents.begin(here(stage), stage.person.user, stage.person.session_id, overpayments=True)
    release()
    outcome = portal.complete(stage.person, consent.allow(url, "mia", portal.AU))
    assert outcome.ok, outcome.sentence
    carry(stage)


def overpayments(stage: Stage) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = stage.books()["overpayments"]
    return found


def made_on(stage: Stage) -> date:
    return db.session.query(Payment).first().paid_on


def reconciled(stage: Stage) -> list[tuple[str, str | None, str | None]]:
    """Reconcile to the end; what differs, with both sides."""
    release()
    run_id = reconciliation.start(stage.location_id, stage.person.user)
    release()
    assert reconciliation.go_on(stage.location_id)
    rows = db.session.query(Difference).filter_by(run_id=run_id).order_by(Difference.id)
    return [(str(row.kind), row.ours, row.theirs) for row in rows]


def told(push: Push | None) -> tuple[str, str]:
    assert push is not None
    return str(push.state), push.cause or push.message or ""


def test_the_surplus_is_an_overpayment_once_xero_allows_it(stage: Stage) -> None:
    payment_id = overpaid(stage)
    assert told(stage.pushes("payment")[0]) == ("blocked", f"surplus:{payment_id}")
    assert stage.payments() == []
    found = overpaying.surplus(here(stage), payment_id)
    assert (found.due, found.above, found.allowed) == (330, 50, False)
    overpaying.record(here(stage), payment_id, stage.person.user)
    carry(stage)
    assert [each["Amount"] for each in stage.payments()] == [330]
    assert told(stage.pushes("payment")[1]) == ("blocked", "scope:overpayments")
    allow(stage)
    (made,) = overpayments(stage)
    assert (made["Total"], made["Reference"].startswith("HoopAI ")) == (50, True)
    assert {state for state in stage.states()} == {"sent"}
    assert "accounting.banktransactions" in db.session.query(Authorisation).one().scopes
    carry(stage)
    assert (len(stage.payments()), len(overpayments(stage))) == (1, 1)
    with pytest.raises(ChooseAgain):
        overpaying.record(here(stage), payment_id, stage.person.user)
    assert reconciled(stage) == [], "an overpayment is compared as well"
    twin = {name: made[name] for name in ("Reference", "Contact")} | {"LineItems": [{"LineAmount": 50}]}
    twin |= {"Type": "RECEIVE-OVERPAYMENT", "BankAccount": {"Code": "090"}, "Date": str(made_on(stage))}
    stage.xero.type_in(stage.tenant_id, "BankTransactions", twin)
    assert reconciled(stage) == [("only_xero", None, "50.00 AUD")], "and a second one is found"
    with transaction() as session:
        row = session.query(Payment).order_by(Payment.id.desc()).first()
        assert row is not None
        following.take_back(session, row)
    carry(stage)
    assert told(stage.pushes("payment")[-1])[1].startswith("overpayment:"), "a person removes it by hand"


def test_only_what_is_owed_goes_and_the_rest_is_left_out(stage: Stage) -> None:
    payment_id = overpaid(stage)
    overpaying.only_what_is_due(here(stage), payment_id, stage.person.user)
    carry(stage)
    assert [each["Amount"] for each in stage.payments()] == [330]
    assert overpayments(stage) == []
    states = {push.amount: str(push.state) for push in stage.pushes("payment")}
    assert states == {330: "sent", 50: "skipped"}
    with transaction() as session:
        payments_in.from_amount(session, here(stage), session.query(Invoice).one())
    carry(stage)
    assert db.session.query(Payment).count() == 2, "the paid amount is explained"


@pytest.mark.parametrize(("by_hand", "code"), [(280, "XH017:"), (330, "XH018:")])
def test_what_a_bookkeeper_entered_by_hand_leaves_less_to_pay(stage: Stage, by_hand: int, code: str) -> None:
    made = stage.hoop.create(line("Care plan", "150", "2", GST))
    carry(stage)
    paid = {"Account": {"Code": "090"}, "Date": "2026-11-20", "Amount": by_hand}
    there = {"Invoice": {"InvoiceID": stage.invoices()[0]["InvoiceID"]}}
    stage.xero.type_in(stage.tenant_id, "Payments", there | paid)
    stage.hoop.act(made["_id"], "pay", method="card")
    carry(stage)
    push = stage.pushes("payment")[0]
    assert (push.state, (push.cause or "")[:6]) == ("blocked", code)
    push_id = push.id
    overpaying.record(here(stage), push.document_id, stage.person.user)
    allow(stage)
    outbox.retry([push_id], stage.person.user, stage.location_id)
    carry(stage)
    assert [each["Total"] for each in overpayments(stage)] == [by_hand]
    assert sorted(each["Amount"] for each in stage.payments()) == sorted({330 - by_hand, by_hand} - {0})


def test_not_sending_a_change_of_an_invoice_leaves_its_payments_and_those_of_others_alone(
    stage: Stage,
) -> None:
    payment_id = overpaid(stage)
    with transaction() as session:
        invoice = session.query(Invoice).one()
        following.update(session, invoice)
        change = outbox.find(session, stage.location_id, Document.INVOICE, invoice.id, Operation.UPDATE)
        assert change is not None
        outbox.block(change, Failure.REFUSED, "account:200", "No such account.")
        change_id = change.id
    release()
    assert outbox.skip([change_id], stage.person.user, stage.location_id) == 1
    assert told(stage.pushes("payment")[0]) == ("blocked", f"surplus:{payment_id}")


def test_an_invoice_is_no_parent_of_what_hangs_on_the_payment_of_the_same_number(stage: Stage) -> None:
    payment_id = overpaid(stage)
    with transaction() as session:
        invoice = session.query(Invoice).one()
        assert invoice.id == payment_id, "ids of different tables are alike"
        create = outbox.find(session, stage.location_id, Document.INVOICE, invoice.id, Operation.CREATE)
        assert create is not None
        deletion = outbox.want(
            session, stage.location_id, Document.PAYMENT, payment_id, Operation.VOID,
            parent=(Document.PAYMENT, payment_id),
        )  # fmt: skip
        outbox.block(create, Failure.REFUSED, "account:200", "No such account.")
        create_id, deletion_id = create.id, deletion.id
    release()
    outbox.skip([create_id], stage.person.user, stage.location_id)
    assert db.session.get_one(Push, deletion_id).state == PushState.QUEUED


def test_undoing_the_invoice_says_that_the_overpayment_stays(stage: Stage) -> None:
    payment_id = overpaid(stage)
    allow(stage)
    overpaying.record(here(stage), payment_id, stage.person.user)
    carry(stage)
    invoice_id = db.session.query(Invoice).one().id
    found = undoing.plan(here(stage), "invoice", invoice_id)
    assert [each.id for each in found.payments] == [payment_id]
    assert "The overpayment of 50.00 AUD stays in Xero; only a person can remove it there." in found.stays
    undoing.undo(here(stage), "invoice", invoice_id, stage.person.user)
    carry(stage)
    assert stage.states().get("blocked") is None
    assert stage.invoices()[0]["Status"] == "VOIDED"
