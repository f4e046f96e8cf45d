"""What the Account Mapping form says: only the choices that were changed on the page."""

from collections.abc import Mapping

from werkzeug.datastructures import MultiDict

from portal.models import MappingKind

BEFORE = "was:"
BULK, ROW, ASSIGN, ACCOUNT = "bulk", "row", "assign", "account"
Target = tuple[MappingKind, str]


def choices(form: Mapping[str, str]) -> dict[Target, str]:
    """Fields named `kind:key` whose value differs from the one shown (`was:kind:key`) → what was chosen.

    What somebody else saved meanwhile is therefore not taken back by an older page. With the button `bulk` the
    ticked categories (`row`) get the account of the field `assign` as well, or where the button names a tracking
    category the option of `assign:` and its id.
    """
    found: dict[Target, str] = {}
    for name, value in form.items():
        target = _target(name)
        if target and value != form.get(BEFORE + name):
            found[target] = value
    if form.get(BULK) and isinstance(form, MultiDict):
        found |= _bulk(form)
    return found


def _bulk(form: MultiDict[str, str]) -> dict[Target, str]:
    rows, group = form.getlist(ROW), form[BULK]
    if group == ACCOUNT:
        return {(MappingKind.CATEGORY, key): form.get(ASSIGN, "") for key in rows}
    option = form.get(f"{ASSIGN}:{group}", "")
    return {(MappingKind.TRACKING, f"{group}:{key}"): option for key in rows}


def seen(form: Mapping[str, str]) -> dict[Target, str]:
    """What the page showed of each choice when it was read."""
    found = {
        _target(name.removeprefix(BEFORE)): value for name, value in form.items() if name.startswith(BEFORE)
    }
    return {target: value for target, value in found.items() if target}


def _target(name: str) -> Target | None:
    kind, _, key = name.partition(":")
    return (MappingKind(kind), key) if kind in set(MappingKind) and key else None
