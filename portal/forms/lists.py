"""What an address says of a list: search, days, and where the page begins. Nonsense is as if it were not there."""

from datetime import date
from enum import StrEnum
from typing import TypeVar

from werkzeug.datastructures import MultiDict

from portal.services import paging
from portal.services.choice import Choice

Word = TypeVar("Word", bound=StrEnum)
LONGEST = 100
FIRST, LAST = date(2000, 1, 1), date(2199, 12, 31)


def choice(args: MultiDict[str, str], *, days: bool = False) -> Choice:
    """The choice of an address; `days` where the list is by calendar day."""
    before = paging.cursor(args.get("before", ""), newer=True, days=days)
    return Choice(
        search=" ".join(args.get("q", "").split())[:LONGEST],
        since=day(args.get("from", "")),
        until=day(args.get("to", "")),
        at=before or paging.cursor(args.get("after", ""), days=days),
    )


def one_of(words: type[Word], text: str, otherwise: Word) -> Word:
    """The member that an address names."""
    return words(text) if text in set(words) else otherwise


def day(text: str) -> date | None:
    """The day that a person means; None for what is none, or none that a list could hold."""
    try:
        found = date.fromisoformat(text.strip())
    except ValueError:
        return None
    return found if FIRST <= found <= LAST else None
