"""The mapping's history: who chose what, what it freed, what somebody else changed meanwhile."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from portal.errors import ChooseAgain, NotFoundHere
from portal.extensions import db
from portal.models import (
    Category,
    Connection,
    HoopTax,
    MappingChange,
    MappingKind,
    MappingSave,
    Product,
    Push,
    PushState,
    TrackingOption,
    User,
)
from portal.services import tracking
from portal.services.mapping_book import ANY_TAX, DEFAULT, NO_TAX, Choices, MappingBook, Target

MOST_PUSHES = 5_000
PART = 500
NONE = "nothing"
METHODS = {
    DEFAULT: "All payments",
    "stripe": "Stripe",
    "paypal": "PayPal",
    "manual": "Manual",
    "cash": "Cash",
    "cheque": "Cheque",
    "card": "Card",
    "bank_transfer": "Bank transfer",
}
GENERAL = {
    MappingKind.DEFAULT: "Default revenue account",
    MappingKind.ROUNDING: "Account for rounding differences",
}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far what a save set free has come: in Xero, still on its way, stopped again by something else."""

    total: int
    sent: int
    going: int
    stopped: int


def note(
    session: Session,
    location_id: int,
    tenant_id: str,
    user: User,
    before: MappingBook,
    changes: dict[Target, str],
    freed: list[int],
    how: str,
) -> int:
    """Write a save down with every change in it; its id."""
    save = MappingSave(
        location_id=location_id, tenant_id=tenant_id, user_id=user.id, how=how, push_ids=freed[:MOST_PUSHES]
    )
    names = names_of(session, location_id, changes)
    save.changes = [
        MappingChange(
            location_id=location_id, tenant_id=tenant_id, kind=kind, key=key, name=names[kind, key],
            from_value=before.chosen.get((kind, key), ""), to_value=to,
            from_label=before.label(kind, before.chosen.get((kind, key), ""))[:200],
            to_label=before.label(kind, to)[:200],
        )
        for (kind, key), to in changes.items()
    ]  # fmt: skip
    session.add(save)
    session.flush()
    return save.id


def meanwhile(
    session: Session, location_id: int, now: MappingBook, choices: Choices, seen: Choices
) -> tuple[str, ...]:
    """What is no longer as the person saw it, a sentence each. Raises ChooseAgain where that was to be changed."""
    moved = [target for target, was in seen.items() if now.chosen.get(target, "") != was]
    if not moved:
        return ()
    told = {target: _sentence(session, location_id, now, target, seen[target]) for target in moved}
    clashes = {
        f"{kind}:{key}": f"{told[kind, key]} Save again to have yours."
        for kind, key in moved
        if (kind, key) in choices and choices[kind, key] != now.chosen.get((kind, key), "")
    }
    if clashes:
        others = [text for (kind, key), text in told.items() if f"{kind}:{key}" not in clashes]
        raise ChooseAgain(
            " ".join(["Somebody else saved meanwhile. Nothing of yours was saved yet.", *others]), clashes
        )
    return tuple(told.values())


def listing(location_id: int, number: int, size: int = 20) -> tuple[list[MappingSave], int]:
    """One page of saves, newest first, and how many there are; of the organisation of today."""
    mine = (MappingSave.location_id == location_id, MappingSave.tenant_id == _tenant(location_id))
    total = db.session.scalar(select(func.count()).select_from(MappingSave).where(*mine)) or 0
    found = db.session.scalars(
        select(MappingSave)
        .where(*mine)
        .options(selectinload(MappingSave.changes), joinedload(MappingSave.user))
        .order_by(MappingSave.id.desc())
        .offset((max(1, number) - 1) * size)
        .limit(size)
    )
    return list(found), total


def one(location_id: int, save_id: int) -> MappingSave:
    """One save of this location's present organisation. Raises NotFoundHere."""
    save = db.session.get(MappingSave, save_id)
    if save is None or save.location_id != location_id or save.tenant_id != _tenant(location_id):
        raise NotFoundHere("There is no such save of this mapping.")
    return save


def before(save: MappingSave, only: Iterable[int] = ()) -> Choices:
    """The choices that take a save back, or only some of its changes, named by their ids."""
    wanted = set(only)
    return {
        (MappingKind(change.kind), change.key): change.from_value
        for change in save.changes
        if not wanted or change.id in wanted
    }


def ever_chosen(session: Session, location_id: int, tenant_id: str) -> dict[Target, set[str]]:
    """Every AccountID that each target has been mapped to in this organisation."""
    found: dict[Target, set[str]] = {}
    rows = session.execute(
        select(MappingChange.kind, MappingChange.key, MappingChange.from_value, MappingChange.to_value).where(
            MappingChange.location_id == location_id, MappingChange.tenant_id == tenant_id
        )
    )
    for kind, key, was, becomes in rows:
        found.setdefault((MappingKind(kind), key), set()).update(filter(None, (was, becomes)))
    return found


