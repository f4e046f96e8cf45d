"""One document: looked at in Xero, compared, sent again, cancelled, undone."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from portal import clock
from portal.errors import ChooseAgain, NotFoundHere
from portal.extensions import db
from portal.models import AuditEntry, Link, Location, Payment, Refund
from portal.services import (
    answers,
    chains,
    connections,
    document_pages,
    documents,
    following,
    looks,
    outbox,
    papers,
    stories,
    undoing,
)
from portal.services.unit import release, transaction
from tests.portal.conftest import EITHER
from tests.portal.services.harness import Stage, staged
from tests.support.hoop import GST, line
from tests.support.portal import KAURI, location
from tests.support.xero import Xero

D = Decimal
pytestmark = pytest.mark.parametrize("database_url", EITHER, indirect=True)


@pytest.fixture
def stage(ground: Flask, sandbox: str, xero: Xero) -> Iterator[Stage]:
    with staged(ground, sandbox, xero) as made:
        made.map_all(**{"name:workshop": "260"})
        yield made


def here(stage: Stage) -> Location:
    return db.session.get_one(Location, stage.location_id)


def carry(stage: Stage) -> None:
    release()
    stage.carry()


def paid(stage: Stage, amount: str = "100") -> dict[str, Any]:
    """An invoice of 330.00 in Xero with a payment on it."""
    made = stage.hoop.create(line("Care plan", "150", "2", GST), number="1042")
    stage.hoop.act(made["_id"], "pay", amount=amount, method="card")
    carry(stage)
    return made


def ids(stage: Stage) -> tuple[int, int]:
    """Our ids of the one invoice and its payment."""
    payment = db.session.scalars(select(Payment)).one()
    return payment.invoice_id, payment.id


def one(stage: Stage) -> dict[str, Any]:
    (found,) = stage.invoices()
    return found


def differing(stage: Stage, hoop_id: str) -> dict[str, str]:
    fields = stories.story(here(stage), hoop_id).fields
    return {field.name: field.differs for field in fields if field.differs}


def test_looking_in_xero_costs_one_call_and_tells_the_differences_in_words(stage: Stage) -> None:
    made = paid(stage)
    invoice_id, _ = ids(stage)
    assert differing(stage, made["_id"]) == {}
    stage.xero.change_invoice(stage.tenant_id, one(stage)["InvoiceID"], DueDate="2027-03-31")
    calls = len(stage.xero.calls(""))
    looks.look(here(stage), "invoice", invoice_id)
    assert len(stage.xero.calls("")) == calls + 1
    told = stories.story(here(stage), made["_id"])
    due = next(field for field in told.fields if field.name == "Due")
    assert due.differs.endswith("later in Xero")
    assert next(field for field in told.fields if field.name == "Paid").theirs == D(100)
    assert told.view.at is not None
    calls = len(stage.xero.calls(""))
    stories.story(here(stage), made["_id"])
    assert len(stage.xero.calls("")) == calls, "showing a page never asks Xero"


def test_what_was_sent_since_the_last_look_makes_no_false_difference(stage: Stage) -> None:
    made = stage.hoop.create(line("Care plan", "150", "2", GST), number="1042", due_date="2026-12-31")
    carry(stage)
    told = stories.story(here(stage), made["_id"])
    due = next(field for field in told.fields if field.name == "Due")
    assert str(due.theirs) == "2026-12-31", "Xero's answer tells its side without a look"
    looks.look(here(stage), "invoice", told.invoice.id)
    stage.hoop.act(made["_id"], "edit", due_date="2027-02-28")
    stage.hoop.act(made["_id"], "pay", amount="100", method="card")
    carry(stage)
    assert differing(stage, made["_id"]) == {}
    paid_there = next(f for f in stories.story(here(stage), made["_id"]).fields if f.name == "Paid")
    assert paid_there.theirs == D(100)


def test_a_look_does_not_count_as_read_back_before_a_change(stage: Stage) -> None:
    made = paid(stage)
    looks.look(here(stage), "invoice", ids(stage)[0])
    stage.hoop.act(made["_id"], "edit", due_date="2027-02-28")
    carry(stage)
    assert str(one(stage)["DueDate"]).startswith("2027-02-28")
    assert set(stage.states()) == {"sent"}


def test_payments_and_contacts_have_a_page_and_are_looked_at_too(stage: Stage) -> None:
    paid(stage)
    _, payment_id = ids(stage)
    looks.look(here(stage), "payment", payment_id)
    page = document_pages.page(here(stage), "payment", payment_id)
    assert [field.name for field in page.fields if field.differs] == []
    assert page.may_undo
    contact_id = page.invoices[0].contact_id
    looks.look(here(stage), "contact", contact_id or 0)
    contact = document_pages.page(here(stage), "contact", contact_id or 0)
    assert contact.fields[0].theirs == "Lantern Foods"
    with pytest.raises(NotFoundHere):
        papers.one(location(KAURI), "payment", payment_id)


def test_undoing_an_invoice_deletes_our_payment_voids_it_and_stays_undone(stage: Stage) -> None:
    made = paid(stage)
    invoice_id, _ = ids(stage)
    plan = undoing.plan(here(stage), "invoice", invoice_id)
    assert len(plan.deeds) == 2
    assert plan.possible
    assert any("contact stays" in each for each in plan.stays)
    undoing.undo(here(stage), "invoice", invoice_id, stage.person.user)
    carry(stage)
    assert stage.payments() == []
    assert one(stage)["Status"] == "VOIDED"
    assert "documents.undo" in [entry.action for entry in db.session.query(AuditEntry)]
    stage.hoop.act(made["_id"], "edit", lines=[line("Care plan", "175", "2", GST)])
    stage.hoop.act(made["_id"], "pay", amount="50", method="card")
    carry(stage)
    assert one(stage)["Status"] == "VOIDED"
    assert stage.payments() == []
    assert "blocked" not in stage.states(), "what HoopAI says later of it is left out, not a problem"
    with pytest.raises(ChooseAgain):
        undoing.undo(here(stage), "invoice", invoice_id, stage.person.user)


def test_what_is_not_ours_or_has_money_of_somebody_else_is_not_undone(stage: Stage) -> None:
    paid(stage)
    invoice_id, _ = ids(stage)
    by_hand = {
        "Invoice": {"InvoiceID": one(stage)["InvoiceID"]}, "Account": {"Code": "090"}, "Amount": 50,
        "Date": "2026-11-22", "Reference": "counter",
    }  # fmt: skip
    stage.xero.type_in(stage.tenant_id, "Payments", by_hand)
    with pytest.raises(ChooseAgain, match="counter"):
        undoing.undo(here(stage), "invoice", invoice_id, stage.person.user)
    link = db.session.scalars(select(Link).where(Link.document == "invoice")).one()
    link.ours = False
    db.session.commit()
    with pytest.raises(ChooseAgain, match="not made by this portal"):
        undoing.undo(here(stage), "invoice", invoice_id, stage.person.user)
    carry(stage)
    assert len(stage.payments()) == 2


def test_undoing_a_payment_deletes_it_and_nothing_makes_it_again(stage: Stage) -> None:
    made = paid(stage)
    _, payment_id = ids(stage)
    undoing.undo(here(stage), "payment", payment_id, stage.person.user)
    carry(stage)
    assert stage.payments() == []
    stage.hoop.act(made["_id"], "edit", due_date="2027-02-28")
    carry(stage)
    assert stage.payments() == []
    assert one(stage)["Status"] == "AUTHORISED"


def test_an_undoing_that_is_cancelled_in_time_leaves_everything_as_it_was(stage: Stage) -> None:
    made = stage.hoop.create(line("Care plan", "150", "2", GST), number="1042")
    carry(stage)
    connections.pause(stage.location_id, stage.person.user)
    invoice_id = stories.story(here(stage), made["_id"]).invoice.id
    undoing.undo(here(stage), "invoice", invoice_id, stage.person.user)
    (void,) = [push for push in stage.pushes("invoice") if push.operation == "void"]
    documents.cancel(here(stage), void.id, stage.person.user)
    connections.resume(stage.location_id, stage.person.user)
    stage.hoop.act(made["_id"], "edit", due_date="2027-02-28")
    carry(stage)
    assert one(stage)["Status"] == "AUTHORISED"
    assert str(one(stage)["DueDate"]).startswith("2027-02-28"), "changes follow again"


def test_sending_again_writes_hoopais_content_over_what_was_changed_in_xero(stage: Stage) -> None:
    made = stage.hoop.create(line("Care plan", "150", "2", GST), number="1042", due_date="2026-12-31")
    carry(stage)
    invoice_id = stories.story(here(stage), made["_id"]).invoice.id
    stage.xero.change_invoice(stage.tenant_id, one(stage)["InvoiceID"], DueDate="2027-03-31")
    documents.send_again(here(stage), "invoice", invoice_id, stage.person.user)
    carry(stage)
    assert str(one(stage)["DueDate"]).startswith("2026-12-31")
    documents.send_again(here(stage), "invoice", invoice_id, stage.person.user)
    (change,) = [push for push in stage.pushes("invoice") if push.operation == "update"]
    documents.cancel(here(stage), change.id, stage.person.user)
    calls = len(stage.xero.calls("Invoices"))
    carry(stage)
    assert len(stage.xero.calls("Invoices")) == calls


def test_what_waits_for_what_is_said_in_one_sentence(stage: Stage) -> None:
    connections.pause(stage.location_id, stage.person.user)
    made = stage.hoop.create(line("Care plan", "150", "2", GST), number="1042")
    stage.hoop.act(made["_id"], "pay", amount="100", method="card")
    carry(stage)
    (payment,) = stage.pushes("payment")
    said = chains.sentence(payment, chains.behind(payment))
    assert said == "It waits for invoice 1042, which waits for contact Lantern Foods, which is on its way."
    (answer,) = answers.why(here(stage), "#1042")
    assert answer.sentence.startswith("Invoice 1042 waits for the connection to Xero. Paused by")


def test_a_refund_that_waits_is_not_sent_once_its_invoice_was_undone(stage: Stage) -> None:
    paid(stage)
    invoice_id, _ = ids(stage)
    release()
    with transaction() as session:
        outbox.guard(session, stage.location_id)
        given = Refund(
            location_id=stage.location_id, invoice_id=invoice_id, hoop_id="txn:55", amount=D(55),
            refunded_on=clock.now().date(),
        )  # fmt: skip
        session.add(given)
        session.flush()
        following.refund(session, given)
    undoing.undo(here(stage), "invoice", invoice_id, stage.person.user)
    carry(stage)
    assert one(stage)["Status"] == "VOIDED"
    assert stage.books()["credit_notes"] == []
    assert {str(each.state) for each in (*stage.pushes("credit_note"), *stage.pushes("refund"))} == {
        "cancelled"
    }
