"""Accounts suggested for categories: by the organisation's own invoices, else by name. Never chosen silently."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from sqlalchemy import select

from portal import clock
from portal.errors import ChooseAgain, NotNow
from portal.extensions import db
from portal.models import Connection, LedgerAccount
from portal.services import organisations
from portal.services.unit import transaction
from portal.xero.errors import XeroError

HISTORY, HISTORY_AT = "account_history", "account_history_at"
LOOKED_AT = 100
MOST_NAMES = 500
BY_HISTORY = "used in your last invoices"
BY_NAME = "the name is alike"


class Suggested(Protocol):
    """A row that wants a suggestion."""

    name: str
    suggestion: LedgerAccount | None
    why: str

    @property
    def unmapped(self) -> bool:
        """Whether no account is chosen."""

    @property
    def stale(self) -> bool:
        """Whether the chosen one can no longer be used."""


def add(facts: Mapping[str, object], rows: Sequence[Suggested], revenue: Sequence[LedgerAccount]) -> None:
    """Suggest an account to each row that has no usable one; `facts` are what we keep of the organisation."""
    wanting = [row for row in rows if row.unmapped or row.stale]
    if not wanting:
        return
    kept = facts.get(HISTORY)
    history = kept if isinstance(kept, dict) else {}
    names = [(account.name.casefold(), account) for account in revenue]
    usable = {account.account_id: account for account in revenue}
    for row in wanting:
        by_history = usable.get(history.get(_folded(row.name), ""))
        row.suggestion = by_history or _alike(_folded(row.name), names)
        row.why = (BY_HISTORY if by_history else BY_NAME) if row.suggestion else ""


def looked_at(facts: Mapping[str, object]) -> datetime | None:
    """When the organisation's last invoices were looked at."""
    found = facts.get(HISTORY_AT)
    return datetime.fromisoformat(str(found)) if found else None


def look(location_id: int) -> int:
    """Read the organisation's last 100 sales invoices (one call) and keep which account each line name went to.

    How many names that gave. Raises ChooseAgain with a sentence when Xero cannot be asked now.
    """
    connection_id = db.session.scalar(select(Connection.id).where(Connection.location_id == location_id))
    if connection_id is None:
        raise ChooseAgain("This location is not connected to Xero.")
    try:
        address = organisations.address_of(connection_id)
        reply = organisations.ask(address, partial(_recent, count=LOOKED_AT))
    except (NotNow, XeroError) as error:
        raise ChooseAgain(f"Xero could not be asked just now: {error}") from error
    names = _most_used(reply.data.get("Invoices") or [])
    with transaction() as session:
        connection = session.get_one(Connection, connection_id, with_for_update=True, populate_existing=True)
        if connection.tenant_id == address.tenant_id:
            kept = {HISTORY: names, HISTORY_AT: clock.now().isoformat()}
            connection.organisation = {**connection.organisation, **kept}
    return len(names)


def _recent(client: Any, count: int) -> Any:
    return client.recent_sales(count)


def _most_used(invoices: Iterable[dict[str, Any]]) -> dict[str, str]:
    """Line name, case folded → the AccountID that most lines of this name went to."""
    used: dict[str, Counter[str]] = {}
    for invoice in invoices:
        for row in invoice.get("LineItems") or []:
            name, account_id = _folded(str(row.get("Description") or "").split("\n")[0]), row.get("AccountID")
            if name and account_id:
                used.setdefault(name, Counter())[str(account_id)] += 1
    ranked = sorted(used.items(), key=lambda item: -item[1].total())[:MOST_NAMES]
    return {name: counter.most_common(1)[0][0] for name, counter in ranked}


def _alike(wanted: str, names: Sequence[tuple[str, LedgerAccount]]) -> LedgerAccount | None:
    if not wanted:
        return None
    same = [account for name, account in names if name == wanted]
    if len(same) == 1:
        return same[0]
    near = [account for name, account in names if wanted in name or name in wanted]
    return near[0] if len(near) == 1 else None


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()[:200]
