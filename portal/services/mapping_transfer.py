"""A mapping from elsewhere: copied from another location of the agency, or made by answering the first questions."""

from collections.abc import Mapping as Dict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import and_, select

from portal.errors import ChooseAgain
from portal.extensions import db
from portal.models import Connection, LedgerAccount, Location, Mapping, MappingKind, TaxRate, User
from portal.services import (
    mapping_history,
    mapping_rules,
    mapping_table,
    mappings,
    preferences,
    tracking,
    users,
)
from portal.services.mapping_book import (
    DEFAULT,
    DEFAULT_ACCOUNT,
    NO_TAX,
    Choices,
    MappingBook,
    Target,
    percent_key,
)
from portal.services.mappings import Saved
from portal.services.preferences import SendFrom

TRACKING = MappingKind.TRACKING
ACCOUNT, TAX, UNTAXED, PAYMENTS, SEND = "account", "tax", "untaxed", "payments", "send_from"


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy did: how many choices, and what could not be copied with the reason."""

    saved: Saved
    origin: str
    left: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Questions:
    """The first questions with what may be answered; a suggestion where there is a plain one."""

    accounts: list[LedgerAccount]
    account: str
    percent: Decimal | None
    rates: list[TaxRate]
    untaxed: list[TaxRate]
    payments: list[LedgerAccount]
    payment: str
    send_from: SendFrom


def sources(location: Location, user: User) -> list[Location]:
    """The agency's other locations that the person may enter and that have a mapping."""
    mapped = select(Mapping.location_id).join(
        Connection,
        and_(Connection.location_id == Mapping.location_id, Connection.tenant_id == Mapping.tenant_id),
    )
    found = set(db.session.scalars(mapped.distinct())) - {location.id}
    return [each for each in users.locations_of(user) if each.id in found]


def copy(location_id: int, origin_id: int, user: User) -> Copied:
    """Copy another location's choices by account code, tax type, payment method and tracking names. Raises ChooseAgain.

    Categories are known again by their key, else by their name. What is chosen here already stays.
    """
    origin = next((each for each in users.locations_of(user) if each.id == origin_id), None)
    if origin is None or origin.id == location_id:
        raise ChooseAgain("Choose a location to copy from.")
    there, here = mappings.book(origin_id), mappings.book(location_id)
    names = mapping_history.names_of(db.session(), origin_id, there.chosen)
    known = _Known(here, mapping_table.all_rows(location_id))
    wanted: dict[Target, str] = {}
    left: list[tuple[str, str]] = []
    for (kind, key), value in there.chosen.items():
        name = names[kind, key]
        target = known.tracked(there, key, names) if kind == TRACKING else known.target(kind, key, name)
        to = _here(here, kind, there, value)
        if target is None:
            left.append((name, "HoopAI has not used it here."))
        elif to is None:
            left.append((name, f"{there.label(kind, value)} has no counterpart in this Xero organisation."))
        elif target not in here.chosen:
            wanted[target] = to
        elif here.chosen[target] != to:
            left.append((name, "Something else is chosen here already."))
    good, refused = _good(here, wanted)
    left += [(names.get(target, target[1]), why) for target, why in refused]
    return Copied(mappings.save(location_id, user, good, how="copy"), origin.name, sorted(left))


def questions(location_id: int) -> Questions:
    """At most five questions that fill the table."""
    book = mappings.book(location_id)
    revenue = mapping_table.revenue_accounts(book)
    rates = sorted((rate for rate in book.rates.values() if rate.usable), key=lambda rate: rate.name)
    percent = _usual(book, rates)
    payments = mapping_table.payment_accounts(book)
    banks = [account for account in payments if account.type == "BANK"]
    sales = [account for account in revenue if "sales" in account.name.casefold()]
    return Questions(
        accounts=revenue,
        account=sales[0].account_id if len(sales) == 1 else "",
        percent=percent,
        rates=[rate for rate in rates if rate.rate == percent],
        untaxed=[rate for rate in rates if not rate.rate],
        payments=payments,
        payment=banks[0].account_id if len(banks) == 1 else "",
        send_from=preferences.of(db.session(), location_id).send_from,
    )


