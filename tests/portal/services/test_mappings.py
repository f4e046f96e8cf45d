"""Where categories, taxes and payments go: learning, choosing, freeing; and the page's numbers."""

import time
from decimal import Decimal

import pytest
from flask import Flask
from sqlalchemy import select

from portal.errors import ChooseAgain
from portal.extensions import db
from portal.models import Category, Connection, Invoice, Line, MappingKind, Push, PushState, TaxRate
from portal.services import mapping_table, mappings, problems, troubleshooting, users
from portal.services.unit import release, transaction
from tests.portal.views import builders
from tests.portal.views.builders import ARCHIVED, BANK, OTHER, SALES
from tests.support import portal
from tests.support.portal import HARBOUR

CATEGORY, TAX, PAYMENT, DEFAULT = (
    MappingKind.CATEGORY,
    MappingKind.TAX,
    MappingKind.PAYMENT,
    MappingKind.DEFAULT,
)
BOTH = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


@pytest.fixture
def location_id(ground: Flask) -> int:
    """A connected location with invoices of every state."""
    found = builders.connect(HARBOUR)
    builders.fill(found)
    return found


def ana() -> users.User:
    return portal.ana().user


def waiting(location_id: int) -> dict[str, PushState]:
    rows = db.session.execute(select(Push.amount, Push.state).where(Push.location_id == location_id))
    return {f"{amount:.0f}": PushState(state) for amount, state in rows}


def test_what_hoopai_uses_is_learnt_once_and_renamed(location_id: int) -> None:
    with transaction() as session:
        for name in ("Care plan", "Care plan", "Care plans"):
            mappings.learn(session, location_id, {"product:care": name}, {"gst": ("GST 10", Decimal(10))})
    names = db.session.scalars(select(Category.name).where(Category.key == "product:care")).all()
    assert names == ["Care plans"]


def test_an_own_account_goes_before_the_default_one(location_id: int) -> None:
    mappings.save(location_id, ana(), {(DEFAULT, "account"): SALES, (CATEGORY, "product:workshop"): OTHER})
    book = mappings.book(location_id)
    assert [book.account_for(key).account_id for key in ("product:workshop", "name:new")] == [OTHER, SALES]  # type: ignore[union-attr]


def test_a_choice_that_xero_no_longer_has_never_falls_back_to_the_default(location_id: int) -> None:
    mappings.save(location_id, ana(), {(DEFAULT, "account"): SALES})
    with transaction() as session:
        builders.choose(session, location_id, CATEGORY, "name:gone", account_id="vanished")
    assert mappings.book(location_id).account_for("name:gone") is None


def test_accounts_may_be_named_by_code(location_id: int) -> None:
    mappings.save(location_id, ana(), {(CATEGORY, "product:workshop"): "260"})
    assert mappings.book(location_id).chosen[CATEGORY, "product:workshop"] == OTHER


def test_one_refused_choice_saves_nothing(location_id: int) -> None:
    with pytest.raises(ChooseAgain) as refusal:
        mappings.save(location_id, ana(), {(DEFAULT, "account"): SALES, (TAX, "gst"): "EXEMPTOUTPUT"})
    assert set(refusal.value.fields) == {"tax:gst"}
    assert mappings.book(location_id).default_account is None


def test_a_choice_can_be_taken_back(location_id: int) -> None:
    mappings.save(location_id, ana(), {(PAYMENT, "default"): ""})
    assert mappings.book(location_id).payment_account_for("stripe") is None
    assert mappings.missing(location_id).payment_account


def test_only_what_the_choice_mends_is_freed(location_id: int) -> None:
    saved = mappings.save(location_id, ana(), {(CATEGORY, "product:workshop"): OTHER})
    assert (saved.changed, saved.freed) == (1, 1)
    states = waiting(location_id)
    assert states["1304"] == PushState.QUEUED
    assert states["1305"] == states["1306"] == PushState.BLOCKED


def test_saving_the_same_again_changes_and_frees_nothing(location_id: int) -> None:
    mappings.save(location_id, ana(), {(CATEGORY, "product:workshop"): OTHER})
    saved = mappings.save(
        location_id, ana(), {(CATEGORY, "product:workshop"): OTHER, (PAYMENT, "default"): BANK}
    )
    assert (saved.changed, saved.freed) == (0, 0)


def test_what_is_missing_is_named(location_id: int) -> None:
    missing = mappings.missing(location_id)
    assert missing.categories == ["Workshops"]
    assert missing.archived == ["Retainers"]
    assert not missing.complete


