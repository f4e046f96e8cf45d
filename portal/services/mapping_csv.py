"""The mapping as a CSV file: taken out safely, read back row by row."""

import csv
import io
from dataclasses import dataclass, field

from portal import tables
from portal.errors import ChooseAgain
from portal.models import LedgerAccount, MappingKind
from portal.services import mapping_history, mapping_rules, mapping_table, mappings, tracking
from portal.services.mapping_book import DEFAULT_ACCOUNT, Choices, MappingBook, Target

COLUMNS = ("kind", "key", "name", "goes to", "goes to (name)")
TAKEN_BACK = "none"
MOST_ROWS = 20_000


@dataclass(frozen=True, slots=True)
class RowRead:
    """One row of a file: its number, what it maps and to what, and what is wrong with it."""

    number: int
    name: str
    to: str
    problem: str = ""


@dataclass(slots=True)
class Read:
    """A file as it was understood. `choices` are the good rows'."""

    rows: list[RowRead] = field(default_factory=list)
    choices: Choices = field(default_factory=dict)

    @property
    def wrong(self) -> list[RowRead]:
        """The rows that cannot be used."""
        return [row for row in self.rows if row.problem]


def export(location_id: int) -> str:
    """Every category, tax and payment method with its choice; an empty one follows the default."""
    book = mappings.book(location_id)
    lines = [tables.line(COLUMNS)]
    for (kind, key), name in _targets(location_id, book).items():
        value = book.chosen.get((kind, key), "")
        account = book.accounts.get(value)
        option = book.options.get(value)
        to = (account.code or value) if account else option.name if option else value
        cells = (kind, key, name, to, book.label(kind, value) if value else "")
        lines.append(tables.line(map(tables.safe, cells)))
    return "".join(lines)


def read(location_id: int, text: str) -> Read:
    """Understand a file like the exported one. An empty `goes to` leaves a choice as it is, `none` takes it back."""
    book = mappings.book(location_id)
    targets = _targets(location_id, book)
    found = Read()
    wanted: dict[Target, tuple[RowRead, str]] = {}
    number = 1
    try:
        for number, cells in enumerate(csv.DictReader(io.StringIO(text.lstrip("\ufeff"))), 2):
            plain = {key or "": _plain(value) for key, value in cells.items()}
            _take(found, wanted, book, targets, number, plain)
            if number > MOST_ROWS:
                break
    except csv.Error:
        found.rows.append(RowRead(number + 1, "", "", "From here on this is no CSV that can be read."))
    if not found.rows and not wanted:
        found.rows.append(
            RowRead(1, "", "", f"The file has no rows with the columns {', '.join(COLUMNS[:4])}.")
        )
    refused = _refused(book, {target: to for target, (_, to) in wanted.items()})
    for (kind, key), (row, to) in wanted.items():
        problem = refused.get(f"{kind}:{key}", "")
        found.rows.append(RowRead(row.number, row.name, row.to, problem))
        if not problem:
            found.choices = {**found.choices, (kind, key): to}
    found.rows.sort(key=lambda row: row.number)
    return found


def _take(
    found: Read,
    wanted: dict[Target, tuple[RowRead, str]],
    book: MappingBook,
    targets: dict[Target, str],
    number: int,
    cells: dict[str, str],
) -> None:
    kind, key, to = cells.get("kind", ""), cells.get("key", ""), cells.get("goes to", "")
    name = cells.get("name") or key
    target = (MappingKind(kind), key) if kind in set(MappingKind) else None
    if target is None or target not in targets:
        found.rows.append(
            RowRead(number, name, to, "HoopAI has not used this here." if target else "Unknown kind.")
        )
        return
    if target in wanted:
        found.rows.append(RowRead(number, name, to, "This is in the file twice."))
        return
    if to:
        value = "" if to.casefold() == TAKEN_BACK else _value(book, target[0], to)
        wanted[target] = (RowRead(number, targets[target], to), value)


def _value(book: MappingBook, kind: MappingKind, to: str) -> str:
    """An AccountID or tax type for what the file says: its code, id or name."""
    if kind == MappingKind.TRACKING:
        return to
    if kind == MappingKind.TAX:
        named = [rate.tax_type for rate in book.rates.values() if rate.name == to]
        return named[0] if len(named) == 1 and to not in book.rates else to
    found: list[LedgerAccount] = [
        account
        for account in book.accounts.values()
        if to in (account.account_id, account.code, account.label)
    ]
    found = [account for account in found if account.active] or found
    return found[0].account_id if found else to


def _refused(book: MappingBook, choices: Choices) -> dict[str, str]:
    try:
        mapping_rules.checked(book, choices)
    except ChooseAgain as refusal:
        return refusal.fields
    return {}


def _targets(location_id: int, book: MappingBook) -> dict[Target, str]:
    """Everything that can be mapped, with its name."""
    found: dict[Target, str] = {
        (kind, DEFAULT_ACCOUNT): mapping_history.GENERAL[kind]
        for kind in (MappingKind.DEFAULT, MappingKind.ROUNDING)
    }
    rows = mapping_table.all_rows(location_id)
    found |= {(row.kind, row.key): row.name for row in rows}
    for group in book.trackings:
        found[MappingKind.TRACKING, tracking.key_of(group.tracking_id)] = (
            f"{group.name} for all other categories"
        )
        for row in rows if group.active else []:
            if row.kind == MappingKind.CATEGORY:
                key = tracking.key_of(group.tracking_id, row.key)
                found[MappingKind.TRACKING, key] = f"{group.name} for {row.name}"
    return found | {target: target[1] for target in book.chosen if target not in found}


def _plain(value: object) -> str:
    return tables.meant(value.strip()) if isinstance(value, str) else ""