def answer(location_id: int, user: User, asked: Questions, form: Dict[str, str]) -> Saved:
    """Fill the table with the answers; what is left empty is not chosen. Raises ChooseAgain."""
    targets: dict[str, Target] = {
        ACCOUNT: (MappingKind.DEFAULT, DEFAULT_ACCOUNT),
        UNTAXED: (MappingKind.TAX, NO_TAX),
        PAYMENTS: (MappingKind.PAYMENT, DEFAULT),
    }
    if asked.percent is not None:
        targets[TAX] = (MappingKind.TAX, percent_key(asked.percent))
    choices: Choices = {target: form.get(name, "") for name, target in targets.items() if form.get(name)}
    names = {f"{kind}:{key}": name for name, (kind, key) in targets.items()}
    try:
        saved = mappings.save(location_id, user, choices, how="answers")
    except ChooseAgain as refusal:
        raise ChooseAgain(
            str(refusal), {names[key]: text for key, text in refusal.fields.items()}
        ) from refusal
    if form.get(SEND):
        preferences.save(location_id, user, {SEND: form[SEND]})
    return saved


class _Known:
    """What can be mapped here, to be found again by its key or name elsewhere."""

    def __init__(self, here: MappingBook, rows: Sequence[mapping_table.Named]) -> None:
        self.here = here
        self.keys = {(row.kind, row.key) for row in rows}
        self.by_name = {(row.kind, row.name.casefold()): row.key for row in rows}

    def target(self, kind: MappingKind, key: str, name: str) -> Target | None:
        """The same thing here."""
        if (kind, key) in self.keys or _general(kind, key):
            return kind, key
        same = self.by_name.get((kind, name.casefold()))
        return (kind, same) if same else None

    def tracked(self, there: MappingBook, key: str, names: Dict[Target, str]) -> Target | None:
        """The choice of the tracking category of the same name, for the same category."""
        group_id, category = tracking.of_key(key)
        name = next((each.name for each in there.trackings if each.tracking_id == group_id), "")
        same = (each for each in self.here.trackings if each.active)
        group = next((each for each in same if each.name.casefold() == name.casefold()), None)
        of = names.get((TRACKING, key), "").removeprefix(f"{name} for ")
        mine = self.target(MappingKind.CATEGORY, category, of)
        if group is None or (mine is None and category != tracking.DEFAULT):
            return None
        return TRACKING, tracking.key_of(group.tracking_id, mine[1] if mine else tracking.DEFAULT)


def _usual(book: MappingBook, rates: list[TaxRate]) -> Decimal | None:
    """The highest percentage that HoopAI has used and the organisation has a rate of, else its highest one."""
    offered = {rate.rate for rate in rates if rate.rate}
    return max(offered & set(book.percents.values()) or offered, default=None)


def _general(kind: MappingKind, key: str) -> bool:
    """What every location has, whatever HoopAI has used there."""
    general = (MappingKind.DEFAULT, MappingKind.PAYMENT, MappingKind.ROUNDING)
    return kind in general or (kind == MappingKind.TAX and ":" in key)


def _here(here: MappingBook, kind: MappingKind, there: MappingBook, value: str) -> str | None:
    if kind == MappingKind.TAX:
        return value if value in here.rates else None
    if kind == TRACKING:
        return _option(here, there, value)
    if value in here.accounts:
        return value
    code = there.accounts[value].code if value in there.accounts else None
    found = [each.account_id for each in here.accounts.values() if code and each.code == code and each.active]
    return found[0] if found else None


def _option(here: MappingBook, there: MappingBook, value: str) -> str | None:
    if value == tracking.NO_OPTION or value in here.options:
        return value
    label = there.label(TRACKING, value).casefold()
    found = [
        each.option_id for each in here.options.values() if each.usable and each.label.casefold() == label
    ]
    return found[0] if len(found) == 1 else None


def _good(here: MappingBook, wanted: dict[Target, str]) -> tuple[dict[Target, str], list[tuple[Target, str]]]:
    try:
        mapping_rules.checked(here, wanted)
    except ChooseAgain as refusal:
        refused = [(target, refusal.fields.get(f"{target[0]}:{target[1]}", "")) for target in wanted]
        bad = [(target, why) for target, why in refused if why]
        names = {target for target, _ in bad}
        return {target: to for target, to in wanted.items() if target not in names}, bad
    return wanted, []
