"""What a line must be: account, tax rate, description, amounts, tracking (developer.xero.com, Invoices, LineItems)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sandbox.xero import fields, lines
from sandbox.xero.books import Book, Doc, folded
from sandbox.xero.fields import Element

_APPLIES = {
    "ASSET": "CanApplyToAssets",
    "EQUITY": "CanApplyToEquity",
    "EXPENSE": "CanApplyToExpenses",
    "LIABILITY": "CanApplyToLiabilities",
    "REVENUE": "CanApplyToRevenue",
}
_OPEN_SYSTEM = {"", "ROUNDING", "GST"}
_LARGEST = Decimal("9999999999.99")


@dataclass
class Setting:
    """What the lines of one document share: its amounts' form, whether it is being approved, unit decimals."""

    amounts: str
    approved: bool
    decimals: int
    discounts: bool = True


def build(book: Book, posted: Element, old: Doc | None, setting: Setting) -> tuple[Doc, list[str]]:
    """The line to keep and what is wrong with it. `old`: the kept line with the same LineItemID."""
    wrong: list[str] = []
    line: Doc = dict(old) if old else {"LineItemID": str(uuid.uuid4()), "Tracking": []}
    line["Description"] = _description(posted, line, setting, wrong)
    account = _account(book, posted, line, setting, wrong)
    line["AccountID"] = account["AccountID"] if account else None
    if posted.get("ItemCode"):
        wrong.append(f"Item code '{posted['ItemCode']}' is not valid")
    _amounts(posted, line, setting, wrong)
    _tax(book, posted, line, account, setting, wrong)
    if (tracking := fields.parts(posted, "Tracking")) is not None:
        line["Tracking"] = _tracking(book, tracking, wrong)
    return line, wrong


def find_account(book: Book, posted: Element, id_key: str, code_key: str) -> Doc | None:
    """The account meant by id or by code, whatever its state."""
    if identity := fields.guid(posted, id_key):
        return book.accounts.get(identity)
    code = fields.text(posted, code_key)
    found = book.accounts.find("code", code) if code else []
    return next((one for one in found if one["Status"] == "ACTIVE"), found[0] if found else None)


def _description(posted: Element, line: Doc, setting: Setting, wrong: list[str]) -> str:
    text = fields.text(posted, "Description")
    text = text if text is not None else line.get("Description", "")
    if setting.approved and not text.strip():
        wrong.append("The description field is mandatory for each line item.")
    if len(text) > 4000:
        wrong.append("The description of a line item must not be longer than 4000 characters.")
    return text


def _account(book: Book, posted: Element, line: Doc, setting: Setting, wrong: list[str]) -> Doc | None:
    code, identity = fields.text(posted, "AccountCode"), fields.guid(posted, "AccountID")
    if not code and not identity:
        kept = book.accounts.get(line.get("AccountID"))
        if kept is None and setting.approved:
            wrong.append("Account code or ID must be specified")
        return kept
    if code and len(code) > 10:
        wrong.append("Account Code is too long. Maximum of 10 characters allowed")
        return None
    account = find_account(book, posted, "AccountID", "AccountCode")
    return _fit_account(account, str(code or identity), wrong)


def _fit_account(account: Doc | None, named: str, wrong: list[str]) -> Doc | None:
    if account is not None and account["Status"] != "ACTIVE":
        wrong.append(
            f"Account code '{named}' has been archived, or has been deleted. "
            "Each line item must reference a valid account."
        )
        return None
    if account is None or account["Type"] == "BANK" or account.get("SystemAccount", "") not in _OPEN_SYSTEM:
        wrong.append(f"Account code '{named}' is not a valid code for this document.")
        return None
    return account


def _amounts(posted: Element, line: Doc, setting: Setting, wrong: list[str]) -> None:
    given = fields.number(posted, "LineAmount")
    units, unit = _units(posted, line, given, setting)
    rate, amount = _discount(posted, line, setting, wrong)
    if len(format(units.normalize(), "f")) > 13:
        wrong.append("The quantity of a line item must not be longer than 13 characters.")
    total, discount = lines.line_total(units, unit, rate, amount)
    if given is not None and lines.cents(given) != total:
        wrong.append(f"The line total {lines.cents(given)} does not match the expected line total {total}")
    if abs(total) > _LARGEST:
        wrong.append("The line amount is too large.")
    line |= {"Quantity": units, "UnitAmount": unit, "LineAmount": total, "Discount": discount}
    line |= {"DiscountRate": rate, "DiscountAmount": amount}


