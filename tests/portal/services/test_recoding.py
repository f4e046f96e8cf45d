"""Changing the mapping of what was sent: what a save would mean, and moving Xero's invoices to the new account."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from flask import Flask

from portal.errors import ChooseAgain
from portal.models import MappingKind, PushState
from portal.services import connections, mapping_preview, mappings, organisations, recoding
from portal.services.recoding import Progress
from tests.portal.conftest import EITHER
from tests.portal.services.harness import Stage, staged
from tests.support.hoop import GST, line
from tests.support.xero import Xero

D = Decimal
PLAN = "name:care plan"
CARE = (MappingKind.CATEGORY, PLAN)
pytestmark = pytest.mark.parametrize("database_url", EITHER, indirect=True)


@pytest.fixture
def stage(ground: Flask, sandbox: str, xero: Xero) -> Iterator[Stage]:
    with staged(ground, sandbox, xero) as made:
        made.map_all()
        yield made


def bill(stage: Stage, *, send: bool = True, date: str | None = None) -> str:
    more = {"issue_date": date} if date else {}
    made = stage.hoop.create(
        line("Care plan", "150", "2", GST), line("Workshop", "80", "1", GST), send=send, **more
    )
    return str(made["_id"])


def save(stage: Stage, account: str) -> int:
    saved = mappings.save(stage.location_id, stage.person.user, {CARE: account})
    assert saved.save_id is not None
    return saved.save_id


def recode(stage: Stage, save_id: int) -> Progress:
    recoding_id = recoding.start(stage.location_id, stage.person.user, save_id)
    stage.carry()
    return recoding.progress(recoding.one(stage.location_id, recoding_id))


def results(stage: Stage, number: int = 1) -> dict[str, tuple[PushState, str]]:
    rows = recoding.results(recoding.one(stage.location_id, number)).items
    return {row.number: (row.state, row.message) for row in rows}


def codes(stage: Stage) -> list[list[str]]:
    return [[row["AccountCode"] for row in each["LineItems"]] for each in stage.invoices()]


def test_a_preview_tells_what_goes_and_what_stays(stage: Stage) -> None:
    bill(stage)
    stage.carry()
    found = mapping_preview.preview(stage.location_id, {CARE: "260"})
    assert [(each.name, each.was, each.becomes) for each in found.changes] == [
        ("Care plan", "the default, 200 – Sales", "260 – Other Revenue")
    ]
    assert (found.going, found.sent, found.paid, found.locked) == (0, 1, 0, [])
    assert found.money == {"AUD": D("300")}
    assert mappings.book(stage.location_id).chosen.get(CARE) is None


def test_a_preview_counts_exactly_the_waiting_invoices_that_go(stage: Stage) -> None:
    mappings.save(stage.location_id, stage.person.user, {(MappingKind.DEFAULT, "account"): ""})
    bill(stage)
    stage.hoop.create(line("Care plan", "10", "1", GST))
    stage.carry()
    assert stage.states()["blocked"] == 2
    found = mapping_preview.preview(stage.location_id, {CARE: "200"})
    assert (found.going, found.held) == (1, 1)
    assert [(each.label[:3], each.invoices, each.money) for each in found.accounts] == [
        ("200", 1, {"AUD": D(10)})
    ]


def test_sent_drafts_and_paid_invoices_move_to_the_new_account_and_keep_their_totals(stage: Stage) -> None:
    bill(stage)
    paid = bill(stage)
    bill(stage, send=False)
    stage.hoop.act(paid, "pay", method="card")
    stage.carry()
    before = [(each["Total"], each["AmountPaid"], each["Status"]) for each in stage.invoices()]
    progress = recode(stage, save(stage, "260"))
    assert progress == Progress(total=3, done=3, going=0, left_out=0, refused=0, cancelled=0)
    assert codes(stage) == [["260", "200"]] * 3
    assert [(each["Total"], each["AmountPaid"], each["Status"]) for each in stage.invoices()] == before
    assert {each["Status"] for each in stage.invoices()} == {"AUTHORISED", "PAID", "DRAFT"}


def test_a_recode_costs_one_look_and_one_letter_for_fifty_invoices(stage: Stage) -> None:
    for _ in range(4):
        bill(stage)
    stage.carry()
    seen = len(stage.xero.calls())
    recode(stage, save(stage, "260"))
    assert [call["method"] for call in stage.xero.calls("Invoices", since=seen)][-2:] == ["GET", "POST"]


def test_locked_periods_are_left_out_and_listed(stage: Stage) -> None:
    bill(stage, date="2026-06-15")
    bill(stage)
    stage.carry()
    stage.xero.change(stage.tenant_id, period_lock_date="2026-06-30")
    organisations.refresh(stage.connection_id)
    found = mapping_preview.preview(stage.location_id, {CARE: "260"})
    assert (found.sent, found.recodable, len(found.locked)) == (2, 1, 1)
    progress = recode(stage, save(stage, "260"))
    assert (progress.done, progress.left_out) == (1, 1)
    assert sorted(codes(stage)) == [["200", "200"], ["260", "200"]]
    assert "locked up to 30 June 2026" in " ".join(text for _, text in results(stage).values())


def test_what_somebody_moved_by_hand_in_xero_is_left_where_it_is(stage: Stage) -> None:
    bill(stage)
    stage.carry()
    one = stage.invoices()[0]
    rows = [{"LineItemID": row["LineItemID"], "AccountCode": "270"} for row in one["LineItems"]]
    stage.xero.type_in(
        stage.tenant_id, "Invoices", {"InvoiceID": one["InvoiceID"], "LineItems": rows}, "POST"
    )
    progress = recode(stage, save(stage, "260"))
    assert (progress.done, progress.left_out) == (0, 1)
    assert codes(stage) == [["270", "270"]]
    assert "Somebody moved Care plan" in next(iter(results(stage).values()))[1]


def test_a_recode_without_an_answer_is_said_again_and_changes_nothing_twice(stage: Stage) -> None:
    bill(stage)
    stage.carry()
    save_id = save(stage, "260")
    stage.xero.fault("lost_reply", "Invoices", method="POST")
    progress = recode(stage, save_id)
    assert progress.going == 1
    assert codes(stage) == [["260", "200"]]


def test_what_was_not_sent_yet_can_be_called_off(stage: Stage) -> None:
    bill(stage)
    stage.carry()
    connections.pause(stage.location_id, stage.person.user)
    recoding_id = recoding.start(stage.location_id, stage.person.user, save(stage, "260"))
    stage.carry()
    assert recoding.cancel(stage.location_id, stage.person.user, recoding_id) == 1
    connections.resume(stage.location_id, stage.person.user)
    stage.carry()
    assert codes(stage) == [["200", "200"]]
    assert recoding.progress(recoding.one(stage.location_id, recoding_id)).cancelled == 1


def test_back_and_forth_keeps_the_results_of_each(stage: Stage) -> None:
    bill(stage)
    stage.carry()
    recode(stage, save(stage, "260"))
    recode(stage, save(stage, "200"))
    assert codes(stage) == [["200", "200"]]
    assert {state for number in (1, 2) for state, _ in results(stage, number).values()} == {PushState.SENT}


def test_nothing_to_recode_is_said(stage: Stage) -> None:
    save_id = save(stage, "260")
    with pytest.raises(ChooseAgain, match="No invoice in Xero"):
        recoding.start(stage.location_id, stage.person.user, save_id)


def test_a_change_after_a_recode_keeps_the_new_account(stage: Stage) -> None:
    made = bill(stage)
    stage.carry()
    recode(stage, save(stage, "260"))
    stage.hoop.act(made, "edit", lines=[line("Care plan", "170", "2", GST), line("Workshop", "80", "1", GST)])
    stage.carry()
    stage.carry()
    assert codes(stage) == [["260", "200"]]
    assert stage.invoices()[0]["SubTotal"] == D(420)
