"""Tracking categories: which option of each a line carries, as the mapping says.

Xero has at most two active tracking categories, and a line carries at most one option of each. A choice is kept
under the id of Xero's tracking category and the key of the HoopAI category (`default` for all without an own one);
`no option` leaves a line without one where the default would give it one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from portal.models import MappingKind, TrackingOption

NO_OPTION = "no option"
DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Tracking:
    """One of Xero's tracking categories with its options that can be used."""

    tracking_id: str
    name: str
    active: bool
    options: tuple[TrackingOption, ...]

    @property
    def choices(self) -> list[tuple[str, str]]:
        """What may be chosen, as value and words: each option, and none."""
        return [*((each.option_id, each.name) for each in self.options), (NO_OPTION, "No option")]

    def choices_of(self, category_key: str, own: str) -> list[tuple[str, str]]:
        """What is offered for a HoopAI category, or by default: there no choice means no option already."""
        return self.choices if category_key != DEFAULT or own == NO_OPTION else self.choices[:-1]


def key_of(tracking_id: str, category_key: str = DEFAULT) -> str:
    """Under which key the option of a category is kept."""
    return f"{tracking_id}:{category_key}"


def of_key(key: str) -> tuple[str, str]:
    """The tracking category and the HoopAI category that a key is made of."""
    tracking_id, _, category_key = key.partition(":")
    return tracking_id, category_key


def all_of(options: Iterable[TrackingOption]) -> tuple[Tracking, ...]:
    """The tracking categories of these options, active ones first, by name."""
    found: dict[str, list[TrackingOption]] = {}
    for option in options:
        found.setdefault(option.tracking_id, []).append(option)
    made = [
        Tracking(
            tracking_id, own[0].tracking_name, any(each.tracking_status == "ACTIVE" for each in own),
            tuple(sorted((each for each in own if each.usable), key=lambda each: each.name.casefold())),
        )
        for tracking_id, own in found.items()
    ]  # fmt: skip
    return tuple(sorted(made, key=lambda each: (not each.active, each.name.casefold())))


def chosen(choices: Mapping[tuple[MappingKind, str], str], tracking_id: str, keys: Iterable[str]) -> str:
    """The option's id chosen for the first of these category keys that has one, else the default one's; or empty."""
    for key in (*keys, DEFAULT):
        if value := choices.get((MappingKind.TRACKING, key_of(tracking_id, key))):
            return "" if value == NO_OPTION else value
    return ""


def kept(row: Mapping[str, Any]) -> dict[str, Any]:
    """The tracking of a line as Xero gave it, to be said again by its ids; nothing where it has none."""
    names = ("TrackingCategoryID", "TrackingOptionID")
    said = [{name: each[name] for name in names} for each in row.get("Tracking") or []]
    return {"Tracking": said} if said else {}


def count(document: Mapping[str, Any]) -> int:
    """How many options the lines of an invoice or credit note carry."""
    return sum(len(line.get("Tracking") or ()) for line in document.get("LineItems") or ())
