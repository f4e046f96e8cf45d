"""What needs a person, grouped by cause: how many documents, how much money, since when, whose turn it is."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Row as Record
from sqlalchemy import func, select

from portal.errors import ChooseAgain
from portal.extensions import db
from portal.models import Failure, Location, Push, PushState, User
from portal.services import activity, mappings, problems, retrying
from portal.services.mapping_history import method_name
from portal.services.mappings import Missing
from portal.services.problems import Advice

SAMPLES = 5
PART = 500
SETTLED = "Nothing waits for this any more."


@dataclass(slots=True)
class Group:
    """Blocked pushes that one act mends. `subject` names the category, tax, account or currency concerned.

    `key` names the group in forms; `samples` are some of its documents, the oldest first.
    """

    key: str
    failure: Failure
    cause: str
    advice: Advice
    subject: str
    message: str
    oldest: datetime
    count: int = 0
    money: dict[str, Decimal] = field(default_factory=dict)
    first_ids: list[int] = field(default_factory=list)
    samples: list[activity.Row] = field(default_factory=list)

    @property
    def title(self) -> str:
        """What is wrong, in a few words."""
        return f"{self.advice.title}: {self.subject}" if self.subject else self.advice.title

    @property
    def detail(self) -> str:
        """What the message adds to the title: nothing where the title names the choice that is missing."""
        named = bool(self.subject) and self.cause.startswith(("category:", "tax:"))
        return "" if named else self.message


def groups(location: Location, missing: Missing | None = None) -> list[Group]:
    """What needs a person, grouped by cause, the largest first; in a fixed number of queries.

    `missing` knows the names of what is mapped where they were read already.
    """
    names = _names(missing or mappings.missing(location.id))
    gathered: dict[str, Group] = {}
    for row in _sums(location.id):
        key = _key(row.failure, row.cause, row.message)
        group = gathered.get(key) or _new(key, row, names)
        gathered[key] = group
        group.count += row.number
        group.oldest = min(group.oldest, row.oldest)
        group.first_ids.append(row.first)
        if row.currency and row.money is not None:
            group.money[row.currency] = group.money.get(row.currency, Decimal(0)) + row.money
    found = sorted(gathered.values(), key=lambda group: (-group.count, group.oldest))
    _add_samples(location.id, found)
    return found


def retry(location: Location, user: User, key: str) -> int:
    """Try exactly the documents of this group again; the id of the run. Raises ChooseAgain where none is left."""
    group = next((each for each in groups(location) if each.key == key), None)
    if group is None:
        raise ChooseAgain(SETTLED)
    return retrying.start(location, user, members(location).get(key, []), group.title)


def members(location: Location, most: int = retrying.MOST) -> dict[str, list[int]]:
    """The ids of the pushes in each group, the longest waiting first, at most so many each; in one query."""
    rows = db.session.execute(
        select(Push.id, Push.failure, Push.cause, Push.message)
        .where(Push.location_id == location.id, Push.state == PushState.BLOCKED)
        .order_by(Push.updated_at, Push.id)
    )
    found: dict[str, list[int]] = {}
    for push_id, failure, cause, said in rows:
        ids = found.setdefault(_key(failure, cause, said), [])
        if len(ids) < most:
            ids.append(push_id)
    return found


def _sums(location_id: int) -> Sequence[Record[*tuple[Any, ...]]]:
    """Count, money and age of each cause and currency; without a cause, of each message."""
    message = func.coalesce(Push.cause, Push.message)
    return db.session.execute(
        select(
            Push.failure, Push.cause, func.min(Push.message).label("message"), func.count().label("number"),
            Push.currency, func.sum(Push.amount).label("money"), func.min(Push.updated_at).label("oldest"),
            func.min(Push.id).label("first"),
        )
        .where(Push.location_id == location_id, Push.state == PushState.BLOCKED)
        .group_by(Push.failure, Push.cause, message, Push.currency)
    ).all()  # fmt: skip


def _new(key: str, row: Record[*tuple[Any, ...]], names: dict[str, str]) -> Group:
    failure = Failure(row.failure or Failure.BUG)
    cause = row.cause or ""
    return Group(
        key,
        failure,
        cause,
        problems.advice(failure, cause),
        _subject(key, cause, names),
        row.message or "",
        row.oldest,
    )


def _key(failure: Failure | None, cause: str | None, message: str | None) -> str:
    return f"{failure or Failure.BUG}|{problems.group_of(cause, message)}"


def _add_samples(location_id: int, found: Iterable[Group]) -> None:
    wanted = {push_id: group for group in found for push_id in sorted(group.first_ids)[:SAMPLES]}
    ids = list(wanted)
    for start in range(0, len(ids), PART):
        pushes = db.session.scalars(
            select(Push).where(Push.id.in_(ids[start : start + PART])).order_by(Push.id)
        )
        for row in activity.rows(location_id, pushes.all()):
            wanted[row.push.id].samples.append(row)


def _subject(key: str, cause: str, names: dict[str, str]) -> str:
    kind, _, rest = cause.partition(":")
    if kind == "payment":
        return method_name(rest)
    if kind == "currency":
        return rest
    if kind in problems.CODES:
        return key.rpartition(":")[2]
    return names.get(cause, "")


def _names(known: Missing) -> dict[str, str]:
    return {
        **{f"category:{key}": name for key, name in known.category_names.items()},
        **{f"tax:{key}": name for key, name in known.book.tax_names.items()},
        "tax:none": "No tax",
        **{f"account:{account_id}": account.label for account_id, account in known.book.accounts.items()},
    }
