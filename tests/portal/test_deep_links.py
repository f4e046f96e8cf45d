"""Open in Xero leads somewhere under `run` too: the stand-in follows Xero's own deep links."""

import requests

from portal.xero import links
from tests.support.xero import Xero

ROW = {"Description": "Typed in", "Quantity": 1, "UnitAmount": 5, "AccountCode": "200"}


def test_a_deep_link_opens_the_invoice_in_the_books(sandbox: str, xero: Xero) -> None:
    bill = {"Type": "ACCREC", "InvoiceNumber": "7007", "Contact": {"Name": "Lantern"}, "LineItems": [ROW]}
    made = xero.type_in(xero.tenant("AU"), "Invoices", bill)
    link = links.invoice_url("!Hb7rS", made["InvoiceID"]).replace("https://go.xero.com", f"{sandbox}/xero")
    page = requests.get(link, timeout=10)
    assert page.status_code == 200
    assert "7007" in page.text
