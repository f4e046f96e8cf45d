"""Numbers and values of both sides, by day and by account, gathered while a reconciliation goes on."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from portal.models import Document

OURS, THEIRS = 0, 2
MONTH, DAY = len("2026-11"), len("2026-11-27")
Tallies = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Total:
    """How many documents of one kind in one currency each side holds, and their value."""

    period: str
    document: str
    currency: str
    our_count: int
    our_value: Decimal
    their_count: int
    their_value: Decimal

    @property
    def label(self) -> str:
        """The period as people read it: `Nov 2026`, or `27 Nov 2026`."""
        if len(self.period) == MONTH:
            return f"{date.fromisoformat(self.period + '-01'):%b %Y}"
        day = date.fromisoformat(self.period)
        return f"{day.day} {day:%b %Y}"

    @property
    def agrees(self) -> bool:
        """Whether both sides say the same."""
        return (self.our_count, self.our_value) == (self.their_count, self.their_value)


@dataclass(frozen=True, slots=True)
class AccountTotal:
    """What each side has on one account, in one currency."""

    document: str
    account: str
    currency: str
    our_value: Decimal
    their_value: Decimal

    @property
    def agrees(self) -> bool:
        """Whether both sides say the same."""
        return self.our_value == self.their_value


def count(
    tallies: Tallies,
    side: int,
    document: Document,
    day: date,
    currency: str,
    value: Decimal,
    accounts: Iterable[tuple[str, Decimal]] = (),
) -> None:
    """Add one document to one side's numbers."""
    row = tallies.setdefault("days", {}).setdefault(f"{day}|{document}|{currency}", [0, "0", 0, "0"])
    row[side] += 1
    row[side + 1] = str(Decimal(row[side + 1]) + value)
    for code, amount in accounts:
        key = f"{document}|{code}|{currency}"
        sums = tallies.setdefault("accounts", {}).setdefault(key, ["0", "0"])
        sums[side // 2] = str(Decimal(sums[side // 2]) + amount)


def by_day(tallies: Tallies) -> list[Total]:
    """One row for each day, kind and currency, the newest day first."""
    return _totals(tallies, DAY)


def by_month(tallies: Tallies) -> list[Total]:
    """The same by month."""
    return _totals(tallies, MONTH)


def by_account(tallies: Tallies) -> list[AccountTotal]:
    """What each side has on each account."""
    found = []
    for key, (ours, theirs) in tallies.get("accounts", {}).items():
        document, account, currency = key.split("|")
        found.append(AccountTotal(document, account, currency, Decimal(ours), Decimal(theirs)))
    return sorted(found, key=lambda each: (each.document, each.account, each.currency))


def _totals(tallies: Tallies, letters: int) -> list[Total]:
    sums: dict[tuple[str, str, str], list[Any]] = {}
    for key, row in tallies.get("days", {}).items():
        day, document, currency = key.split("|")
        total = sums.setdefault((day[:letters], document, currency), [0, Decimal(0), 0, Decimal(0)])
        for place, value in enumerate(row):
            total[place] += value if place in (OURS, THEIRS) else Decimal(value)
    order = list(Document)
    found = [Total(*key, *row) for key, row in sums.items()]
    found.sort(key=lambda each: (order.index(Document(each.document)), each.currency))
    return sorted(found, key=lambda each: each.period, reverse=True)
