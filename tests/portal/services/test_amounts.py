"""What Xero will make of an invoice's lines, before anything is sent."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from portal.hoopai.invoices import ChargeSaid
from portal.models import Invoice, Line
from portal.services import charges_in
from portal.services.amounts import Discount, Item, cents, reckon, spread

D = Decimal
money = st.decimals(min_value=0, max_value=100_000, places=2)


def test_tax_is_rounded_line_by_line() -> None:
    items = [Item(D(1), D(price), D(15)) for price in ("25.06", "25.61", "25.63")]
    assert reckon(items, None, D("87.74")).total == D("87.74")


def test_exclusive_or_inclusive_is_chosen_by_hoopais_total() -> None:
    items = [Item(D(1), D("110"), D(10))]
    assert reckon(items, None, D("121")).amounts == "Exclusive"
    assert reckon(items, None, D("110")).amounts == "Inclusive"


def test_what_hoopai_says_about_inclusive_prices_is_believed() -> None:
    items = [Item(D(1), D("110"), D(10), inclusive=True)]
    assert reckon(items, None, D("121")).amounts == "Inclusive"


def test_a_percentage_is_said_as_a_rate_where_that_makes_the_total() -> None:
    items = [Item(D(2), D(150), D(10)), Item(D(1), D(200), D(0))]
    found = reckon(items, Discount("percentage", D(10)), D(477))
    assert (found.total, found.discount_rate, found.discount_amounts) == (D("477.00"), D(10), None)


def test_a_fixed_discount_is_spread_to_the_cent() -> None:
    items = [Item(D(1), D("33.33"), D(0)) for _ in range(3)]
    found = reckon(items, Discount("fixed", D(10)), D("89.99"))
    assert found.total == D("89.99")
    assert sum(found.discount_amounts or ()) == D(10)


@given(money, st.lists(st.decimals(min_value="0.01", max_value=1000, places=2), min_size=1, max_size=6))
def test_spreading_loses_no_cent(amount: Decimal, weights: list[Decimal]) -> None:
    parts = spread(amount, weights)
    assert sum(parts) == cents(amount)
    assert all(part == cents(part) for part in parts)


def test_a_charge_becomes_a_line_only_where_it_makes_hoopais_total() -> None:
    invoice = Invoice(
        number="1", currency="AUD", total=D("103.10"), discount_type="percentage", discount_value=D(0)
    )
    lines = [
        Line(position=0, name="Plan", quantity=D(1), unit_amount=D(100), taxes=[], category_key="name:plan")
    ]
    fee, tip = ChargeSaid("Card fee", D("3.10")), ChargeSaid("Tip", D(5))
    (made,) = charges_in.lines_for(invoice, lines, [], [fee])
    assert (made.category_key, made.unit_amount, made.position) == ("charge:card fee", D("3.10"), 1)
    assert charges_in.lines_for(invoice, lines, [], [tip]) == []
    assert charges_in.lines_for(invoice, lines, [made], [])[0].unit_amount == D("3.10")
    invoice.total = D(100)
    assert charges_in.lines_for(invoice, lines, [made], [fee]) == []


def test_a_discount_limited_to_a_product_comes_off_its_lines_only() -> None:
    items = [Item(D(1), D(100), D(10)), Item(D(1), D(50), D(10), discounted=False)]
    found = reckon(items, Discount("fixed", D(20)), D(143))
    assert (found.total, found.discount_amounts) == (D(143), (D(20), D(0)))
    found = reckon(items, Discount("percentage", D(10)), D(154))
    assert (found.total, found.discount_rate, found.discount_amounts) == (D(154), None, (D(10), D(0)))


def test_prices_with_and_without_tax_on_one_invoice_are_said_alike_and_to_the_cent() -> None:
    items = [
        Item(D("2"), D("49.95"), D("10"), inclusive=False),
        Item(D("1"), D("110"), D("10"), inclusive=True),
        Item(D("3"), D("0.33"), D("8.875"), inclusive=False),
        Item(D("1"), D("5"), D(0)),
    ]
    total = D("99.90") + D("9.99") + D("110") + D("0.99") + D("0.09") + D("5")
    way = reckon(items, None, total)
    assert (way.amounts, way.total) == ("Inclusive", total)
    assert way.unit_amounts == (D("54.9450"), D("110"), D("0.3600"), D("5"))
