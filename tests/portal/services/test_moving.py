"""From one Xero organisation to another: compared first, then a new beginning, and nothing is made twice."""

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import select

from portal.errors import ChooseAgain
from portal.extensions import db
from portal.models import (
    Batch,
    BatchState,
    Connection,
    Link,
    MappingKind,
    Push,
    PushState,
    TaxRate,
    Withdrawal,
)
from portal.services import (
    choosing,
    connections,
    draining,
    following,
    housekeeping,
    mappings,
    switching,
    withdrawing,
)
from portal.services.unit import release
from tests.portal.conftest import EITHER
from tests.portal.services import harness
from tests.support import portal
from tests.support.hoop import line
from tests.support.xero import Xero

LINE = line("Workshop", "100")


@pytest.fixture
def stage(ground: Flask, sandbox: str, xero: Xero) -> Iterator[harness.Stage]:
    """Harbour Studio, connected to the Australian organisation and mapped."""
    with harness.staged(ground, sandbox, xero) as stage:
        _map(stage, "EXEMPTOUTPUT")
        yield stage


def _there() -> Connection:
    release()
    return db.session.scalars(select(Connection)).one()


def _map(stage: harness.Stage, no_tax: str) -> None:
    choices = {
        (MappingKind.DEFAULT, "account"): "200",
        (MappingKind.TAX, "none"): no_tax,
        (MappingKind.PAYMENT, "default"): "090",
    }
    mappings.save(stage.location_id, stage.person.user, choices)


def _move(stage: harness.Stage, country: str) -> str:
    outcome = portal.connect(stage.person, portal.HARBOUR, country)
    assert outcome.choice is not None, outcome.sentence
    tenant = stage.xero.tenant(country)
    person = stage.person
    done = choosing.decide(outcome.choice, tenant, person.session_id, person.user, sure=True)
    stage.tenant_id = tenant
    for withdrawal_id in withdrawing.due():
        withdrawing.carry_out(withdrawal_id)
    release()
    return done.sentence


def _pushes() -> list[tuple[str, str, str]]:
    release()
    rows = db.session.scalars(select(Push).order_by(Push.id))
    return [(str(push.document), str(push.operation), str(push.state)) for push in rows]


def test_the_two_are_compared_before_anything_happens(stage: harness.Stage) -> None:
    stage.hoop.create(LINE)
    stage.carry()
    before = _there().tenant_id
    outcome = portal.connect(stage.person, portal.HARBOUR, portal.NZ)
    assert not outcome.ok
    assert "belongs to the Xero organisation" in outcome.sentence
    assert _there().tenant_id == before
    assert outcome.choice is not None

    seen = choosing.choice(outcome.choice, stage.person.session_id, stage.person.user)
    assert seen.present is not None
    assert (seen.present.country, seen.present.documents, seen.present.mappings) == ("AU", 1, 3)
    assert seen.present.last_sync is not None
    (option,) = seen.options
    assert (option.country, option.currency, option.documents, option.mappings) == ("NZ", "NZD", 0, 0)
    assert option.other
    with pytest.raises(ChooseAgain, match="your word"):
        choosing.decide(
            outcome.choice, option.tenant_id, stage.person.session_id, stage.person.user, sure=False
        )
    choosing.decline(outcome.choice, stage.person.session_id, stage.person.user)
    release()
    stage.hoop.create(LINE)
    stage.carry()
    assert len(stage.invoices()) == 2


@pytest.mark.parametrize("database_url", EITHER, indirect=True)
def test_moving_gives_a_new_cut_off_and_fresh_accounts_and_asks_for_mappings_again(
    stage: harness.Stage,
) -> None:
    before = _there().cut_off
    sentence = _move(stage, portal.NZ)
    there = _there()
    assert there.tenant_id == stage.tenant_id
    assert there.cut_off > before
    assert "instead of" in sentence
    assert there.organisation["base_currency"] == "NZD"
    assert mappings.missing(stage.location_id).payment_account
    assert mappings.book(stage.location_id).chosen == {}
    assert "15% GST on Income" in set(db.session.scalars(select(TaxRate.name)))


def test_nothing_sent_before_is_sent_again_and_what_waited_is_left_out_with_a_reason(
    stage: harness.Stage,
) -> None:
    stage.hoop.create(LINE)
    stage.carry()
    connections.pause(stage.location_id, stage.person.user)
    stage.hoop.create(LINE)
    stage.carry()
    connections.resume(stage.location_id, stage.person.user)
    sentence = _move(stage, portal.NZ)
    assert "left out" in sentence
    _map(stage, "NONE")
    stage.carry()
    assert stage.invoices() == []
    release()
    left = db.session.scalars(select(Push).where(Push.state == PushState.SKIPPED)).all()
    assert {push.message for push in left} == {following.LEFT_BEHIND}
    assert len(db.session.scalars(select(Link)).all()) == 2


def test_a_new_invoice_goes_to_the_new_organisation_with_its_customer(stage: harness.Stage) -> None:
    stage.hoop.create(LINE)
    stage.carry()
    _move(stage, portal.NZ)
    _map(stage, "NONE")
    stage.hoop.create(LINE)
    stage.carry()
    assert len(stage.invoices()) == 1


def test_a_change_of_an_invoice_that_is_in_the_old_organisation_is_told_and_left_out(
    stage: harness.Stage,
) -> None:
    hoop_id = stage.hoop.create(LINE)["_id"]
    stage.carry()
    _move(stage, portal.NZ)
    stage.hoop.act(hoop_id, "pay", amount="50")
    stage.carry()
    release()
    paid = db.session.scalars(select(Push).where(Push.document == "payment")).one()
    assert (paid.state, paid.message) == (PushState.SKIPPED, following.ELSEWHERE)
    assert stage.payments() == []
    release()
    stage.hoop.act(hoop_id, "void")
    stage.carry()
    release()
    assert ("invoice", "void", "skipped") in _pushes()


def test_moving_back_finds_the_old_mappings_and_links_and_makes_nothing_twice(stage: harness.Stage) -> None:
    stage.hoop.create(LINE)
    stage.carry()
    _move(stage, portal.NZ)
    _move(stage, portal.AU)
    book = mappings.book(stage.location_id)
    assert len(book.chosen) == 3
    assert book.default_account is not None
    stage.carry()
    assert len(stage.invoices()) == 1


def test_what_was_on_its_way_is_never_sent_to_the_new_organisation(stage: harness.Stage, xero: Xero) -> None:
    xero.fault("lost_reply", "Invoices", method="PUT")
    stage.hoop.create(LINE)
    stage.carry()
    _move(stage, portal.NZ)
    release()
    create = db.session.scalars(select(Push).where(Push.document == "invoice")).one()
    assert (create.state, create.message, create.batch_id) == (PushState.CANCELLED, switching.UNKNOWN, None)
    assert {batch.state for batch in db.session.scalars(select(Batch))} == {BatchState.CLOSED}
    draining.drain(stage.connection_id)
    assert stage.invoices() == []


def test_the_old_connection_is_withdrawn_at_xero(stage: harness.Stage, xero: Xero) -> None:
    old = _there().xero_connection_id
    _move(stage, portal.NZ)
    release()
    row = db.session.scalars(select(Withdrawal)).one()
    housekeeping.withdraw(row.id)
    deleted = [call for call in xero.calls("/connections/") if call["method"] == "DELETE"]
    assert [(call["path"].rsplit("/", 1)[-1], call["status"]) for call in deleted] == [(old, 204)]
    assert not xero.calls("revocation")
