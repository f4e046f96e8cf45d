"""The first day of a new user without a browser: the same forms and tokens, posted to the running portal.

The second location, with an organisation in New Zealand.
"""

import re
from decimal import Decimal
from typing import Any

import pytest
import requests

from tests.support.house import KAURI, House
from tests.support.servers import wait_until
from tests.support.visitor import Visitor, option, shown

D = Decimal
pytestmark = pytest.mark.slow


def bill(house: House, contact: str, *lines: tuple[str, str, str]) -> str:
    """Fill in HoopAI's form and send the invoice; the address of its page."""
    form = f"{house.sandbox}/hoopai/play/{KAURI}/new"
    page = requests.get(form, timeout=20).text
    data = {"contact": option(page, "contact", contact), "currency": "NZD", "send": "1"}
    (gst,) = set(re.findall(r'name="line1_taxes"\s+value="(\w+)"[^>]*>\s*GST 15 %', page))
    for place, (name, quantity, amount) in enumerate(lines, 1):
        line = {"name": name, "qty": quantity, "amount": amount, "taxes": gst}
        data |= {f"line{place}_{key}": value for key, value in line.items()}
    answer = requests.post(form, data=data, timeout=20)
    assert "The invoice is sent." in answer.text
    return answer.url.partition("?")[0]


def pay(invoice: str, amount: str) -> None:
    """Record a payment on HoopAI's page of an invoice."""
    answer = requests.post(f"{invoice}/pay", data={"amount": amount, "method": "cash"}, timeout=20)
    assert "The payment is recorded." in answer.text


def books(house: House) -> dict[str, Any]:
    """Xero's books of the organisation in New Zealand."""
    return next(each for each in house.xero.organisations() if each["key"] == "nz")


def test_from_signing_in_to_a_paid_invoice_in_xero_without_a_browser(house: House) -> None:
    visitor = Visitor(house)
    assert "Kauri Fitness" in visitor.sign_in()
    assert "is connected" in visitor.connect(KAURI, "mia", "NZ")
    saved = visitor.map(
        KAURI,
        revenue=("default:account", "210 "),
        tax=("tax:rate:15", "15% GST on Income"),
        payments=("payment:default", "090 "),
    )
    assert "3 choices saved." in shown(saved)

    hoop = bill(house, "Pohutukawa Café", ("Membership", "3", "89"), ("Pilates class", "2", "25.50"))
    number = wait_until(lambda: books(house)["invoices"], 20, "the invoice in Xero")[0]["InvoiceNumber"]
    portal = house.page(KAURI, f"invoices/{hoop.rsplit('/', 1)[-1]}")
    sees(visitor, portal, f"Number {number} {number}", "Status Sent Awaiting payment", "Open in Xero")
    (invoice,) = books(house)["invoices"]
    assert (invoice["Status"], invoice["Contact"]["Name"]) == ("AUTHORISED", "Pohutukawa Café")
    assert (invoice["SubTotal"], invoice["TotalTax"], invoice["Total"]) == (D(318), D("47.70"), D("365.70"))
    lines = [(row["Description"], row["AccountCode"], row["TaxType"]) for row in invoice["LineItems"]]
    assert lines == [("Membership", "210", "OUTPUT2"), ("Pilates class", "210", "OUTPUT2")]

    pay(hoop, "182.85")
    wait_until(lambda: len(books(house)["payments"]) == 1, 20, "the first payment")
    pay(hoop, "")
    wait_until(lambda: len(books(house)["payments"]) == 2, 20, "the second payment")
    (invoice,) = books(house)["invoices"]
    assert (invoice["Status"], invoice["AmountDue"]) == ("PAID", D(0))
    assert [each["Amount"] for each in books(house)["payments"]] == [D("182.85")] * 2
    sees(visitor, portal, "Status Paid Paid", "Paid 365.70 NZD 365.70 NZD")
    sees(visitor, house.page(KAURI, "payments"), f"{number} Pohutukawa Café 182.85 NZD", "opens")


def sees(visitor: Visitor, url: str, *texts: str) -> None:
    """The page shows these texts, now or soon."""

    def there() -> bool:
        page = shown(visitor.read(url))
        return all(text in page for text in texts)

    try:
        wait_until(there, 20)
    except AssertionError:
        page = shown(visitor.read(url))
        raise AssertionError(f"{[text for text in texts if text not in page]} never came: {page}") from None
