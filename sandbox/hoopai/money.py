"""What an invoice adds up to."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

HUNDRED = Decimal(100)


@dataclass(frozen=True)
class Totals:
    """Amounts in the invoice's currency: total = sub_total - discount + tax not inside the prices."""

    sub_total: Decimal
    discount: Decimal
    tax: Decimal
    total: Decimal


def totals(lines: list[dict[str, Any]], discount: dict[str, Any] | None, places: int) -> Totals:
    """Add up invoice lines (REST shape: `qty`, `amount`, `taxes[].rate`, `taxInclusive`).

    The discount comes off first, then tax is reckoned on the net (help.hoopai.com, payments/taxes; for
    inclusive prices on the gross). The vendor documents no rounding: we round the discount once and each tax
    rate once over all its lines, half up, to `places` decimals.
    """
    gross = [line["qty"] * line["amount"] for line in lines]
    cuts = _cuts(lines, gross, discount)
    net = [whole - cut for whole, cut in zip(gross, cuts, strict=True)]
    on_top: dict[str, Decimal] = {}
    inside: dict[str, Decimal] = {}
    for line, amount in zip(lines, net, strict=True):
        _add_taxes(line, amount, inside if line.get("taxInclusive") else on_top)
    tax_on_top = sum((_rounded(tax, places) for tax in on_top.values()), Decimal(0))
    tax_inside = sum((_rounded(tax, places) for tax in inside.values()), Decimal(0))
    sub_total = _rounded(sum(gross, Decimal(0)), places)
    cut = _rounded(sum(cuts, Decimal(0)), places)
    return Totals(sub_total, cut, tax_on_top + tax_inside, sub_total - cut + tax_on_top)


def _cuts(
    lines: list[dict[str, Any]], gross: list[Decimal], discount: dict[str, Any] | None
) -> list[Decimal]:
    if not discount or not discount["value"]:
        return [Decimal(0)] * len(lines)
    only = discount.get("validOnProductIds") or []
    base = [
        whole if not only or line.get("productId") in only else Decimal(0)
        for line, whole in zip(lines, gross, strict=True)
    ]
    if discount["type"] == "percentage":
        return [whole * discount["value"] / HUNDRED for whole in base]
    together = sum(base, Decimal(0))
    share = min(discount["value"], together) / together if together else Decimal(0)
    return [whole * share for whole in base]


def _add_taxes(line: dict[str, Any], amount: Decimal, taxes: dict[str, Decimal]) -> None:
    together = sum((tax["rate"] for tax in line["taxes"]), Decimal(0))
    base = amount * HUNDRED / (HUNDRED + together) if line.get("taxInclusive") else amount
    for tax in line["taxes"]:
        key = f"{tax.get('_id')}|{tax['name']}|{tax['rate']}"
        taxes[key] = taxes.get(key, Decimal(0)) + base * tax["rate"] / HUNDRED


def _rounded(amount: Decimal, places: int) -> Decimal:
    return amount.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
