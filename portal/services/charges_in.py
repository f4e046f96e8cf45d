"""Fees, tips and processing charges that HoopAI's total holds beside the lines.

They become lines of their own, mapped by kind to their own account, and only where the lines and the charges that
HoopAI named make its total together. What is not named stays a difference that a person is told of; nothing is guessed.
What a person books it as counts for the total that was decided about, and for no other.
"""

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum

from portal.hoopai.invoices import ChargeSaid
from portal.models import Invoice, Line
from portal.services import reckoning

NO_TAX = "none"


class Charge(StrEnum):
    """What a person may book a difference as. The value is the kind in the category's key."""

    LATE_FEE = "late fee"
    TIP = "tip"
    PROCESSING = "processing charge"
    OTHER = "other"

    @property
    def key(self) -> str:
        """The category that it is mapped by."""
        return f"{reckoning.CHARGE}{self}"

    @property
    def called(self) -> str:
        """What its line and its category are called."""
        return "Other charge" if self is Charge.OTHER else self.value.capitalize()


def lines_for(
    invoice: Invoice, lines: Sequence[Line], before: Sequence[Line], said: Sequence[ChargeSaid]
) -> list[Line]:
    """The lines of the charges to add: those that were named, else those known from before. Empty where none fit.

    The invoice's total and discount are to be the new ones already.
    """
    named = [_line(charge) for charge in said]
    known = [_again(line) for line in before if _counts(line, invoice)]
    if not lines or not (named or known) or not reckoning.of(invoice, lines).differs_from(invoice.total):
        return []
    for charges in filter(None, (named, known)):
        if not reckoning.of(invoice, [*lines, *charges]).differs_from(invoice.total):
            for place, charge in enumerate(charges):
                charge.position = len(lines) + place
            return charges
    return []


def booked(invoice: Invoice, charge: Charge, amount: Decimal) -> Line:
    """The line of a charge that a person has decided on, for the invoice's present total."""
    return Line(
        name=charge.called, quantity=Decimal(1), unit_amount=amount, taxes=[], tax_key=NO_TAX,
        category_key=charge.key, decided_total=invoice.total, position=len(invoice.lines),
    )  # fmt: skip


def decided(invoice: Invoice) -> Line | None:
    """The charge that a person has booked for what the total holds beside the lines, if there is one."""
    return next((line for line in invoice.lines if line.decided_total is not None), None)


def _counts(line: Line, invoice: Invoice) -> bool:
    return line.category_key.startswith(reckoning.CHARGE) and line.decided_total in (None, invoice.total)


def _line(charge: ChargeSaid) -> Line:
    kind = " ".join(charge.name.casefold().split())[:200] or "charge"
    return Line(
        name=charge.name[:500] or "Charge", quantity=Decimal(1), unit_amount=charge.amount, taxes=[], tax_key=NO_TAX,
        category_key=f"{reckoning.CHARGE}{kind}",
    )  # fmt: skip


def _again(line: Line) -> Line:
    return Line(
        name=line.name, quantity=line.quantity, unit_amount=line.unit_amount, taxes=[], tax_key=NO_TAX,
        category_key=line.category_key, decided_total=line.decided_total,
    )  # fmt: skip