def _units(posted: Element, line: Doc, given: Decimal | None, setting: Setting) -> tuple[Decimal, Decimal]:
    units, unit = fields.number(posted, "Quantity"), fields.number(posted, "UnitAmount")
    fresh = units is None and unit is None and given is not None
    if fresh or (unit is None and given is not None and units):
        units = units or Decimal(1)
        unit = (given or Decimal()) / units
    if units is None:
        units = line.get("Quantity", Decimal(1) if unit is not None else Decimal(0))
    if unit is None:
        unit = line.get("UnitAmount", Decimal(0))
    return lines.quantity(units), lines.unit_amount(unit, setting.decimals)


def _discount(
    posted: Element, line: Doc, setting: Setting, wrong: list[str]
) -> tuple[Decimal | None, Decimal | None]:
    rate, amount = fields.number(posted, "DiscountRate"), fields.number(posted, "DiscountAmount")
    if rate is None and amount is None:
        return line.get("DiscountRate"), line.get("DiscountAmount")
    if rate and amount:
        wrong.append("Only one of DiscountRate and DiscountAmount can be given for a line item.")
    if (rate or amount) and not setting.discounts:
        wrong.append("Discounts can only be used on sales invoices and quotes.")
    return rate or None, amount or None


def _tax(
    book: Book, posted: Element, line: Doc, account: Doc | None, setting: Setting, wrong: list[str]
) -> None:
    asked = fields.text(posted, "TaxType") or line.get("TaxType") or (account["TaxType"] if account else None)
    if setting.amounts == "NoTax":
        asked = "NONE"
    rate = book.tax_rates.get(asked.upper()) if asked else None
    if asked and (rate is None or rate["Status"] != "ACTIVE"):
        wrong.append(
            f"The TaxType code '{asked}' does not exist or cannot be used for this type of transaction."
        )
        rate = None
    elif rate and account and setting.amounts != "NoTax" and not rate[_APPLIES[account["Class"]]]:
        shown = account.get("Code") or account["Name"]
        wrong.append(f"The TaxType code '{asked}' cannot be used with account code '{shown}'.")
    percent = rate["EffectiveRate"] if rate else Decimal(0)
    tax = lines.line_tax(line["LineAmount"], percent, setting.amounts)
    line["TaxType"] = rate["TaxType"] if rate else asked
    line["TaxAmount"] = _own_tax(posted, line, tax, setting, wrong)


def _own_tax(posted: Element, line: Doc, tax: Decimal, setting: Setting, wrong: list[str]) -> Decimal:
    given = fields.number(posted, "TaxAmount")
    if given is None or setting.amounts == "NoTax":
        return tax
    if abs(given) > abs(line["LineAmount"]):
        wrong.append("The tax amount cannot be greater than the line amount!")
    return lines.cents(given)


def _tracking(book: Book, posted: list[Element], wrong: list[str]) -> list[dict[str, Any]]:
    if len(posted) > 2:
        wrong.append("A line item can have at most 2 tracking categories.")
    found = [one for each in posted[:2] if (one := _option(book, each, wrong))]
    if len({one["TrackingCategoryID"] for one in found}) < len(found):
        wrong.append("A tracking category can be used only once on a line item.")
    return found


def _option(book: Book, posted: Element, wrong: list[str]) -> dict[str, Any] | None:
    category_id, option_id = (
        fields.guid(posted, "TrackingCategoryID"),
        fields.guid(posted, "TrackingOptionID"),
    )
    name, option = fields.text(posted, "Name"), fields.text(posted, "Option")
    for category in book.tracking.all():
        if category["TrackingCategoryID"] != category_id and folded(category["Name"]) != folded(name):
            continue
        for row in category["Options"]:
            meant = row["TrackingOptionID"] == option_id or (option and folded(row["Name"]) == folded(option))
            if meant and row["Status"] == category["Status"] == "ACTIVE":
                ids = {
                    "TrackingCategoryID": category["TrackingCategoryID"],
                    "TrackingOptionID": row["TrackingOptionID"],
                }
                return {"Name": category["Name"], "Option": row["Name"]} | ids
    wrong.append(
        f"The tracking option '{option or option_id}' is not an active option of '{name or category_id}'."
    )
    return None
