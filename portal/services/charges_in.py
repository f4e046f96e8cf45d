"""Fees, tips and processing charges that HoopAI's total holds beside the lines.

They become lines of their own, mapped by kind to their own account, and only where the lines and the charges that
HoopAI named make its total together. What is not named stays a difference that a person is told of; nothing is guessed.
"""

from collections.abc import Sequence
from decimal import Decimal

from portal.hoopai.invoices import ChargeSaid
from portal.models import Invoice, Line
from portal.services import reckoning

NO_TAX = "none"


def lines_for(
    invoice: Invoice, lines: Sequence[Line], before: Sequence[Line], said: Sequence[ChargeSaid]
) -> list[Line]:
    """The lines of the charges to add; those known from before where an event names none. Empty where none are needed.

    The invoice's total and discount are to be the new ones already.
    """
    if not lines or not reckoning.of(invoice, lines).differs_from(invoice.total):
        return []
    known = [_again(line) for line in before if line.category_key.startswith(reckoning.CHARGE)]
    charges = [_line(charge) for charge in said] or known
    if not charges or reckoning.of(invoice, [*lines, *charges]).differs_from(invoice.total):
        return []
    for place, charge in enumerate(charges):
        charge.position = len(lines) + place
    return charges


def _line(charge: ChargeSaid) -> Line:
    kind = " ".join(charge.name.casefold().split())[:200] or "charge"
    return Line(
        name=charge.name[:500] or "Charge", quantity=Decimal(1), unit_amount=charge.amount, taxes=[], tax_key=NO_TAX,
        category_key=f"{reckoning.CHARGE}{kind}",
    )  # fmt: skip


def _again(line: Line) -> Line:
    return Line(
        name=line.name, quantity=line.quantity, unit_amount=line.unit_amount, taxes=[], tax_key=NO_TAX,
        category_key=line.category_key,
    )  # fmt: skip
