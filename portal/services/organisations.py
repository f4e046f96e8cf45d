"""Our copy of what we need to know of an organisation: its facts, chart of accounts, tax rates, tracking options.

developer.xero.com, Organisation, Accounts, Tax Rates, Currencies.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any, Generic, TypeVar

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from portal import clock
from portal.config import settings
from portal.errors import ConnectAgain
from portal.extensions import db
from portal.models import Connection, ConnectionState, LedgerAccount, TaxRate, TrackingOption
from portal.services import calling, facts_watch, outbox, standing, tokens
from portal.services.unit import release, transaction
from portal.xero import replies
from portal.xero.client import XeroClient
from portal.xero.errors import SignInExpired
from portal.xero.facts import AccountFact, OrganisationFact, TaxRateFact, TrackingFact
from portal.xero.left import LimitsLeft
from portal.xero.limits import Share
from portal.xero.transport import Exchange, OnRequest

T = TypeVar("T")
OLD = timedelta(days=1)
GONE = "DELETED"
KEPT = ("approvals_used", "branding_themes", "account_history", "account_history_at")
TURNS = 10


@dataclass(frozen=True)
class Address:
    """Whom to ask and with whose sign-in: what is needed of a connection while no transaction is open."""

    connection_id: int
    authorisation_id: int
    tenant_id: str


@dataclass(frozen=True)
class _Told(Generic[T]):
    """An answer with what its headers said is left of the limits, which corrects the quota."""

    value: T
    limits: LimitsLeft


@dataclass(frozen=True)
class Fetched:
    """Everything that one refresh brings."""

    organisation: OrganisationFact
    currencies: list[str]
    accounts: list[AccountFact]
    tax_rates: list[TaxRateFact]
    tracking: list[TrackingFact]


def client(connection: Connection) -> XeroClient:
    """A client for this connection's organisation with a good access token. Raises ConnectAgain, NotNow."""
    address = _address(connection)
    return _client(address, tokens.access_token(address.authorisation_id))


def ask(address: Address, letter: Callable[[XeroClient], T], *, share: Share = Share.PERSON) -> T:
    """One call within the quota; an expired token is renewed once. Raises NotNow, ConnectAgain, XeroError."""
    token = tokens.access_token(address.authorisation_id)
    try:
        return _ask(address, token, letter, share)
    except SignInExpired:
        return _ask(address, tokens.renew(address.authorisation_id, token), letter, share)


def address_of(connection_id: int) -> Address:
    """The address of a connection. Raises ConnectAgain when it is disconnected."""
    connection = db.session.get_one(Connection, connection_id, populate_existing=True)
    if connection.state == ConnectionState.DISCONNECTED:
        release()
        raise ConnectAgain("This location is not connected to Xero.")
    address = _address(connection)
    release()
    return address


def refresh(connection_id: int) -> None:
    """Fetch organisation, currencies, accounts, tax rates and tracking (5 calls) and keep them in one transaction.

    What Xero no longer lists is kept as DELETED, since mappings may name it. Raises ConnectAgain, NotNow and
    XeroError; nothing is changed then.
    """
    address = address_of(connection_id)
    fetched = Fetched(
        organisation=replies.organisation_facts(ask(address, XeroClient.organisation)),
        currencies=[str(each["Code"]) for each in ask(address, XeroClient.currencies)],
        accounts=replies.account_facts(ask(address, XeroClient.accounts)),
        tax_rates=replies.tax_rate_facts(ask(address, XeroClient.tax_rates)),
        tracking=replies.tracking_facts(ask(address, XeroClient.tracking_categories)),
    )
    with transaction() as session:
        _keep(session, address, fetched)


def take_name(session: Session, connection: Connection, name: str) -> None:
    """The organisation is called this now; a new name is told in the connection's history."""
    old = connection.organisation.get("name")
    if not name or old == name:
        return
    if old:
        standing.tell(session, connection.location_id, f"The organisation {old} is now called {name}.")
    connection.organisation = {**connection.organisation, "name": name}


def stale() -> list[int]:
    """Connections whose facts are older than a day or were never fetched, and whose turn this minute is.

    Each one's turn comes every ten minutes, so that an organisation which keeps failing costs few of its calls.
    """
    minute = int(clock.now().timestamp()) // 60
    found = db.session.scalars(
        select(Connection.id).where(
            Connection.state == ConnectionState.CONNECTED,
            or_(Connection.facts_fetched_at.is_(None), Connection.facts_fetched_at < clock.now() - OLD),
            Connection.id % TURNS == minute % TURNS,
        )
    )
    return list(found)


