"""The arithmetic of lines: discount, line total, tax per line rounded to cents
(developer.xero.com, Invoices, and Rounding best practice).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")
_FOUR = Decimal("0.0001")
ZERO = Decimal("0.00")


@dataclass(frozen=True)
class Totals:
    """What the lines come to."""

    sub_total: Decimal = ZERO
    tax: Decimal = ZERO
    discount: Decimal = ZERO

    @property
    def total(self) -> Decimal:
        """Sub-total plus tax."""
        return self.sub_total + self.tax


def cents(value: Decimal) -> Decimal:
    """Rounded to two decimals, half away from zero."""
    return value.quantize(CENT, ROUND_HALF_UP)


def unit_amount(value: Decimal, decimals: int) -> Decimal:
    """A unit amount as kept: four decimals when asked for with unitdp=4, else two."""
    return value.quantize(_FOUR if decimals == 4 else CENT, ROUND_HALF_UP)


def quantity(value: Decimal) -> Decimal:
    """A quantity as kept: four decimals."""
    return value.quantize(_FOUR, ROUND_HALF_UP)


def line_total(
    units: Decimal, unit: Decimal, rate: Decimal | None, amount: Decimal | None
) -> tuple[Decimal, Decimal]:
    """(line total, discount) of quantity × unit amount less a discount in percent or as an amount."""
    gross = units * unit
    discount = cents(gross * rate / 100) if rate else cents(amount or ZERO)
    return cents(gross - discount), discount


def line_tax(total: Decimal, percent: Decimal, amounts: str) -> Decimal:
    """The tax of one line, rounded: on top (`Exclusive`), inside (`Inclusive`), or none (`NoTax`)."""
    if amounts == "NoTax" or not percent:
        return ZERO
    if amounts == "Inclusive":
        return total - cents(total * 100 / (100 + percent))
    return cents(total * percent / 100)


def summed(rows: list[tuple[Decimal, Decimal, Decimal]], amounts: str) -> Totals:
    """Totals of (line total, tax, discount) rows; line totals include the tax under `Inclusive`."""
    tax = sum((row[1] for row in rows), ZERO)
    lines = sum((row[0] for row in rows), ZERO)
    return Totals(lines - tax if amounts == "Inclusive" else lines, tax, sum((row[2] for row in rows), ZERO))
