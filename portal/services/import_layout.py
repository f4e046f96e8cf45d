"""Invoices as a file in the layout of Xero's own import of sales invoices, for entering earlier ones by hand.

Amounts are tax exclusive, which is what to choose in Xero's import dialogue. Xero's help, "Import sales invoices".
"""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from portal import tables
from portal.models import Invoice, Line, Location
from portal.services import amounts, connections, cutoff, letters, mappings, reckoning
from portal.services.mappings import MappingBook

COLUMNS = (
    "*ContactName", "EmailAddress", "POAddressLine1", "POAddressLine2", "POAddressLine3", "POAddressLine4", "POCity",
    "PORegion", "POPostalCode", "POCountry", "*InvoiceNumber", "Reference", "*InvoiceDate", "*DueDate", "Total",
    "InventoryItemCode", "*Description", "*Quantity", "*UnitAmount", "Discount", "*AccountCode", "*TaxType",
    "TaxAmount", "TrackingName1", "TrackingOption1", "TrackingName2", "TrackingOption2", "Currency", "BrandingTheme",
)  # fmt: skip
AT_ONCE = 200
MONTH_FIRST = {"US"}
CENT = Decimal("0.01")


def lines(location: Location) -> Iterator[str]:
    """The file, line by line with its heading: every invoice that is left out as from before the connection.

    Text that a spreadsheet would take for a formula gets an apostrophe before it.
    """
    connection = connections.of(location.id)
    country = str(connection.organisation.get("country") or "") if connection else ""
    book = mappings.book(location.id)
    yield tables.line(COLUMNS)
    after = 0
    while found := cutoff.invoices(location.id, after, AT_ONCE):
        for invoice in found:
            yield from (tables.line(row) for row in rows(invoice, book, country))
        after = found[-1].id


def rows(invoice: Invoice, book: MappingBook, country: str) -> Iterator[list[str]]:
    """One row a line of the invoice, in the order of COLUMNS."""
    ways = reckoning.of(invoice)
    for index, line in enumerate(invoice.lines):
        quantity, unit, tax = _amounts(line, ways, index)
        discount = ways.discount_rate if ways.amounts == "Exclusive" else None
        yield [
            *_head(invoice, country),
            "", tables.safe(line.description or line.name), _plain(quantity), _plain(unit),
            _plain(discount) if discount else "", _account(line, book), _tax(line, book), _plain(tax),
            "", "", "", "", invoice.currency, "",
        ]  # fmt: skip


def _head(invoice: Invoice, country: str) -> list[str]:
    contact = invoice.contact
    where = (contact.address if contact else None) or {}
    street = [where.get(part, "") for part in ("line1", "line2")]
    place = [where.get(part, "") for part in ("city", "region", "postal_code", "country")]
    day = invoice.issue_date or invoice.created_at.date()
    texts = [
        contact.display_name if contact else "", (contact.email or "") if contact else "", *street, "", "", *place,
        invoice.number_sent, letters.reference(invoice),
    ]  # fmt: skip
    dates = [_day(day, country), _day(invoice.due_date or day, country)]
    return [*(tables.safe(text) for text in texts), *dates, f"{invoice.total:.2f}"]


def _amounts(line: Line, ways: amounts.Reckoning, index: int) -> tuple[Decimal, Decimal, Decimal]:
    """Quantity, tax exclusive unit price and tax; one piece at the whole price where no unit price is exact."""
    rate = reckoning.tax_percent(line)
    whole = line.quantity * line.unit_amount
    if ways.discount_rate is not None:
        whole = whole * (100 - ways.discount_rate) / 100
    whole = amounts.cents(whole) - (ways.discount_amounts[index] if ways.discount_amounts else 0)
    if ways.amounts == "Inclusive":
        tax = amounts.cents(whole - whole * 100 / (100 + rate))
        return Decimal(1), whole - tax, tax
    tax = amounts.cents(whole * rate / 100)
    if ways.discount_amounts:
        return Decimal(1), whole, tax
    return line.quantity, line.unit_amount, tax


def _account(line: Line, book: MappingBook) -> str:
    account = book.account_of_line(line.product_id, line.category_key)
    return tables.safe(account.code or "") if account is not None and account.takes_lines else ""


def _tax(line: Line, book: MappingBook) -> str:
    rate = book.tax_for(line.tax_key)
    return tables.safe(rate.name) if rate is not None and rate.usable else ""


def _day(day: date, country: str) -> str:
    return f"{day:%m/%d/%Y}" if country in MONTH_FIRST else f"{day:%d/%m/%Y}"


def _plain(value: Decimal) -> str:
    text = f"{value:.4f}"
    whole, _, rest = text.partition(".")
    return f"{whole}.{rest.rstrip('0').ljust(2, '0')}"
