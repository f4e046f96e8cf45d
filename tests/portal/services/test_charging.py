"""A total above what the lines make: a person says what the rest is, and it goes to Xero on a line of its own."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask

from portal.errors import ChooseAgain, NotFoundHere
from portal.extensions import db
from portal.models import AuditEntry, Invoice, Location, MappingKind
from portal.services import charging, hoop_reader, intake, looking_up, mappings, problems, stories
from portal.services.charges_in import Charge
from portal.services.unit import release
from tests.portal.conftest import EITHER
from tests.portal.services.harness import Stage, staged
from tests.support.hoop import GST, line
from tests.support.xero import Xero

D = Decimal
WAITS = [("blocked", "invoice:total")]
pytestmark = pytest.mark.parametrize("database_url", EITHER, indirect=True)


@pytest.fixture
def stage(ground: Flask, sandbox: str, xero: Xero) -> Iterator[Stage]:
    with staged(ground, sandbox, xero) as made:
        made.map_all()
        mappings.save(made.location_id, made.person.user, {(MappingKind.TAX, "none"): "EXEMPTOUTPUT"})
        yield made


def carry(stage: Stage) -> None:
    release()
    stage.carry()


def here(stage: Stage) -> Location:
    return db.session.get_one(Location, stage.location_id)


def billed(stage: Stage, fee: str = "15", **more: Any) -> str:
    """An invoice of 200.00 with a late fee that nothing names; its HoopAI id."""
    made = stage.hoop.create(line("Workshop", "200"), late_fee=fee, **more)
    carry(stage)
    return str(made["_id"])


def books(stage: Stage, hoop_id: str, charge: Charge = Charge.LATE_FEE, amount: str = "15") -> str:
    said = charging.book(here(stage), hoop_id, stage.person.user, charge, D(amount))
    carry(stage)
    return said


def standing(stage: Stage) -> list[tuple[str, str]]:
    return [(str(push.state), push.cause or "") for push in stage.pushes("invoice")]


def in_xero(stage: Stage) -> list[tuple[str, str, Decimal]]:
    (found,) = stage.invoices()
    return [(row["Description"], row["AccountCode"], D(row["LineAmount"])) for row in found["LineItems"]]


def test_a_late_fee_goes_to_its_own_account_once_a_person_has_said_what_it_is(stage: Stage) -> None:
    stage.map_all(account="", **{"name:workshop": "200"})
    hoop_id = billed(stage)
    assert standing(stage) == WAITS
    assert stage.invoices() == []
    assert problems.advice("refused", "invoice:total").owner == problems.Owner.YOU
    found = charging.difference(here(stage), hoop_id)
    assert [(each.lines, each.above) for each in found.readings] == [(200, 15)]
    assert {kind.account for kind in found.kinds} == {None}
    for amount in ("15.01", "0", "-15"):
        with pytest.raises(ChooseAgain, match="has changed since"):
            books(stage, hoop_id, amount=amount)
    with pytest.raises(NotFoundHere):
        charging.difference(Location(id=stage.location_id + 1), hoop_id)
    books(stage, hoop_id)
    assert standing(stage) == [("blocked", "category:charge:late fee")], "no account is guessed"
    target = (MappingKind.CATEGORY, "charge:late fee")
    mappings.save(stage.location_id, stage.person.user, {target: "260"})
    carry(stage)
    assert in_xero(stage) == [("Workshop", "200", D(200)), ("Late fee", "260", D(15))]
    (there,) = stage.invoices()
    assert (there["Total"], there["TotalTax"], there["Status"]) == (215, 0, "AUTHORISED")
    stage.hoop.act(hoop_id, "pay", method="card")
    carry(stage)
    (there,) = stage.invoices()
    assert (there["Status"], there["AmountPaid"]) == ("PAID", 215)
    assert set(stage.states()) == {"sent"}
    noted = db.session.query(AuditEntry).filter_by(action="invoices.charge").one()
    assert (noted.user_id, "15.00 of 215.00 AUD as late fee" in noted.detail) == (stage.person.user.id, True)
    with pytest.raises(ChooseAgain):
        books(stage, hoop_id)
    with pytest.raises(ChooseAgain, match="in Xero already"):
        charging.take_back(here(stage), hoop_id, stage.person.user)


def test_the_decision_counts_for_its_total_only_and_stays_through_other_edits(stage: Stage) -> None:
    hoop_id = billed(stage)
    books(stage, hoop_id, Charge.TIP)
    assert [row[0] for row in in_xero(stage)] == ["Workshop", "Tip"]
    stage.hoop.act(hoop_id, "edit", due_date="2027-01-31")
    carry(stage)
    assert [row[0] for row in in_xero(stage)] == ["Workshop", "Tip"], "the same total, the same decision"
    stage.hoop.act(hoop_id, "edit", lines=[line("Workshop", "250")])
    carry(stage)
    assert standing(stage) == [("sent", ""), *WAITS], "15.00 is missing again, but of another total"
    (there,) = stage.invoices()
    assert there["Total"] == 215, "what is in Xero stays until somebody decides"
    books(stage, hoop_id, Charge.OTHER)
    assert [row[0] for row in in_xero(stage)] == ["Workshop", "Other charge"]
    (there,) = stage.invoices()
    assert there["Total"] == 265
    stage.hoop.act(hoop_id, "edit", late_fee="")
    carry(stage)
    assert [row[0] for row in in_xero(stage)] == ["Workshop"], "without a rest no charge is needed"


def test_it_is_taken_back_while_xero_does_not_hold_it(stage: Stage) -> None:
    stage.map_all(account="", **{"name:workshop": "200"})
    hoop_id = billed(stage)
    books(stage, hoop_id)
    assert stories.story(here(stage), hoop_id).charge is not None
    charging.take_back(here(stage), hoop_id, stage.person.user)
    carry(stage)
    assert standing(stage) == WAITS
    assert [each.name for each in db.session.query(Invoice).one().lines] == ["Workshop"]
    assert [entry.action for entry in db.session.query(AuditEntry)][-1] == "invoices.charge_undo"
    stage.hoop.act(hoop_id, "edit", late_fee="")
    carry(stage)
    stage.hoop.act(hoop_id, "edit", late_fee="20")
    carry(stage)
    books(stage, hoop_id, amount="20")
    assert standing(stage) == [("sent", ""), ("blocked", "category:charge:late fee")]
    charging.take_back(here(stage), hoop_id, stage.person.user)
    carry(stage)
    assert standing(stage) == [("sent", ""), *WAITS], "a change that has not gone is taken back alike"
    stage.hoop.act(hoop_id, "edit", late_fee="-15")
    carry(stage)
    found = charging.difference(here(stage), hoop_id)
    assert (found.bookable, [each.above for each in found.readings]) == ([], [-15])
    with pytest.raises(ChooseAgain):
        books(stage, hoop_id, amount="-15")


def test_where_nobody_said_if_prices_hold_their_tax_both_readings_are_offered(stage: Stage) -> None:
    made = stage.hoop.create(line("Workshop", "220", "1", GST, taxInclusive=True), late_fee="12.50")
    carry(stage)
    assert readings(stage, made["_id"]) == [(False, D("-9.50")), (True, D("12.50"))]
    hoop_reader.save_token(stage.location_id, stage.person.user, stage.hoop.token())
    stage.hoop.act(made["_id"], "edit", due_date="2027-01-31")
    stage.heard()
    intake.apply()
    looking_up.look_up(stage.location_id)
    carry(stage)
    assert readings(stage, made["_id"]) == [(True, D("12.50"))], "HoopAI's API knows"
    books(stage, made["_id"], amount="12.50")
    (there,) = stage.invoices()
    assert (there["Total"], there["TotalTax"]) == (D("232.50"), D(20))


def readings(stage: Stage, hoop_id: str) -> list[tuple[bool, Decimal]]:
    found = charging.difference(here(stage), hoop_id).readings
    release()
    return [(each.inclusive, each.above) for each in found]
