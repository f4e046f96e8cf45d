"""Money is exact: over random invoices Xero makes the total that the portal foretold, and a difference is never silent.

With a rounding account mapped, Xero's total and HoopAI's agree to the cent.

HoopAI's total is made by the stand-in for HoopAI, Xero's by the arithmetic of the stand-in for Xero, from the very
element that is sent.
"""

from datetime import date
from decimal import Decimal
from itertools import zip_longest
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from portal.models import Invoice, LedgerAccount, Line, MappingKind, TaxRate
from portal.services import reckoning, rounding, writing_invoices
from portal.services.mapping_book import MappingBook
from portal.services.preflight import CENT, Blocked
from portal.xero import payloads
from sandbox.hoopai import money as hoopai
from sandbox.xero import lines as xero

D = Decimal
ZERO = D(0)
PLACES = {"JPY": 0, "KWD": 3, "EUR": 2, "AUD": 2}
TAXES = ((), ("10",), ("15",), ("8.875",), ("5", "9.975"), ("0",), ("20", "2.5", "1"))
PRODUCTS = ("p1", "p2", None)

quantities = st.decimals(min_value="0.0001", max_value=500, places=4) | st.integers(1, 20).map(D)
discounts = st.none() | st.fixed_dictionaries(
    {
        "type": st.sampled_from(["percentage", "fixed"]),
        "value": st.decimals(min_value="0.01", max_value=100, places=2),
        "validOnProductIds": st.sampled_from([[], ["p1"], ["p1", "p2"], ["p9"]]),
    }
)


@st.composite
def said(draw: st.DrawFn) -> dict[str, Any]:
    """An invoice as HoopAI's REST API would tell it, with the total that HoopAI makes."""
    currency = draw(st.sampled_from(sorted(PLACES)))
    prices = st.decimals(min_value=0, max_value=9_999, places=draw(st.sampled_from([PLACES[currency], 4])))
    inclusive = draw(st.sampled_from([True, False, None]))
    rows = [
        {
            "qty": draw(quantities),
            "amount": draw(prices),
            "taxes": [
                {"_id": f"t{rate}", "name": "Tax", "rate": D(rate)} for rate in draw(st.sampled_from(TAXES))
            ],
            "taxInclusive": draw(st.booleans()) if inclusive is None else inclusive,
            "productId": draw(st.sampled_from(PRODUCTS)),
        }
        for _ in range(draw(st.integers(0, 6)))
    ]
    discount = draw(discounts)
    total = hoopai.totals(rows, discount, PLACES[currency]).total
    return {"currency": currency, "rows": rows, "discount": discount, "total": total}


def kept(told: dict[str, Any]) -> Invoice:
    """The same as the portal keeps it."""
    discount = told["discount"] or {}
    invoice = Invoice(
        number="1", currency=told["currency"], total=told["total"], discount_type=discount.get("type"),
        discount_value=discount.get("value"), discount_products=discount.get("validOnProductIds") or None,
    )  # fmt: skip
    invoice.lines = [
        Line(
            position=place, name="Line", quantity=row["qty"], unit_amount=row["amount"], product_id=row["productId"],
            category_key="name:line", tax_inclusive=row["taxInclusive"],
            taxes=[{"key": tax["_id"], "name": "Tax", "rate": tax["rate"]} for tax in row["taxes"]],
        )
        for place, row in enumerate(told["rows"])
    ]  # fmt: skip
    return invoice


ACCOUNT = LedgerAccount(
    account_id="r", code="860", name="Rounding", type="CURRLIAB", status="ACTIVE", tax_type="NONE",
    system_account="ROUNDING",
)  # fmt: skip
ROUNDING = MappingBook(
    {"r": ACCOUNT},
    {"NONE": TaxRate(tax_type="NONE", rate=ZERO, status="ACTIVE")},
    {(MappingKind.ROUNDING, "account"): "r"},
)


def made_by_xero(invoice: Invoice, book: MappingBook | None = None) -> Decimal:
    """The total that Xero makes of the element that is sent, with a rounding line where the book has an account."""
    way = writing_invoices.reckoned(invoice)
    balance = rounding.balance(book, way.differs_from(invoice.total)) if book else ZERO
    parts = way.discount_amounts
    out = payloads.InvoiceOut(
        number="1", contact_id="c", date=date(2026, 11, 20), due_date=date(2026, 11, 20), currency=invoice.currency,
        amounts=way.amounts,
        lines=[
            payloads.LineOut(
                "Line", line.quantity, way.unit_amounts[place] if way.unit_amounts else line.unit_amount,
                discount_rate=way.discount_rate,
                discount_amount=(parts[place] or None) if parts else None,
            )
            for place, line in enumerate(invoice.lines)
        ] + ([rounding.line(book, balance)] if book and balance else []),
    )  # fmt: skip
    element = payloads.element(out)
    rows = []
    for line, sent in zip_longest(invoice.lines, element["LineItems"]):
        units, unit = xero.quantity(D(sent["Quantity"])), xero.unit_amount(D(sent["UnitAmount"]), 4)
        amount, discount = xero.line_total(units, unit, sent.get("DiscountRate"), sent.get("DiscountAmount"))
        percent = reckoning.tax_percent(line) if line else ZERO
        rows.append((amount, xero.line_tax(amount, percent, element["LineAmountTypes"]), discount))
    made = xero.summed(rows, element["LineAmountTypes"])
    assert made.tax == way.tax
    return made.total


@settings(max_examples=1000, deadline=None)
@given(said())
def test_xero_makes_the_total_that_was_foretold_and_a_difference_is_known_before_sending(
    told: dict[str, Any],
) -> None:
    invoice = kept(told)
    made = made_by_xero(invoice)
    assert writing_invoices.reckoned(invoice).total == made
    difference = writing_invoices.reckoned(invoice).differs_from(invoice.total)
    assert difference == made - told["total"]
    if abs(difference) > CENT * len(invoice.lines):
        assert refused(invoice)
        return
    balanced = made_by_xero(invoice, ROUNDING)
    assert abs(balanced - told["total"]) <= CENT / 2
    assert abs(balanced - made) <= CENT * len(invoice.lines)
    if PLACES[told["currency"]] <= 2:
        assert balanced == told["total"]


def refused(invoice: Invoice) -> bool:
    try:
        writing_invoices.reckon(invoice)
    except Blocked:
        return True
    return False


@settings(max_examples=300, deadline=None)
@given(said())
def test_whole_cents_at_one_line_agree_to_the_cent(told: dict[str, Any]) -> None:
    if len(told["rows"]) != 1 or told["currency"] not in ("AUD", "EUR"):
        return
    row = told["rows"][0]
    row["qty"], row["amount"] = D(1), row["amount"].quantize(CENT)
    told["total"] = hoopai.totals(told["rows"], None, 2).total
    told["discount"] = None
    if len(row["taxes"]) < 2:
        assert made_by_xero(kept(told)) == told["total"]
