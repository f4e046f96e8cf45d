"""What makes mapping quick and safe: history and restore, two admins at once, CSV, copying, questions, suggestions."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from flask import Flask
from sqlalchemy import select

from portal.errors import ChooseAgain
from portal.extensions import db
from portal.models import Category, HoopTax, Invoice, Line, MappingKind, Product, Push, PushState, Role
from portal.services import (
    mapping_csv,
    mapping_history,
    mapping_preview,
    mapping_table,
    mapping_transfer,
    mappings,
    preferences,
    suggesting,
    users,
)
from portal.services.unit import release, transaction
from tests.portal.conftest import EITHER
from tests.portal.services.harness import Stage, staged
from tests.portal.views import builders
from tests.portal.views.builders import OTHER, SALES
from tests.support import portal
from tests.support.hoop import GST, line
from tests.support.portal import HARBOUR
from tests.support.xero import Xero

CATEGORY, TAX, DEFAULT = MappingKind.CATEGORY, MappingKind.TAX, MappingKind.DEFAULT
TRACKING = MappingKind.TRACKING
WORKSHOP = (CATEGORY, "product:workshop")


@pytest.fixture
def location_id(ground: Flask) -> int:
    found = builders.connect(HARBOUR)
    builders.fill(found)
    return found


def ana() -> users.User:
    return portal.ana().user


def ben() -> users.User:
    return users.add(
        "ben@northlight.example", ana().agency, Role.AGENCY_ADMIN, "another-password-9", name="Ben Hale"
    )


def test_every_save_is_kept_with_who_from_and_to(location_id: int) -> None:
    mappings.save(location_id, ana(), {WORKSHOP: OTHER})
    mappings.save(location_id, ana(), {WORKSHOP: SALES})
    saves, total = mapping_history.listing(location_id, 1)
    told = [(change.name, change.from_label, change.to_label) for save in saves for change in save.changes]
    assert total == 2
    assert told == [
        ("Workshops", "260 – Workshops and other", "200 – Sales"),
        ("Workshops", "", "260 – Workshops and other"),
    ]
    assert saves[0].user is not None
    assert saves[0].user.email == "ana@northlight.example"


def test_a_save_can_be_taken_back(location_id: int) -> None:
    saved = mappings.save(location_id, ana(), {WORKSHOP: OTHER, (DEFAULT, "account"): SALES})
    assert saved.save_id is not None
    back = mapping_history.before(mapping_history.one(location_id, saved.save_id))
    mappings.save(location_id, ana(), back, how="restore")
    assert WORKSHOP not in mappings.book(location_id).chosen
    assert mappings.book(location_id).default_account is None


def test_the_second_of_two_admins_sees_what_the_first_changed_and_may_insist(location_id: int) -> None:
    seen = {WORKSHOP: "", (DEFAULT, "account"): ""}
    mappings.save(location_id, ben(), {WORKSHOP: OTHER})
    with pytest.raises(ChooseAgain) as refusal:
        mappings.save(location_id, ana(), {WORKSHOP: SALES}, seen)
    assert (
        "Ben Hale changed Workshops from nothing to 260" in refusal.value.fields["category:product:workshop"]
    )
    assert mappings.book(location_id).chosen[WORKSHOP] == OTHER
    mappings.save(location_id, ana(), {WORKSHOP: SALES}, {**seen, WORKSHOP: OTHER})
    assert mappings.book(location_id).chosen[WORKSHOP] == SALES


def test_what_somebody_else_changed_in_another_row_is_told_and_kept(location_id: int) -> None:
    seen = {WORKSHOP: "", (DEFAULT, "account"): ""}
    mappings.save(location_id, ben(), {WORKSHOP: OTHER})
    saved = mappings.save(location_id, ana(), {(DEFAULT, "account"): SALES}, seen)
    assert [sentence[:26] for sentence in saved.meanwhile] == ["Ben Hale changed Workshops"]
    assert mappings.book(location_id).chosen[WORKSHOP] == OTHER


def test_what_a_save_freed_is_counted_as_it_goes(location_id: int) -> None:
    saved = mappings.save(location_id, ana(), {WORKSHOP: OTHER})
    assert saved.save_id is not None
    save = mapping_history.one(location_id, saved.save_id)
    assert mapping_history.progress(save) == mapping_history.Progress(1, 0, 1, 0)
    with transaction() as session:
        session.get_one(Push, save.push_ids[0]).state = PushState.SENT
    assert mapping_history.progress(save) == mapping_history.Progress(1, 1, 0, 0)


def test_a_products_own_account_goes_before_its_collections_and_frees_only_its_invoices(
    location_id: int,
) -> None:
    with transaction() as session:
        session.add(Product(location_id=location_id, hoop_id="p1", name="Yoga class", collections=["c1"]))
        session.add(Category(location_id=location_id, key="collection:c1", name="Classes"))
        pushes = session.scalars(select(Push).where(Push.state == PushState.BLOCKED)).all()
        for push, product_id in zip(pushes, ("p1", "p2", "p2"), strict=True):
            push.cause = "category:collection:c1"
            row = session.scalars(select(Line).where(Line.invoice_id == push.document_id)).first()
            assert row is not None
            row.product_id, row.category_key = product_id, "collection:c1"
    release()
    saved = mappings.save(location_id, ana(), {(CATEGORY, "product:p1"): OTHER})
    book = mappings.book(location_id)
    assert saved.freed == 1
    assert book.account_of_line("p1", "collection:c1") is book.accounts[OTHER]
    assert book.account_of_line("p2", "collection:c1") is None


def test_an_exported_file_comes_back_unchanged(location_id: int) -> None:
    mappings.save(location_id, ana(), {(DEFAULT, "account"): SALES})
    with transaction() as session:
        mappings.learn(session, location_id, {"name:=cmd": "=cmd|' /C calc'!A0"}, {})
    text = mapping_csv.export(location_id)
    assert "'=cmd" in text
    read = mapping_csv.read(location_id, text)
    assert [row.problem for row in read.wrong] == [
        "215 – Retainers is archived in Xero. Choose another account."
    ] or (read.wrong == [])
    assert mappings.save(location_id, ana(), read.choices).changed == 0


def test_a_file_tells_what_is_wrong_row_by_row_and_keeps_the_good_ones_apart(location_id: int) -> None:
    rows = [
        "kind,key,name,goes to",
        "category,product:workshop,,260",
        "category,product:nowhere,,200",
        "tax,gst,,EXEMPTOUTPUT",
        "fruit,apple,,200",
        "default,account,,999",
        "category,product:workshop,,200",
    ]
    read = mapping_csv.read(location_id, "\n".join(rows))
    assert [(row.number, row.problem.split(".")[0]) for row in read.wrong] == [
        (3, "HoopAI has not used this here"),
        (4, "GST is 10 % in HoopAI, but GST Free Income is 0 % in Xero"),
        (5, "Unknown kind"),
        (6, "Xero has no such account"),
        (7, "This is in the file twice"),
    ]
    assert read.choices == {WORKSHOP: OTHER}
    endless = mapping_csv.read(location_id, "\n".join([*rows[:2], f"category,{'a' * 200_000},,200"]))
    assert [row.number for row in endless.wrong] == [3]
    assert endless.choices == {WORKSHOP: OTHER}


def test_a_mapping_is_copied_by_code_and_what_could_not_be_is_listed(location_id: int) -> None:
    other = builders.connect_second()
    builders.fill(other)
    with transaction() as session:
        mappings.learn(session, location_id, {"name:only here": "Only here"}, {})
    builders.track(location_id, "r1", "Region", "North", "South")
    builders.track(other, "r2", "Region", "North")
    tracked = {
        (TRACKING, f"r1:{key}"): to for key, to in (("default", "North"), ("product:workshop", "South"))
    }
    mappings.save(
        location_id,
        ana(),
        {(CATEGORY, "name:only here"): SALES, WORKSHOP: OTHER, (DEFAULT, "account"): SALES, **tracked},
    )
    copied = mapping_transfer.copy(other, location_id, ana())
    assert copied.saved.changed == 3
    assert mappings.book(other).chosen[WORKSHOP] == OTHER
    assert mappings.book(other).chosen[TRACKING, "r2:default"] == "r2-North"
    assert ("Only here", "HoopAI has not used it here.") in copied.left
    assert (
        "Region for Workshops",
        "Region: South has no counterpart in this Xero organisation.",
    ) in copied.left


def test_zero_percent_and_exempt_are_told_apart_and_a_set_of_taxes_has_its_own_rate(location_id: int) -> None:
    with transaction() as session:
        taxes = {
            "zero": ("Zero rated", Decimal(0)),
            "gst+levy": ("GST + Levy", Decimal(12)),
            "none": ("No tax", Decimal(0)),
        }
        mappings.learn(session, location_id, {}, taxes)
    mappings.save(location_id, ana(), {(TAX, "none"): "EXEMPTOUTPUT"})
    book = mappings.book(location_id)
    assert (book.tax_for("none"), book.tax_for("zero")) == (book.rates["EXEMPTOUTPUT"], None)
    with pytest.raises(ChooseAgain) as refusal:
        mappings.save(location_id, ana(), {(TAX, "gst+levy"): "OUTPUT"})
    assert "12 % in HoopAI, but GST on Income is 10 %" in refusal.value.fields["tax:gst+levy"]


def test_the_table_is_filtered_by_use_and_sorted(location_id: int) -> None:
    with transaction() as session:
        mappings.learn(session, location_id, {"name:never": "A never used one"}, {})
    found = mapping_table.table(location_id, mapping_table.Asked("in use", sort="use"))
    assert [row.name for row in found.categories.items] == ["Retainers", "Workshops"]
    assert (
        mapping_table.table(location_id, mapping_table.Asked(sort="name")).categories.items[0].name
        == "A never used one"
    )
    assert found.counts["in use"] == 2


def test_all_suggestions_are_accepted_at_once_and_never_unasked(location_id: int) -> None:
    wanted = mapping_table.suggestions(location_id)
    assert wanted[WORKSHOP] == OTHER
    assert WORKSHOP not in mappings.book(location_id).chosen
    found = mapping_preview.preview(location_id, wanted)
    assert {"Workshops"} <= {change.name for change in found.changes}


@pytest.fixture
def stage(ground: Flask, sandbox: str, xero: Xero) -> Iterator[Stage]:
    with staged(ground, sandbox, xero) as made:
        yield made


@pytest.mark.parametrize("database_url", EITHER, indirect=True)
def test_the_last_invoices_suggest_where_a_name_goes_for_one_call(stage: Stage) -> None:
    stage.map_all(**{"name:workshop": "260"})
    stage.hoop.create(line("Workshop", "80", "1", GST), line("Care plan", "10", "1", GST))
    stage.carry()
    mappings.save(
        stage.location_id, stage.person.user, {(CATEGORY, "name:workshop"): "", (DEFAULT, "account"): ""}
    )
    before = len(stage.xero.calls())
    assert suggesting.look(stage.location_id) >= 2
    assert len(stage.xero.calls()) == before + 1
    rows = {row.name: row for row in mapping_table.table(stage.location_id).categories.items}
    workshop = rows["Workshop"].suggestion
    assert workshop is not None
    assert (workshop.code, rows["Workshop"].why) == ("260", suggesting.BY_HISTORY)
    assert mapping_table.table(stage.location_id).looked_at is not None


@pytest.mark.parametrize("database_url", EITHER, indirect=True)
def test_the_first_questions_fill_the_table(stage: Stage) -> None:
    asked = mapping_transfer.questions(stage.location_id)
    assert asked.percent == 10
    form = {
        "account": next(each.account_id for each in asked.accounts if each.code == "200"),
        "tax": "OUTPUT",
        "untaxed": asked.untaxed[0].tax_type,
        "payments": next(each.account_id for each in asked.payments if each.code == "090"),
        "send_from": "sent",
    }
    saved = mapping_transfer.answer(stage.location_id, stage.person.user, asked, form)
    assert saved.changed == 4
    assert mappings.missing(stage.location_id).complete
    assert preferences.of(db.session(), stage.location_id).send_from == "sent"
    assert db.session.scalar(select(Invoice.id)) is None
    with transaction() as session:
        known = {"location_id": stage.location_id, "name": "GST + levy"}
        session.add(HoopTax(key="gst+levy", rate=Decimal("12.5"), **known))
    assert mapping_transfer.questions(stage.location_id).percent == 10, "Xero has no rate of 12.5 %"
