"""What only HoopAI's REST API tells: payments one by one, refunds, collections, and what lost webhooks hid."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from flask import Flask

from portal.extensions import db
from portal.hoopai.invoices import said
from portal.models import (
    CatchUp,
    CatchUpState,
    Category,
    Invoice,
    Location,
    MappingKind,
    Payment,
    Refund,
    Source,
)
from portal.services import (
    catching_up,
    draining,
    hoop_reader,
    intake,
    invoices_in,
    looking_up,
    mappings,
    outbox,
    payments_in,
    preferences,
)
from portal.services.unit import release, transaction
from tests.portal.conftest import EITHER
from tests.portal.services.harness import Stage, staged
from tests.support.hoop import GST, line
from tests.support.xero import Xero

D = Decimal
pytestmark = pytest.mark.parametrize("database_url", EITHER, indirect=True)


@pytest.fixture
def stage(ground: Flask, sandbox: str, xero: Xero) -> Iterator[Stage]:
    with staged(ground, sandbox, xero) as made:
        made.map_all()
        mappings.save(made.location_id, made.person.user, {(MappingKind.TAX, "none"): "EXEMPTOUTPUT"})
        yield made


@pytest.fixture
def reading(stage: Stage) -> Stage:
    """The stage with an API token."""
    assert hoop_reader.save_token(stage.location_id, stage.person.user, stage.hoop.token()) == []
    return stage


def carry(stage: Stage) -> None:
    release()
    stage.heard()
    intake.apply()
    looking_up.look_up(stage.location_id)
    draining.drain(stage.connection_id)
    release()


def catch_up(stage: Stage) -> CatchUp:
    release()
    catching_up.start(stage.location_id, stage.person.user)
    for _ in range(50):
        if catching_up.go_on(stage.location_id):
            break
    draining.drain(stage.connection_id)
    release()
    run = catching_up.latest(stage.location_id)
    assert run is not None
    return run


def payments() -> list[Payment]:
    release()
    return list(db.session.query(Payment).order_by(Payment.id))


def test_with_a_token_a_payment_has_the_transactions_own_id_method_and_day(reading: Stage) -> None:
    made = reading.hoop.create(line("Workshop", "200"))
    carry(reading)
    reading.hoop.act(made["_id"], "pay", amount="150", method="card", provider="stripe")
    carry(reading)
    reading.hoop.act(made["_id"], "pay", amount="50", method="cash")
    carry(reading)
    first, second = payments()
    assert [first.hoop_id, second.hoop_id] == [each["_id"] for each in reading.hoop.transactions(made["_id"])]
    assert (first.method, first.amount, second.method, second.amount) == ("stripe", 150, "manual:cash", 50)
    assert sorted(each["Amount"] for each in reading.payments()) == [50, 150]


@pytest.mark.parametrize("readable", [True, False])
def test_a_total_that_the_lines_do_not_make_is_asked_for_where_there_is_a_token(
    stage: Stage, readable: bool
) -> None:
    if readable:
        hoop_reader.save_token(stage.location_id, stage.person.user, stage.hoop.token())
    made = stage.hoop.create(line("Workshop", "200"))
    carry(stage)
    assert db.session.query(Invoice).one().look_up_at is None, "an event that fits asks nothing"
    with transaction() as session:
        outbox.guard(session, stage.location_id)
        location = session.get_one(Location, stage.location_id)
        invoices_in.take(session, location, said({**made, "total": 203}))
        invoice = session.query(Invoice).one()
        assert (invoice.held, invoice.look_up_at is not None) == (readable, readable)
    carry(stage)
    invoice = db.session.query(Invoice).one()
    assert (invoice.held, invoice.total) == (False, 200 if readable else 203)
    (there,) = stage.invoices()
    assert there["Total"] == 200
    waits = [str(push.cause) for push in stage.pushes("invoice") if push.state == "blocked"]
    assert waits == ([] if readable else ["invoice:total"])


def test_two_payments_told_by_one_event_become_two_payments(reading: Stage) -> None:
    made = reading.hoop.create(line("Workshop", "200"))
    carry(reading)
    reading.hoop.deaf()
    reading.hoop.act(made["_id"], "pay", amount="120", method="card")
    reading.hoop.deaf(False)
    reading.hoop.act(made["_id"], "pay", amount="80", method="card")
    carry(reading)
    assert sorted(each["Amount"] for each in reading.payments()) == [80, 120]


def test_without_a_token_the_step_is_the_payment_and_the_transactions_do_not_double_it(stage: Stage) -> None:
    made = stage.hoop.create(line("Workshop", "200"))
    stage.carry()
    stage.hoop.deaf()
    stage.hoop.act(made["_id"], "pay", amount="120", method="card")
    stage.hoop.deaf(False)
    stage.hoop.act(made["_id"], "pay", amount="80", method="cash")
    stage.carry()
    assert [each["Amount"] for each in stage.payments()] == [200]
    hoop_reader.save_token(stage.location_id, stage.person.user, stage.hoop.token())
    run = catch_up(stage)
    (payment,) = payments()
    told = [each["_id"] for each in stage.hoop.transactions(made["_id"])]
    assert run.state == CatchUpState.DONE
    assert [payment.hoop_id, *payment.covers] == told
    assert payment.note is not None
    assert "120.00 by stripe and 80.00 by manual:cash" in payment.note
    assert [each["Amount"] for each in stage.payments()] == [200]


def test_a_catch_up_finds_every_invoice_payment_void_and_deletion_that_was_lost(reading: Stage) -> None:
    paid, voided, deleted = (reading.hoop.create(line("Workshop", str(100 + n))) for n in range(3))
    carry(reading)
    assert len(reading.invoices()) == 3
    reading.hoop.deaf()
    unheard = reading.hoop.create(line("Workshop", "300"))
    reading.hoop.act(unheard["_id"], "pay", amount="300", method="card")
    reading.hoop.act(paid["_id"], "pay", amount="40", method="card")
    reading.hoop.act(voided["_id"], "void")
    reading.hoop.act(deleted["_id"], "delete")
    run = catch_up(reading)
    assert (run.state, run.broken) == (CatchUpState.DONE, 0)
    found = {each["InvoiceNumber"]: each["Status"] for each in reading.invoices()}
    assert found == {
        unheard["invoiceNumber"]: "PAID",
        paid["invoiceNumber"]: "AUTHORISED",
        voided["invoiceNumber"]: "VOIDED",
        deleted["invoiceNumber"]: "VOIDED",
    }
    assert sorted(each["Amount"] for each in reading.payments()) == [40, 300]
    again = catch_up(reading)
    assert (again.changed, again.calls) == (0, 4), "a second one finds nothing and asks for nothing in detail"


def test_a_refund_is_found_by_the_catch_up_once_for_each_step(reading: Stage) -> None:
    made = reading.hoop.create(line("Workshop", "200"))
    carry(reading)
    reading.hoop.act(made["_id"], "pay", method="card")
    carry(reading)
    reading.hoop.act(made["_id"], "refund", amount="30")
    catch_up(reading)
    reading.hoop.act(made["_id"], "refund", amount="20")
    catch_up(reading)
    catch_up(reading)
    release()
    rows = db.session.query(Refund).order_by(Refund.id).all()
    (payment,) = payments()
    assert [(each.amount, each.payment_id, each.method) for each in rows] == [
        (30, payment.id, "stripe"),
        (20, payment.id, "stripe"),
    ]
    (transaction,) = reading.hoop.transactions(made["_id"])
    assert [each.hoop_id for each in rows] == [f"{transaction['_id']}:30", f"{transaction['_id']}:50"]


def test_a_refund_that_lowers_the_paid_amount_takes_no_payment_back(reading: Stage) -> None:
    made = reading.hoop.create(line("Workshop", "200"))
    carry(reading)
    reading.hoop.act(made["_id"], "pay", method="card")
    carry(reading)
    reading.hoop.act(made["_id"], "refund", amount="200", reduce_paid=True)
    carry(reading)
    (payment,) = payments()
    (refund,) = db.session.query(Refund).all()
    assert (payment.taken_back_at, refund.amount, refund.reduced) == (None, 200, True)
    reading.hoop.act(made["_id"], "pay", method="card")
    carry(reading)
    assert [each.amount for each in payments()] == [200, 200]


def test_a_paid_amount_that_falls_without_a_refund_takes_the_payment_back(stage: Stage) -> None:
    made = stage.hoop.create(line("Workshop", "200"))
    stage.carry()
    stage.hoop.act(made["_id"], "pay", amount="200", method="direct_debit")
    stage.carry()
    assert [each["Amount"] for each in stage.payments()] == [200]
    stage.hoop.act(made["_id"], "refund", amount="200", reduce_paid=True)
    stage.carry()
    (payment,) = payments()
    assert payment.taken_back_at is not None
    stage.carry()
    assert stage.payments() == []


def test_products_are_mapped_by_their_collection_lowest_by_name_until_somebody_ranks_them(
    reading: Stage,
) -> None:
    zebra, apple = reading.hoop.collection("Zebra"), reading.hoop.collection("Apple")
    product = reading.hoop.product("Logo pack", "90", zebra, apple)
    reading.hoop.create(line("Logo pack", "90", product_id=product))
    carry(reading)
    assert _keys_of_lines() == [f"collection:{apple}"]
    assert _category(f"collection:{apple}") == "Apple"
    preferences.save(reading.location_id, reading.person.user, {"collection_order": [zebra, apple]})
    reading.hoop.create(line("Logo pack", "90", product_id=product))
    carry(reading)
    assert _keys_of_lines() == [f"collection:{apple}", f"collection:{zebra}"], (
        "what has gone keeps its account"
    )


def test_inclusive_prices_are_asked_for_where_the_event_does_not_tell(reading: Stage) -> None:
    reading.hoop.create(line("Workshop", "110", "1", GST, taxInclusive=True))
    carry(reading)
    (invoice,) = reading.invoices()
    assert (invoice["Total"], invoice["TotalTax"], invoice["LineAmountTypes"]) == (110, 10, "Inclusive")


def test_hoopais_rate_limit_ends_the_job_and_says_when_to_go_on(reading: Stage) -> None:
    for n in range(3):
        reading.hoop.create(line("Workshop", str(100 + n)))
    carry(reading)
    reading.hoop.limit(burst=14)
    catching_up.start(reading.location_id, reading.person.user)
    assert catching_up.go_on(reading.location_id) is False
    run = catching_up.latest(reading.location_id)
    assert run is not None
    assert run.state == CatchUpState.RUNNING
    assert run.next_at is not None
    assert catching_up.due() == []
    assert reading.location_id not in looking_up.due()


def test_a_revoked_token_is_said_and_invoices_go_on_from_events_alone(reading: Stage) -> None:
    token = reading.hoop.token()
    hoop_reader.save_token(reading.location_id, reading.person.user, token)
    reading.hoop.revoke(token)
    made = reading.hoop.create(line("Workshop", "200", "1", GST))
    carry(reading)
    source = db.session.query(Source).filter_by(location_id=reading.location_id).one()
    assert "does not accept the API token" in (source.api_refused_reason or "")
    reading.hoop.act(made["_id"], "pay", method="card")
    carry(reading)
    assert [(each.amount, each.method) for each in payments()] == [(220, "default")]
    assert [each["Status"] for each in reading.invoices()] == ["PAID"]


def test_payments_of_a_method_that_is_left_out_wait_for_the_setting(reading: Stage) -> None:
    preferences.save(reading.location_id, reading.person.user, {"methods_left_out": ["manual"]})
    made = reading.hoop.create(line("Workshop", "200"))
    carry(reading)
    reading.hoop.act(made["_id"], "pay", amount="60", method="cash")
    reading.hoop.act(made["_id"], "pay", amount="40", method="card")
    carry(reading)
    assert [each["Amount"] for each in reading.payments()] == [40]
    (left_out,) = [push for push in reading.pushes("payment") if push.state == "skipped"]
    assert left_out.message == "Payments by cash are not sent; that is set for this location."
    preferences.save(reading.location_id, reading.person.user, {"methods_left_out": []})
    with transaction() as session:
        assert payments_in.reconsider(session, reading.location_id) == 1
    carry(reading)
    assert sorted(each["Amount"] for each in reading.payments()) == [40, 60]


def _keys_of_lines() -> list[str]:
    release()
    return [
        each.category_key
        for invoice in db.session.query(Invoice).order_by(Invoice.id)
        for each in invoice.lines
    ]


def _category(key: str) -> str | None:
    return db.session.query(Category.name).filter_by(key=key).scalar()
