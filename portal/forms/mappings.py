"""What the Account Mapping form says: only the choices that were changed on the page."""

from collections.abc import Mapping

from portal.models import MappingKind

BEFORE = "was:"


def choices(form: Mapping[str, str]) -> dict[tuple[MappingKind, str], str]:
    """Fields named `kind:key` whose value differs from the one shown (`was:kind:key`) → what was chosen.

    What somebody else saved meanwhile is therefore not taken back by an older page.
    """
    found: dict[tuple[MappingKind, str], str] = {}
    for name, value in form.items():
        kind, _, key = name.partition(":")
        if kind in set(MappingKind) and key and value != form.get(BEFORE + name):
            found[MappingKind(kind), key] = value
    return found
