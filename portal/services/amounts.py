"""What Xero will make of an invoice's lines, to the cent, before anything is sent.

Xero rounds the discount and the amount of each line to cents, then the tax of each line, then adds up
(developer.xero.com, best practices on rounding). HoopAI may count otherwise, so the ways of saying the same invoice
are tried until one makes HoopAI's own total.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from itertools import product
from typing import Literal

CENT = Decimal("0.01")
PRICE = Decimal("0.0001")
HUNDRED = Decimal(100)
Amounts = Literal["Exclusive", "Inclusive"]


@dataclass(frozen=True, slots=True)
class Item:
    """One line: quantity × unit price, its tax in percent, and what HoopAI said about inclusive prices.

    `discounted` is whether the invoice's discount counts for it.
    """

    quantity: Decimal
    unit_amount: Decimal
    tax_rate: Decimal
    inclusive: bool | None = None
    discounted: bool = True


@dataclass(frozen=True, slots=True)
class Discount:
    """One discount on the whole invoice: `percentage` in percent, `fixed` in money."""

    kind: str
    value: Decimal


@dataclass(frozen=True, slots=True)
class Reckoning:
    """How to say the invoice to Xero. One rate or one amount of discount a line.

    `total` is what Xero will make, `tax` how much of it is tax. `unit_amounts` are the prices to say where they are
    not the lines' own.
    """

    amounts: Amounts
    discount_rate: Decimal | None
    discount_amounts: tuple[Decimal, ...] | None
    total: Decimal
    tax: Decimal
    unit_amounts: tuple[Decimal, ...] | None = None

    def differs_from(self, expected: Decimal) -> Decimal:
        """Xero's total less the expected one."""
        return self.total - expected


def reckon(items: Sequence[Item], discount: Discount | None, expected: Decimal) -> Reckoning:
    """The way of saying these lines whose total is `expected`; the nearest one where none agrees."""
    return min(ways(items, discount), key=lambda way: abs(way.differs_from(expected)))


def ways(items: Sequence[Item], discount: Discount | None) -> list[Reckoning]:
    """All ways of saying these lines that what HoopAI said of their prices allows."""
    said = {item.inclusive for item in items if item.tax_rate}
    found = [
        _total(items, rate, parts, amounts)
        for amounts, (rate, parts) in product(_tax_ways(said), _discount_ways(items, discount))
    ]
    if len({bool(each) for each in said}) > 1:
        found += _all_inclusive(items, discount)
    return found


def _all_inclusive(items: Sequence[Item], discount: Discount | None) -> list[Reckoning]:
    """Lines with and without tax in their prices: those without are said with it, so that all are said alike."""
    said = [_with_tax(item) for item in items]
    prices = tuple(item.unit_amount for item in said)
    ways = [_total(said, rate, parts, "Inclusive") for rate, parts in _discount_ways(said, discount)]
    return [replace(way, unit_amounts=prices) for way in ways]


def _with_tax(item: Item) -> Item:
    """The line at the price, to four places, that makes its amount and the tax on it together."""
    if item.inclusive or not item.tax_rate or not item.quantity:
        return item
    line = cents(item.quantity * item.unit_amount)
    whole = line + cents(line * item.tax_rate / HUNDRED)
    return replace(item, unit_amount=(whole / item.quantity).quantize(PRICE, ROUND_HALF_UP), inclusive=True)


def cents(value: Decimal) -> Decimal:
    """Rounded half up to two places, as Xero rounds."""
    return value.quantize(CENT, ROUND_HALF_UP)


def spread(amount: Decimal, weights: Sequence[Decimal]) -> tuple[Decimal, ...]:
    """Split an amount over lines by weight so that the cents add up exactly (largest remainder first)."""
    whole = sum(weights, Decimal(0))
    if not whole:
        return tuple(Decimal(0) for _ in weights)
    exact = [amount * weight / whole for weight in weights]
    parts = [part.quantize(CENT, "ROUND_DOWN") for part in exact]
    missing = int((cents(amount) - sum(parts)) / CENT)
    by_remainder = sorted(range(len(parts)), key=lambda i: exact[i] - parts[i], reverse=True)
    for index in by_remainder[:missing]:
        parts[index] += CENT
    return tuple(parts)


def _tax_ways(said: set[bool | None]) -> list[Amounts]:
    """How the lines' own prices may be meant; in no one way where some are said to hold their tax and some not to."""
    if said >= {True, False}:
        return []
    if said == {True}:
        return ["Inclusive"]
    if said == {False}:
        return ["Exclusive"]
    return ["Exclusive", "Inclusive"]


def _discount_ways(
    items: Sequence[Item], discount: Discount | None
) -> list[tuple[Decimal | None, tuple[Decimal, ...] | None]]:
    if discount is None or not discount.value:
        return [(None, None)]
    exact = [item.quantity * item.unit_amount if item.discounted else Decimal(0) for item in items]
    gross = [cents(each) for each in exact]
    if discount.kind == "percentage":
        amount = cents(sum(exact, Decimal(0)) * discount.value / HUNDRED)
        by_rate = [(discount.value, None)] if all(item.discounted for item in items) else []
        return [*by_rate, (None, spread(amount, gross))]
    return [(None, spread(min(discount.value, sum(gross, Decimal(0))), gross))]


def _total(
    items: Sequence[Item], rate: Decimal | None, parts: tuple[Decimal, ...] | None, amounts: Amounts
) -> Reckoning:
    total = taxes = Decimal(0)
    for index, item in enumerate(items):
        gross = item.quantity * item.unit_amount
        cut = cents(gross * rate / HUNDRED) if rate is not None else parts[index] if parts else Decimal(0)
        line = cents(gross - cut)
        tax = _tax(line, item.tax_rate, amounts)
        taxes += tax
        total += line + (tax if amounts == "Exclusive" else 0)
    return Reckoning(amounts, rate, parts, cents(total), cents(taxes))


def _tax(line: Decimal, percent: Decimal, amounts: Amounts) -> Decimal:
    """The tax of a line as Xero rounds it: on top of the line, or what is in it."""
    if amounts == "Exclusive":
        return cents(line * percent / HUNDRED)
    return line - cents(line / (1 + percent / HUNDRED)) if percent else Decimal(0)
