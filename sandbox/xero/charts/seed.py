"""Writes the three organisations into an empty sandbox."""

from __future__ import annotations

from dataclasses import replace

from sandbox.xero.books import Book, Books
from sandbox.xero.charts import Chart, fixed_id
from sandbox.xero.charts.au import CHART as AU
from sandbox.xero.charts.nz import CHART as NZ
from sandbox.xero.charts.uk import CHART as UK
from sandbox.xero.dates import stamp

CHARTS = (AU, NZ, UK)


def seed(books: Books) -> None:
    """Make what is missing; an organisation that is there keeps its books."""
    with books.store.unit():
        for chart in CHARTS:
            if books.organisation(chart.tenant_id) is None:
                _open(chart, books, chart.tenant_id)


def open_like(books: Books, key: str, count: int) -> list[str]:
    """Make so many more organisations with the chart of accounts of this one, each with empty books; their ids."""
    chart = next(one for one in CHARTS if one.key == key)
    made = []
    with books.store.unit():
        for _ in range(count):
            number = len(books.organisations) + 1
            tenant, name = fixed_id(chart.key, "organisation", str(number)), f"Shop {number} Pty Ltd"
            names = {"Name": name, "LegalName": name}
            _open(replace(chart, organisation=chart.organisation | names), books, tenant)
            made.append(tenant)
    return made


def _open(chart: Chart, books: Books, tenant: str) -> None:
    made = stamp(books.clock.now())
    organisation = chart.organisation | {
        "OrganisationID": tenant,
        "OrganisationStatus": "ACTIVE",
        "CreatedDateUTC": made,
        "key": chart.key,
        "zone": chart.zone,
        "exchange": chart.exchange,
        "currencies": chart.currencies,
    }
    books.organisations.put(organisation)
    book = books.book(tenant)
    _accounts(chart, book, made)
    for row in chart.tax_rates:
        book.tax_rates.put(row)
    for name, options in chart.tracking.items():
        book.tracking.put(_category(chart, name, options))
    for order, name in enumerate(chart.themes):
        theme = {
            "BrandingThemeID": fixed_id(chart.key, "theme", name),
            "Name": name,
            "LogoUrl": "",
            "Type": "INVOICE",
        }
        book.themes.put(theme | {"SortOrder": order, "CreatedDateUTC": made})


def _accounts(chart: Chart, book: Book, made: str) -> None:
    for row in chart.accounts:
        identity = fixed_id(chart.key, "account", row["Code"] or row["Name"])
        book.accounts.put(row | {"AccountID": identity, "UpdatedDateUTC": made})


def _category(chart: Chart, name: str, options: list[str]) -> dict[str, object]:
    rows = [
        {
            "TrackingOptionID": fixed_id(chart.key, "tracking", name, option),
            "Name": option,
            "Status": "ARCHIVED" if "(closed)" in option else "ACTIVE",
        }
        for option in options
    ]
    return {
        "TrackingCategoryID": fixed_id(chart.key, "tracking", name),
        "Name": name,
        "Status": "ACTIVE",
        "Options": rows,
    }
