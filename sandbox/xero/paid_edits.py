"""What may still change on an invoice with payments or credits on it (developer.xero.com, Invoices, Updating)."""

from __future__ import annotations

from typing import Any

from sandbox.xero import fields, line_rules
from sandbox.xero.books import Doc
from sandbox.xero.documents import AMOUNTS, Draft
from sandbox.xero.documents import compose as compose_freely
from sandbox.xero.line_rules import Setting

NOT_EDITABLE = "This document cannot be edited as it has a payment or credit note allocated to it."
NEEDS_LINE_ID = "To update fields on a paid invoice line item, you must supply a LineItemID"
_LINE_FIXED = ("Quantity", "UnitAmount", "LineAmount", "TaxType", "TaxAmount", "Discount")


def compose(draft: Draft) -> None:
    """Reference, due date, number, theme, contact and address; of lines the description, account and tracking."""
    assert draft.old is not None
    if _touches_fixed(draft, draft.old):
        draft.doc = dict(draft.old)
        draft.wrong.append(NOT_EDITABLE)
        return
    posted_lines = fields.parts(draft.posted, "LineItems")
    draft.posted = {key: value for key, value in draft.posted.items() if key != "LineItems"}
    compose_freely(draft)
    draft.doc["Status"] = draft.old["Status"]
    if draft.doc["ContactID"] != draft.old["ContactID"] and draft.old["AmountCredited"]:
        draft.wrong.append(NOT_EDITABLE)
    if posted_lines is not None:
        draft.doc["LineItems"] = _lines(draft, draft.old, posted_lines)


def _touches_fixed(draft: Draft, old: Doc) -> bool:
    posted = draft.posted
    wanted: dict[str, Any] = {
        "Date": fields.day(posted, "Date"),
        "LineAmountTypes": fields.choice(
            posted, "LineAmountTypes", AMOUNTS, "Xero.API.Library..LineAmountType"
        ),
        "CurrencyCode": fields.text(posted, "CurrencyCode"),
        "CurrencyRate": fields.number(posted, "CurrencyRate"),
    }
    return any(value is not None and value != old[key] for key, value in wanted.items())


def _lines(draft: Draft, old: Doc, posted: list[fields.Element]) -> list[Doc]:
    kept = {line["LineItemID"]: line for line in old["LineItems"]}
    for one in posted:
        identity = fields.guid(one, "LineItemID")
        if identity not in kept:
            draft.wrong.append(NOT_EDITABLE if identity else NEEDS_LINE_ID)
            continue
        setting = Setting(old["LineAmountTypes"], True, 4)
        line, wrong = line_rules.build(draft.call.book, one, kept[identity], setting)
        draft.wrong += wrong
        if any(line[key] != kept[identity][key] for key in _LINE_FIXED):
            draft.wrong.append(NOT_EDITABLE)
        kept[identity] = line
    return list(kept.values())
