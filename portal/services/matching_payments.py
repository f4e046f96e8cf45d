"""Which transactions a step of an invoice's paid amount is made of. Plain matching, no database."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from portal.hoopai.transactions import TransactionSaid
from portal.models import Payment


@dataclass(frozen=True, slots=True)
class Pairing:
    """A step and its transactions, oldest first. `whole`: they make up the step exactly."""

    payment: Payment
    transactions: tuple[TransactionSaid, ...]
    whole: bool


def pair(steps: Sequence[Payment], came: Sequence[TransactionSaid]) -> list[Pairing]:
    """Pair steps known from events with transactions (both oldest first); each is used once at most.

    First by the same amount, then a step that is the sum of neighbouring transactions (an event was lost or several
    were paid at once), at last the one step and the one transaction that are left over.
    """
    left, paired = list(came), []
    for step in steps:
        run = _same(step.amount, left)
        if run:
            paired.append(Pairing(step, tuple(run), True))
            left = [one for one in left if one not in run]
    open_steps = [step for step in steps if all(pairing.payment is not step for pairing in paired)]
    for step in list(open_steps):
        run = _sum(step.amount, left)
        if run:
            paired.append(Pairing(step, tuple(run), True))
            left = [one for one in left if one not in run]
            open_steps.remove(step)
    if len(open_steps) == 1 and len(left) == 1:
        paired.append(Pairing(open_steps[0], (left[0],), False))
    return paired


def _same(amount: Decimal, left: Sequence[TransactionSaid]) -> list[TransactionSaid]:
    return next(([one] for one in left if one.amount == amount), [])


def _sum(amount: Decimal, left: Sequence[TransactionSaid]) -> list[TransactionSaid]:
    for start in range(len(left)):
        total = Decimal(0)
        for end in range(start, len(left)):
            total += left[end].amount
            if total == amount and end > start:
                return list(left[start : end + 1])
            if total > amount:
                break
    return []
