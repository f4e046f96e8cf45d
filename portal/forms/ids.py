"""Ids that come with a form: whole numbers that a database can hold, nothing else."""

from collections.abc import Iterable

MOST = 1_000
LARGEST = 2**31 - 1


def ids(typed: Iterable[str]) -> list[int]:
    """The numbers among what was sent, at most a thousand; anything that cannot be an id is left out."""
    texts = [each.strip() for each in typed]
    numbers = [int(each) for each in texts if each.isascii() and each.isdigit() and len(each) <= 10]
    return [number for number in numbers if number <= LARGEST][:MOST]


def number(typed: str) -> int:
    """The whole number that an address or a field says. Raises ValueError for one that no database can hold."""
    found = ids([typed])
    if not found:
        raise ValueError("This is no number that can be used.")
    return found[0]
