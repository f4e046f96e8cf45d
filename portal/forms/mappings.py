"""What the Account Mapping form says: only the choices that were changed on the page."""

from collections.abc import Mapping

from werkzeug.datastructures import MultiDict

from portal.models import MappingKind

BEFORE = "was:"
BULK, ROW = "bulk", "row"
Target = tuple[MappingKind, str]


def choices(form: Mapping[str, str]) -> dict[Target, str]:
    """Fields named `kind:key` whose value differs from the one shown (`was:kind:key`) → what was chosen.

    What somebody else saved meanwhile is therefore not taken back by an older page. With the button `bulk` the
    ticked categories (`row`) get the account of the field `assign` as well.
    """
    found: dict[Target, str] = {}
    for name, value in form.items():
        target = _target(name)
        if target and value != form.get(BEFORE + name):
            found[target] = value
    if form.get(BULK) and isinstance(form, MultiDict):
        found |= {(MappingKind.CATEGORY, key): form.get("assign", "") for key in form.getlist(ROW)}
    return found


def seen(form: Mapping[str, str]) -> dict[Target, str]:
    """What the page showed of each choice when it was read."""
    found = {
        _target(name.removeprefix(BEFORE)): value for name, value in form.items() if name.startswith(BEFORE)
    }
    return {target: value for target, value in found.items() if target}


def _target(name: str) -> Target | None:
    kind, _, key = name.partition(":")
    return (MappingKind(kind), key) if kind in set(MappingKind) and key else None