@pytest.mark.parametrize("database_url", BOTH, indirect=True)
def test_the_short_question_whether_all_is_chosen_answers_as_the_names_do(location_id: int) -> None:
    rate, none = (TAX, "rate:10"), (TAX, "none")
    steps: list[dict[mappings.Target, str]] = [
        {},
        {(CATEGORY, "product:workshop"): OTHER},
        {(CATEGORY, "product:retainer"): SALES},
        {(TAX, "gst"): ""},
        {rate: "OUTPUT"},
        {(CATEGORY, "product:workshop"): ""},
        {(DEFAULT, "account"): SALES},
        {(PAYMENT, "default"): ""},
        {(PAYMENT, "default"): BANK, none: "EXEMPTOUTPUT"},
    ]
    found = []
    for step in steps:
        mappings.save(location_id, ana(), step)
        missing = mappings.missing(location_id)
        named = bool(missing.categories or missing.archived or missing.taxes or missing.payment_account)
        assert missing.complete is not named
        found.append(missing.complete)
    assert found == [False, False, True, False, True, False, True, False, True]
    with transaction() as session:
        mappings.learn(session, location_id, {}, {"pst": ("PST", Decimal(7)), "none": ("No tax", Decimal(0))})
        session.query(TaxRate).filter_by(tax_type="OUTPUT").one().status = "ARCHIVED"
    assert mappings.missing(location_id).taxes == ["GST", "PST"]
    assert not mappings.missing(location_id).complete


def test_an_account_may_be_named_by_what_the_page_shows_and_others_than_revenue_where_taxes_fit(
    location_id: int,
) -> None:
    with transaction() as session:
        connection_id = session.scalars(select(Connection.id)).one()
        for code, name in (("420", "Entertainment"), ("835", "Deposits")):
            row = builders.account(
                connection_id, f"acc-{code}", code, name, "EXPENSE" if code == "420" else "CURRLIAB"
            )
            row.class_ = "EXPENSE" if code == "420" else "LIABILITY"
            session.add(row)
        session.query(TaxRate).filter_by(tax_type="OUTPUT").one().applies_to = ["liabilities", "revenue"]
    release()
    said = {
        (CATEGORY, "product:workshop"): "260 – workshops and other",
        (CATEGORY, "product:retainer"): "Deposits",
    }
    mappings.save(location_id, ana(), said)
    chosen = mappings.book(location_id).chosen
    assert (chosen[CATEGORY, "product:workshop"], chosen[CATEGORY, "product:retainer"]) == (OTHER, "acc-835")
    with pytest.raises(ChooseAgain) as refused:
        mappings.save(location_id, ana(), {(CATEGORY, "product:workshop"): "420 – Entertainment"})
    assert "allows none of the chosen tax rates" in refused.value.fields["category:product:workshop"]
    offered = [
        len(mapping_table.table(location_id, mapping_table.Asked(wide=wide)).revenue_accounts)
        for wide in (False, True)
    ]
    assert offered == [2, 4]


@pytest.mark.parametrize("database_url", BOTH, indirect=True)
def test_the_table_counts_invoices_and_money_exactly(location_id: int) -> None:
    rows = {row.key: row for row in mapping_table.table(location_id).categories.items}
    workshop = rows["product:workshop"]
    assert workshop.invoices == len(builders.PLANS)
    assert workshop.money == {"AUD": Decimal("199.995") * len(builders.PLANS)}
    assert workshop.waiting == 1
    assert workshop.suggestion is not None
    assert workshop.suggestion.account_id == OTHER
    assert rows["product:retainer"].stale
    assert rows["product:retainer"].account is not None
    assert rows["product:retainer"].account.account_id == ARCHIVED


def test_thousands_of_categories_and_hundreds_of_accounts_stay_quick(location_id: int) -> None:
    with transaction() as session:
        connection_id = session.scalars(select(Connection.id)).one()
        for n in range(300):
            session.add(builders.account(connection_id, f"many-{n}", f"5{n:03}", f"Account {n}"))
        mappings.learn(session, location_id, {f"name:c{n}": f"Category {n:04}" for n in range(2000)}, {})
    release()
    began = time.perf_counter()
    table = mapping_table.table(location_id, mapping_table.Asked(page=3))
    took = time.perf_counter() - began
    assert len(table.categories.items) == mapping_table.SIZE
    assert table.counts["all"] == 2002
    assert not table.few
    assert took < 2


@pytest.mark.parametrize("database_url", BOTH, indirect=True)
def test_problems_are_grouped_by_what_mends_them(location_id: int) -> None:
    location = portal.location()
    groups = {group.cause: group for group in troubleshooting.groups(location)}
    assert set(groups) == {"category:product:workshop", f"account:{ARCHIVED}", "lock"}
    assert groups["category:product:workshop"].subject == "Workshops"
    assert groups[f"account:{ARCHIVED}"].subject == "215 – Retainers"
    assert groups["lock"].advice.owner == problems.Owner.BOOKKEEPER
    assert groups["lock"].money == {"AUD": Decimal(1306)}


def test_every_failure_and_cause_has_advice() -> None:
    for failure in problems.Failure:
        assert problems.advice(failure).title
        assert problems.advice(failure, "category:x").endpoint == "mappings.index"
    assert problems.advice(None).owner == problems.Owner.US


def test_lines_of_other_locations_are_not_counted(location_id: int) -> None:
    other = builders.connect_second()
    builders.fill(other)
    rows = {row.key: row for row in mapping_table.table(location_id).categories.items}
    assert rows["product:workshop"].invoices == len(builders.PLANS)
    mine = select(Line.id).join(Invoice).where(Line.category_key == "product:workshop")
    assert len(db.session.scalars(mine).all()) == 2 * len(builders.PLANS)
