"""One document of HoopAI beside what Xero holds of it: what differs, with both sides as people read them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from portal import words
from portal.filters import money
from portal.models import Difference, DifferenceKind, Document, Failure, Link, Push, PushState
from portal.services import replying
from portal.services.differing import AMISS
from portal.services.replying import Seen
from portal.words import ENDED

__all__ = ["AMISS", "Difference", "Ours", "Seen", "compare"]

LEFT_OUT = (PushState.SKIPPED, PushState.CANCELLED)
ELSEWHERE = "It is in the organisation that this location was connected to before."
NEVER_ASKED = "It was never asked for."
APPROVED = ("AUTHORISED", "PAID")


@dataclass(frozen=True, slots=True)
class Ours:
    """A document as HoopAI has it. `ended` is whether it must not stand in Xero, `early` that it may be absent.

    `contact_ids` are Xero's ids that the customer may have; `paid` the sum of its payments that Xero has; `lines` the
    account code and amount of each line.
    """

    document: Document
    hoop_id: str
    number: str
    day: date
    amount: Decimal
    currency: str
    pushes: Sequence[Push]
    link: Link | None
    elsewhere: bool = False
    ended: bool = False
    early: bool = False
    contact_ids: frozenset[str] = frozenset()
    paid: Decimal | None = None
    lines: Sequence[tuple[str, Decimal]] = ()

    @property
    def pending(self) -> Push | None:
        """What is on its way or blocked, the most urgent first."""
        states = (PushState.BLOCKED, PushState.SENDING, PushState.WAITING, PushState.QUEUED)
        found = [push for push in self.pushes if push.state in states]
        return min(found, key=lambda push: states.index(PushState(push.state)), default=None)

    @property
    def counts(self) -> bool:
        """Whether Xero is to hold it: then it stands in HoopAI's column."""
        left_out = any(push.state in LEFT_OUT for push in self.pushes) and self.pending is None
        return not self.ended and not (self.link is None and (self.early or left_out or self.elsewhere))


def compare(ours: Ours, theirs: Seen | None) -> list[Difference]:
    """Everything in which the two differ; nothing where they agree."""
    there = theirs is not None and theirs.status not in ENDED
    if ours.pending is not None:
        return [_pending(ours, ours.pending)]
    if ours.ended:
        return [_told(ours, DifferenceKind.STATUS, "Taken back", _status(theirs))] if there and theirs else []
    if ours.link is None:
        return _absent(ours)
    if theirs is None:
        return [_told(ours, DifferenceKind.GONE, _amount(ours), "Not there")]
    if not there:
        return [_told(ours, DifferenceKind.GONE, _amount(ours), _status(theirs))]
    return list(_beside(ours, ours.link, theirs))


def only_xero(document: Document, theirs: Seen) -> Difference:
    """A document that bears our mark and is none of ours."""
    return Difference(
        kind=DifferenceKind.ONLY_XERO, document=document, number=(theirs.number or theirs.reference)[:255],
        day=theirs.day, xero_id=theirs.xero_id, theirs=money(theirs.amount, theirs.currency),
        message=theirs.reference[:1000] or None,
    )  # fmt: skip


def _pending(ours: Ours, push: Push) -> Difference:
    kind = DifferenceKind.BLOCKED if push.state == PushState.BLOCKED else DifferenceKind.WAITING
    usual = "Checking in Xero." if push.failure == Failure.UNSURE else "It waits for its turn."
    return _told(ours, kind, _amount(ours), None, push.message or usual, push)


def _absent(ours: Ours) -> list[Difference]:
    if ours.early:
        return []
    if ours.elsewhere:
        return [_told(ours, DifferenceKind.LEFT_OUT, _amount(ours), None, ELSEWHERE)]
    push = next((each for each in ours.pushes if each.state in LEFT_OUT), None)
    if push is not None:
        return [_told(ours, DifferenceKind.LEFT_OUT, _amount(ours), None, push.message, push)]
    return [_told(ours, DifferenceKind.MISSING, _amount(ours), None, None if ours.pushes else NEVER_ASKED)]


def _beside(ours: Ours, link: Link, theirs: Seen) -> Iterable[Difference]:
    sent: dict[str, Any] = link.content or {}
    if theirs.amount != ours.amount:
        by_hand = link.xero_total is not None and theirs.amount != link.xero_total
        yield _told(
            ours, DifferenceKind.TOTAL, _amount(ours), money(theirs.amount, theirs.currency),
            "It was changed in Xero." if by_hand else "Xero reckons it so.",
        )  # fmt: skip
    day = replying.day(sent.get("Date")) or ours.day
    if theirs.day != day:
        yield _told(ours, DifferenceKind.DATE, day.isoformat(), str(theirs.day))
    if ours.contact_ids and theirs.contact_id not in ours.contact_ids:
        yield _told(ours, DifferenceKind.CONTACT, None, theirs.contact)
    if ours.paid is not None and theirs.paid != ours.paid:
        yield _told(
            ours, DifferenceKind.PAID, money(ours.paid, ours.currency),
            money(theirs.paid, theirs.currency),
        )  # fmt: skip
    yield from _accounts(ours, sent, theirs)


def _accounts(ours: Ours, sent: dict[str, Any], theirs: Seen) -> Iterable[Difference]:
    codes = replying.codes_sent(sent)
    if codes and theirs.codes and sorted(codes) != sorted(theirs.codes):
        yield _told(ours, DifferenceKind.ACCOUNT, _listed(codes), _listed(theirs.codes))


def _told(
    ours: Ours,
    kind: DifferenceKind,
    mine: str | None,
    theirs: str | None,
    message: str | None = None,
    push: Push | None = None,
) -> Difference:
    return Difference(
        kind=kind, document=ours.document, hoop_id=ours.hoop_id, number=ours.number[:255], day=ours.day,
        xero_id=ours.link.xero_id if ours.link else None, ours=mine, theirs=theirs, message=message,
        push_id=push.id if push else None,
    )  # fmt: skip


def _status(theirs: Seen) -> str:
    return words.IN_XERO.get(theirs.status, theirs.status)


def _amount(ours: Ours) -> str:
    return money(ours.amount, ours.currency)


def _listed(codes: Sequence[str]) -> str:
    return ", ".join(sorted(set(codes)))[:300]
