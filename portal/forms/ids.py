"""Ids that come with a form: whole numbers that a database can hold, nothing else."""

from collections.abc import Iterable

MOST = 1_000
DIGITS = 18


def ids(typed: Iterable[str]) -> list[int]:
    """The numbers among what was sent, at most a thousand; anything that cannot be an id is left out."""
    numbers = [each.strip() for each in typed]
    return [int(each) for each in numbers if each.isascii() and each.isdigit() and len(each) <= DIGITS][:MOST]
