"""How a location wants its documents carried: one typed set of settings, kept only where they differ from these."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from functools import cache
from typing import Any, get_type_hints

import simplejson
from sqlalchemy import Select, bindparam, delete, select
from sqlalchemy.orm import Session

from portal import clock
from portal.errors import ChooseAgain
from portal.models import LocationSetting, User
from portal.services import audit, shelf
from portal.services.unit import transaction

MOST = 500
MOST_TEXT = 300


class SendFrom(StrEnum):
    """From which HoopAI status on an invoice is carried to Xero."""

    DRAFT = "draft"
    SENT = "sent"
    PAID = "paid"


class LockPolicy(StrEnum):
    """What is done with a document dated in a period that is locked in Xero."""

    STOP = "stop"
    FIRST_OPEN = "first_open"
    DRAFT = "draft"


@dataclass(frozen=True, slots=True)
class Preferences:
    """All settings of one location with their defaults.

    `methods_left_out` are payment methods that are not sent; `manual` stands for every manual one
    (`manual:cash`, `manual:cheque` …). `collection_order` ranks product collections by their HoopAI id, the first
    one winning; collections not in it follow by name. `drafts_at_limit` sends drafts once the month's approvals of the
    Xero plan are used up.
    """

    send_from: SendFrom = SendFrom.DRAFT
    for_approval: bool = False
    branding_theme: str = ""
    match_by_email: bool = False
    update_contacts: bool = True
    methods_left_out: tuple[str, ...] = ()
    collection_order: tuple[str, ...] = ()
    lock_policy: LockPolicy = LockPolicy.STOP
    drafts_at_limit: bool = False

    def leaves_out(self, method: str) -> bool:
        """Whether payments of this method stay out of Xero."""
        return method in self.methods_left_out or method.partition(":")[0] in self.methods_left_out


def of(session: Session, location_id: int) -> Preferences:
    """The location's settings."""
    return shelf.once(session, location_id, Preferences, lambda: _read(session, location_id))


def _read(session: Session, location_id: int) -> Preferences:
    rows = session.execute(_kept(), {"location_id": location_id})
    known = {key: _checked(key, value) for key, value in rows if key in _KINDS}
    return replace(Preferences(), **known)


@cache
def _kept() -> Select[*tuple[str, Any]]:
    mine = LocationSetting.location_id == bindparam("location_id")
    return select(LocationSetting.key, LocationSetting.value).where(mine)


def save(location_id: int, user: User, changes: Mapping[str, Any]) -> Preferences:
    """Change some settings, named as the fields of Preferences. Raises ChooseAgain naming what makes no sense."""
    with transaction() as session:
        return put(session, location_id, user, changes)


def put(session: Session, location_id: int, user: User, changes: Mapping[str, Any]) -> Preferences:
    """The same inside the caller's transaction; what is set back to its default is forgotten."""
    before = of(session, location_id)
    after = replace(before, **{key: _checked(key, value) for key, value in changes.items()})
    was, becomes, default = asdict(before), asdict(after), asdict(Preferences())
    changed = [key for key in becomes if becomes[key] != was[key]]
    for key in changed:
        session.execute(
            delete(LocationSetting).where(
                LocationSetting.location_id == location_id, LocationSetting.key == key
            )
        )
        if becomes[key] != default[key]:
            session.add(_row(location_id, user, key, becomes[key]))
    if changed:
        told = "; ".join(f"{key}: {_plain(was[key])} → {_plain(becomes[key])}" for key in changed)
        audit.note(session, user, location_id, "preferences.save", told)
        session.flush()
    return after


def _row(location_id: int, user: User, key: str, value: Any) -> LocationSetting:
    kept = list(value) if isinstance(value, tuple) else value
    return LocationSetting(
        location_id=location_id, key=key, value=kept, changed_at=clock.now(), changed_by_id=user.id
    )


def _checked(key: str, value: Any) -> Any:
    """The value as the field's own type; ChooseAgain where it cannot be one."""
    kind = _KINDS.get(key)
    if kind is bool and isinstance(value, bool):
        return value
    if kind is str and isinstance(value, str) and len(value) <= MOST_TEXT:
        return value.strip()
    if kind in (SendFrom, LockPolicy) and value in list(kind):
        return kind(value)
    if kind == tuple[str, ...] and _are_texts(value):
        return tuple(dict.fromkeys(value))
    raise ChooseAgain("This cannot be set so.", {key: "Choose one of the values offered."})


def _are_texts(value: Any) -> bool:
    return (
        isinstance(value, (list, tuple))
        and len(value) <= MOST
        and all(isinstance(each, str) and 0 < len(each) <= MOST_TEXT for each in value)
    )


def _plain(value: Any) -> str:
    return simplejson.dumps(value)


_KINDS: dict[str, Any] = {each.name: get_type_hints(Preferences)[each.name] for each in fields(Preferences)}