def progress(save: MappingSave) -> Progress:
    """How far what the save set free has come."""
    states: dict[PushState, int] = {}
    for start in range(0, len(save.push_ids), PART):
        rows = db.session.execute(
            select(Push.state, func.count())
            .where(Push.id.in_(save.push_ids[start : start + PART]))
            .group_by(Push.state)
        )
        for state, count in rows:
            states[PushState(state)] = states.get(PushState(state), 0) + count
    sent = states.get(PushState.SENT, 0)
    stopped = sum(states.get(each, 0) for each in (PushState.BLOCKED, PushState.SKIPPED, PushState.CANCELLED))
    return Progress(len(save.push_ids), sent, sum(states.values()) - sent - stopped, stopped)


def names_of(
    session: Session, location_id: int, targets: Iterable[Target], categories: Mapping[str, str] | None = None
) -> dict[Target, str]:
    """What each target is called on the page; `categories` are their names where they were read already."""
    wanted = list(targets)
    if categories is not None:
        known = {each: categories.get(each[1], "") for each in wanted if each[0] == MappingKind.CATEGORY}
        named = {target: name for target, name in known.items() if name}
        return named | names_of(session, location_id, [each for each in wanted if each not in named])
    tracked = {target: tracking.of_key(target[1]) for target in wanted if target[0] == MappingKind.TRACKING}
    if tracked:
        rest = [target for target in wanted if target not in tracked]
        return names_of(session, location_id, rest) | _names_of_tracked(session, location_id, tracked)
    names: dict[Target, str] = {}
    for kind, table, column in (
        (MappingKind.CATEGORY, Category, Category.key),
        (MappingKind.TAX, HoopTax, HoopTax.key),
    ):
        keys = [key for each, key in wanted if each == kind]
        found = select(column, table.name).where(table.location_id == location_id, column.in_(keys))
        names |= {(kind, key): name for key, name in session.execute(found)} if keys else {}
    names |= _names_of_products(session, location_id, [target for target in wanted if target not in names])
    return {target: names.get(target) or _plain(*target) for target in wanted}


def _names_of_products(session: Session, location_id: int, targets: Iterable[Target]) -> dict[Target, str]:
    ids = [key.removeprefix("product:") for _, key in targets if key.startswith("product:")]
    found = select(Product.hoop_id, Product.name).where(
        Product.location_id == location_id, Product.hoop_id.in_(ids)
    )
    rows = session.execute(found) if ids else ()
    return {(MappingKind.CATEGORY, f"product:{hoop_id}"): name for hoop_id, name in rows}


def _names_of_tracked(
    session: Session, location_id: int, tracked: dict[Target, tuple[str, str]]
) -> dict[Target, str]:
    """`Studio for Retainers`: Xero's tracking category and what the choice is for."""
    rows = session.execute(
        select(TrackingOption.tracking_id, TrackingOption.tracking_name)
        .join(Connection, Connection.id == TrackingOption.connection_id)
        .where(Connection.location_id == location_id)
        .distinct()
    )
    groups = {tracking_id: name for tracking_id, name in rows}
    categories = {(MappingKind.CATEGORY, key) for _, key in tracked.values() if key != tracking.DEFAULT}
    names = names_of(session, location_id, categories)
    return {
        target: f"{groups.get(group, 'Tracking')} for {names.get((MappingKind.CATEGORY, key), 'all other categories')}"
        for target, (group, key) in tracked.items()
    }


def method_name(method: str) -> str:
    """A payment method in words."""
    way, _, how = method.partition(":")
    name = METHODS.get(way, way.replace("_", " ").capitalize())
    return f"{name}: {how.replace('_', ' ')}" if how else name


def _plain(kind: MappingKind, key: str) -> str:
    if kind in GENERAL:
        return GENERAL[kind]
    if kind == MappingKind.PAYMENT:
        return method_name(key)
    if kind == MappingKind.TAX and key.startswith(ANY_TAX):
        return f"Any tax of {key.removeprefix(ANY_TAX)} %"
    return "No tax" if kind == MappingKind.TAX and key == NO_TAX else key


def _sentence(session: Session, location_id: int, now: MappingBook, target: Target, was: str) -> str:
    kind, key = target
    change = session.scalars(
        select(MappingChange)
        .join(MappingSave)
        .where(MappingChange.location_id == location_id, MappingChange.kind == kind, MappingChange.key == key)
        .order_by(MappingChange.id.desc())
        .options(joinedload(MappingChange.save).joinedload(MappingSave.user))
        .limit(1)
    ).first()
    who = change.save.user.name if change is not None and change.save.user else "Somebody"
    name = names_of(session, location_id, [target])[target]
    to = now.label(kind, now.chosen.get(target, "")) or NONE
    return f"{who} changed {name} from {now.label(kind, was) or NONE} to {to} meanwhile."


def _tenant(location_id: int) -> str:
    found = db.session.scalar(select(Connection.tenant_id).where(Connection.location_id == location_id))
    return found or ""
