"""Our copy of an organisation's facts, chart of accounts and tax rates."""

from datetime import datetime, timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from portal import clock
from portal.extensions import db
from portal.models import Connection, ConnectionState, LedgerAccount, TaxRate
from portal.services import connections, housekeeping, organisations
from portal.services.unit import release, transaction
from portal.xero.errors import XeroError
from tests.portal.conftest import EITHER
from tests.support import portal
from tests.support.xero import Xero


@pytest.fixture
def there(ground: Flask) -> int:
    """The id of a fresh connection."""
    assert portal.connect(portal.ana()).ok
    return db.session.scalars(select(Connection.id)).one()


def _connection() -> Connection:
    release()
    return db.session.scalars(select(Connection)).one()


def _account(code: str) -> LedgerAccount:
    release()
    return db.session.scalars(select(LedgerAccount).where(LedgerAccount.code == code)).one()


def test_a_refresh_takes_five_calls(there: int, xero: Xero) -> None:
    before = max(call["n"] for call in xero.calls())
    organisations.refresh(there)
    assert sorted(call["path"].rsplit("/", 1)[-1] for call in xero.calls(since=before)) == [
        "Accounts",
        "Currencies",
        "Organisation",
        "TaxRates",
        "TrackingCategories",
    ]


@pytest.mark.parametrize("database_url", EITHER, indirect=True)
def test_refreshing_again_doubles_nothing_and_follows_changes(there: int, xero: Xero) -> None:
    tenant = _connection().tenant_id
    sales = db.session.scalars(select(LedgerAccount)).all()
    usable = next(each for each in sales if each.takes_revenue)
    code, count = usable.code or "", len(sales)
    xero.change_account(tenant, code, Status="ARCHIVED", Name="Old sales")
    organisations.refresh(there)

    assert not _account(code).takes_revenue
    assert _account(code).name == "Old sales"
    assert len(db.session.scalars(select(LedgerAccount)).all()) == count


def test_what_xero_no_longer_lists_is_kept_as_deleted(there: int) -> None:
    with transaction() as session:
        session.add(
            LedgerAccount(
                connection_id=there, account_id="gone", code="999", name="Gone", type="REVENUE",
                class_="REVENUE", status="ACTIVE", fetched_at=clock.now(),
            )
        )  # fmt: skip
        rate = TaxRate(connection_id=there, tax_type="TAX099", name="Gone", rate=5, status="ACTIVE")
        rate.fetched_at = clock.now()
        session.add(rate)
    organisations.refresh(there)
    assert _account("999").status == "DELETED"
    gone = db.session.scalars(select(TaxRate).where(TaxRate.tax_type == "TAX099")).one()
    assert gone.status == "DELETED"


def test_lock_dates_and_currencies_are_facts(there: int, xero: Xero) -> None:
    assert _connection().organisation["period_lock_date"] is None
    xero.change(_connection().tenant_id, PeriodLockDate="2026-06-30")
    organisations.refresh(there)
    facts = _connection().organisation
    assert facts["period_lock_date"] == "2026-06-30"
    assert facts["base_currency"] in facts["currencies"]  # type: ignore[operator]
    assert set(facts) >= {"name", "short_code", "country", "end_of_year_lock_date", "is_demo", "class"}


def test_a_new_name_is_told_in_the_history(there: int) -> None:
    now = _connection().name
    with transaction() as session:
        row = session.get_one(Connection, there)
        row.organisation = {**row.organisation, "name": "Harbour & Daughters"}
    organisations.refresh(there)
    assert _connection().name == now
    what = connections.events(_connection().location_id)[0].what
    assert what == f"The organisation Harbour & Daughters is now called {now}."


def test_a_failed_fetch_changes_nothing(there: int, xero: Xero) -> None:
    fetched = _connection().facts_fetched_at
    xero.fault("500", "TaxRates")
    with pytest.raises(XeroError):
        organisations.refresh(there)
    assert _connection().facts_fetched_at == fetched


def test_a_token_that_xero_calls_expired_is_renewed_once_on_the_way(there: int, xero: Xero) -> None:
    xero.fault("token-expired", "Accounts")
    organisations.refresh(there)
    assert _connection().state == ConnectionState.CONNECTED


def test_facts_are_stale_after_a_day(there: int) -> None:
    assert _stale_within_ten_minutes(clock.now()) == []
    tomorrow = clock.now() + timedelta(hours=25)
    assert _stale_within_ten_minutes(tomorrow) == [there]
    with time_machine.travel(tomorrow, tick=True):
        housekeeping.facts(there)
    assert _stale_within_ten_minutes(tomorrow + timedelta(minutes=10)) == []


def _stale_within_ten_minutes(start: datetime) -> list[int]:
    found = []
    for minute in range(10):
        with time_machine.travel(start + timedelta(minutes=minute), tick=True):
            found += organisations.stale()
    return found


def test_a_client_speaks_for_this_organisation(there: int) -> None:
    with organisations.client(_connection()) as xero:
        assert xero.organisation()["Name"] == _connection().name