def _address(connection: Connection) -> Address:
    return Address(connection.id, connection.authorisation_id, connection.tenant_id)


def _client(address: Address, token: str, told: OnRequest | None = None) -> XeroClient:
    return XeroClient(settings().xero_api_url, token, address.tenant_id, on_request=told)


def _ask(address: Address, token: str, letter: Callable[[XeroClient], T], share: Share) -> T:
    release()
    seen: list[Exchange] = []
    with _client(address, token, seen.append) as xero:
        reply = calling.ask(address.tenant_id, lambda: _Told(letter(xero), seen[-1].limits), share=share)
        return reply.value


def _keep(session: Session, address: Address, fetched: Fetched) -> None:
    connection = session.get_one(
        Connection, address.connection_id, with_for_update=True, populate_existing=True
    )
    if connection.tenant_id != address.tenant_id:
        return
    take_name(session, connection, fetched.organisation.name)
    kept = {name: value for name, value in connection.organisation.items() if name in KEPT}
    connection.organisation = {**kept, **_facts(fetched)}
    connection.facts_fetched_at = connection.last_success_at = clock.now()
    before = facts_watch.known(session, connection.id)
    _keep_accounts(session, connection.id, fetched.accounts)
    _keep_tax_rates(session, connection.id, fetched.tax_rates)
    _keep_tracking(session, connection.id, fetched.tracking)
    facts_watch.tell(session, connection, before)
    outbox.recheck(session, connection.location_id)


def _facts(fetched: Fetched) -> dict[str, object]:
    found = fetched.organisation
    return {
        "name": found.name,
        "short_code": found.short_code,
        "country": found.country,
        "base_currency": found.base_currency,
        "timezone": found.timezone,
        "period_lock_date": _text(found.period_lock_date),
        "end_of_year_lock_date": _text(found.end_of_year_lock_date),
        "is_demo": found.is_demo,
        "class": found.klass,
        "currencies": fetched.currencies,
    }


def _keep_accounts(session: Session, connection_id: int, facts: list[AccountFact]) -> None:
    kept = {
        row.account_id: row
        for row in session.scalars(select(LedgerAccount).where(LedgerAccount.connection_id == connection_id))
    }
    for fact in facts:
        row = kept.pop(fact.account_id, None) or LedgerAccount(
            connection_id=connection_id, account_id=fact.account_id
        )
        _write(row, _account(fact))
        session.add(row)
    for row in kept.values():
        _write(row, {"status": GONE})


def _keep_tax_rates(session: Session, connection_id: int, facts: list[TaxRateFact]) -> None:
    kept = {
        row.tax_type: row
        for row in session.scalars(select(TaxRate).where(TaxRate.connection_id == connection_id))
    }
    for fact in facts:
        row = kept.pop(fact.tax_type, None) or TaxRate(connection_id=connection_id, tax_type=fact.tax_type)
        _write(row, _tax_rate(fact))
        session.add(row)
    for row in kept.values():
        _write(row, {"status": GONE})


def _keep_tracking(session: Session, connection_id: int, facts: list[TrackingFact]) -> None:
    mine = select(TrackingOption).where(TrackingOption.connection_id == connection_id)
    kept = {row.option_id: row for row in session.scalars(mine)}
    for fact in facts:
        row = kept.pop(fact.option_id, None) or TrackingOption(connection_id=connection_id)
        _write(row, asdict(fact))
        session.add(row)
    for row in kept.values():
        _write(row, {"status": GONE})


def _account(fact: AccountFact) -> dict[str, Any]:
    return {
        "code": fact.code,
        "name": fact.name,
        "type": fact.type,
        "class_": fact.class_,
        "status": fact.status,
        "tax_type": fact.tax_type,
        "payments_enabled": fact.payments_enabled,
        "system_account": fact.system_account,
        "currency": fact.currency,
    }


def _tax_rate(fact: TaxRateFact) -> dict[str, Any]:
    return {
        "name": fact.name,
        "rate": fact.rate,
        "status": fact.status,
        "applies_to_revenue": fact.applies_to_revenue,
        "applies_to": sorted(kind for kind, applies in fact.can_apply.items() if applies),
    }


def _write(row: LedgerAccount | TaxRate | TrackingOption, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(row, name, value)
    row.fetched_at = clock.now()


def _text(day: date | None) -> str | None:
    return day.isoformat() if day else None
