"""How an invoice's lines are reckoned: our lines in, the way of saying their amounts to Xero out."""

from collections.abc import Sequence
from decimal import Decimal

from portal.models import Invoice, Line
from portal.services import amounts

CHARGE = "charge:"


def of(invoice: Invoice, lines: Sequence[Line] | None = None) -> amounts.Reckoning:
    """The way of saying the amounts of these lines (the invoice's own by default) nearest to HoopAI's total.

    A discount counts for the products it is limited to, and never for a charge.
    """
    return amounts.reckon(*_said(invoice, lines), invoice.total)


def readings(invoice: Invoice) -> list[amounts.Reckoning]:
    """What the lines make, nearest to HoopAI's total: once, or twice where nobody said if prices hold their tax."""
    ways = sorted(amounts.ways(*_said(invoice, None)), key=lambda way: abs(way.differs_from(invoice.total)))
    nearest: dict[str, amounts.Reckoning] = {}
    for way in ways:
        nearest.setdefault(way.amounts, way)
    return list({way.total: way for way in nearest.values()}.values())


def _said(
    invoice: Invoice, lines: Sequence[Line] | None
) -> tuple[list[amounts.Item], amounts.Discount | None]:
    only = set(invoice.discount_products or [])
    items = [
        amounts.Item(
            line.quantity, line.unit_amount, tax_percent(line), line.tax_inclusive,
            discounted=not line.category_key.startswith(CHARGE) and (not only or line.product_id in only),
        )
        for line in (invoice.lines if lines is None else lines)
    ]  # fmt: skip
    discount = (
        amounts.Discount(invoice.discount_type or "fixed", invoice.discount_value)
        if invoice.discount_value
        else None
    )
    return items, discount


def tax_percent(line: Line) -> Decimal:
    """The sum of the line's taxes in percent."""
    return sum((Decimal(str(tax["rate"])) for tax in line.taxes), Decimal(0))
