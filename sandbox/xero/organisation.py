"""Organisation, Actions, Accounts, TaxRates, Currencies, BrandingThemes, TrackingCategories: all to read."""

from __future__ import annotations

from typing import Any

from sandbox.xero.books import Doc
from sandbox.xero.call import Call
from sandbox.xero.dates import ms_day, ms_moment, ms_now, parse_moment
from sandbox.xero.errors import NotFound
from sandbox.xero.fields import GUID
from sandbox.xero.filters import fields
from sandbox.xero.listing import listed
from sandbox.xero.wire import Answer

_INNER = {"key", "zone", "exchange", "currencies", "approval_limit", "offline", "no_permission"}
_LOCKS = ("PeriodLockDate", "EndOfYearLockDate")
_ACCOUNT = fields(
    AccountID="guid",
    Code="text",
    Name="text",
    Type="text",
    Class="text",
    Status="text",
    TaxType="text",
    SystemAccount="text",
    EnablePaymentsToAccount="flag",
    UpdatedDateUTC="moment",
    CurrencyCode="text",
)
_RATE = fields(
    Name="text",
    TaxType="text",
    Status="text",
    EffectiveRate="number",
    DisplayTaxRate="number",
    CanApplyToRevenue="flag",
    CanApplyToExpenses="flag",
    CanApplyToAssets="flag",
    CanApplyToEquity="flag",
    CanApplyToLiabilities="flag",
)
_TRACKING = fields(TrackingCategoryID="guid", Name="text", Status="text")


def show(call: Call) -> Answer:
    """GET Organisation; lock dates only when set."""
    doc = call.book.organisation
    seen: dict[str, Any] = {
        key: value for key, value in doc.items() if key not in _INNER and key not in _LOCKS
    }
    seen |= {key: ms_day(doc[key]) for key in _LOCKS if doc.get(key)}
    seen["CreatedDateUTC"] = ms_now(parse_moment(doc["CreatedDateUTC"]))
    seen |= {"OrganisationEntityType": "COMPANY", "Addresses": [], "Phones": [], "ExternalLinks": []}
    seen.setdefault("DefaultSalesTax", "Remember previous")
    seen.setdefault("DefaultPurchasesTax", "Remember previous")
    return call.reply("Organisations", [seen | {"PaymentTerms": doc.get("PaymentTerms") or {}}])


def actions(call: Call) -> Answer:
    """GET Organisation/Actions: what the user's role and the plan allow."""
    may = not call.book.organisation.get("no_permission")
    many = len(call.book.organisation["currencies"]) > 1
    allowed = {
        "CreateApprovedInvoice": may,
        "CreateDraftInvoice": may,
        "CreateInvoicePayment": may,
        "CreateDraftBill": may,
        "UseMulticurrency": many,
        "AttachFilesIntoInvoice": may,
        "CreateApprovedBill": may,
    }
    rows = [{"Name": name, "Status": "ALLOWED" if ok else "NOT-ALLOWED"} for name, ok in allowed.items()]
    return call.reply("Actions", rows)


def accounts(call: Call) -> Answer:
    """GET Accounts: all of them in one answer."""
    found = listed(call, call.book.accounts.all(), _ACCOUNT, "Code")
    return call.reply("Accounts", [account_shown(row) for row in found.rows])


def account(call: Call, word: str) -> Answer:
    """GET Accounts/{AccountID}."""
    found = call.book.accounts.get(word.lower()) if GUID.match(word) else None
    if found is None:
        raise NotFound
    return call.reply("Accounts", [account_shown(found)])


def account_shown(doc: Doc) -> dict[str, Any]:
    """An account; bank accounts may have no Code."""
    seen = {key: value for key, value in doc.items() if key != "Code" or value}
    return seen | {"UpdatedDateUTC": ms_moment(doc["UpdatedDateUTC"])}


def tax_rates(call: Call, tax_type: str = "") -> Answer:
    """GET TaxRates[/{TaxType}]."""
    rows = call.book.tax_rates.all()
    if wanted := tax_type or call.query.get("taxtype", ""):
        rows = [row for row in rows if row["TaxType"] == wanted.upper()]
        if not rows and tax_type:
            raise NotFound
    return call.reply("TaxRates", listed(call, rows, _RATE, "Name").rows)


def currencies(call: Call) -> Answer:
    """GET Currencies: those the organisation added."""
    rows = [
        {"Code": code, "Description": name} for code, name in call.book.organisation["currencies"].items()
    ]
    return call.reply("Currencies", rows)


def themes(call: Call, word: str = "") -> Answer:
    """GET BrandingThemes[/{BrandingThemeID}]."""
    rows = call.book.themes.all()
    if word and not (rows := [row for row in rows if row["BrandingThemeID"] == word.lower()]):
        raise NotFound
    return call.reply(
        "BrandingThemes", [row | {"CreatedDateUTC": ms_moment(row["CreatedDateUTC"])} for row in rows]
    )


def tracking(call: Call, word: str = "") -> Answer:
    """GET TrackingCategories[/{TrackingCategoryID}]: active ones, all with includeArchived."""
    rows = call.book.tracking.all()
    if word:
        rows = [row for row in rows if row["TrackingCategoryID"] == word.lower()]
        if not rows:
            raise NotFound
    elif not call.asks("includeArchived"):
        rows = [row for row in rows if row["Status"] == "ACTIVE"]
    return call.reply(
        "TrackingCategories", [_category(row, call) for row in listed(call, rows, _TRACKING, "Name").rows]
    )


def _category(row: Doc, call: Call) -> dict[str, Any]:
    archived = call.asks("includeArchived")
    options = [one for one in row["Options"] if archived or one["Status"] == "ACTIVE"]
    extra = {"HasValidationErrors": False, "IsDeleted": False, "IsArchived": False, "IsActive": True}
    return row | {"Options": [one | extra for one in options]}
