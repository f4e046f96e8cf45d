"""The table behind `messages`: one row for each message known, XH001 onwards. A code never changes its meaning."""

from __future__ import annotations

import re
from dataclasses import dataclass

from portal.xero.message_facts import FACTS

YOU, BOOKKEEPER, US = "you", "bookkeeper", "us"


@dataclass(frozen=True)
class Known:
    """One known message.

    `kind` is a failure kind of the outbox (refused, mapping, conflict, disconnected, limit, bug) or "done"
    when the message means that nothing is left to do. `who` is "you", "bookkeeper" or "us". `said` is Xero's
    own wording, `why` the cause. `subject` is the account code, name or date the message spoke of, if any.
    """

    code: str
    kind: str
    sentence: str
    who: str
    next_step: str
    said: str
    why: str
    subject: str | None = None


@dataclass(frozen=True)
class Row:
    pattern: re.Pattern[str]
    known: Known


def _row(number: int, pattern: str, kind: str, who: str, sentence: str, next_step: str) -> Row:
    known = Known(f"XH{number:03d}", kind, sentence, who, next_step, *FACTS[number])
    return Row(re.compile(pattern, re.I), known)


_MAP = "Choose another account under Account Mapping."
_TAX = "Choose another tax rate under Account Mapping."
_MEND = "Mend it in HoopAI; the change is sent by itself."
_REPORT = "Send the portal's operator the details with Copy for support; nothing was lost."
_RETRY = "Then press Retry."

ROWS: tuple[Row, ...] = (
    _row(
        1,
        r"invoice # must be unique|invoice number .*must be unique",
        "conflict",
        YOU,
        "An invoice with this number is already in Xero.",
        "Open it in Xero and decide: link it to this invoice, or change one of the numbers.",
    ),
    _row(
        2,
        r"(?:invoice|credit note|document) not of valid status for modification",
        "conflict",
        BOOKKEEPER,
        "In Xero this document is paid, voided or deleted and can no longer change.",
        "Compare both and make the change in Xero by hand, or skip it here.",
    ),
    _row(
        3,
        r"not of valid status for creation",
        "bug",
        US,
        "We asked Xero for a status it does not start with.",
        _REPORT,
    ),
    _row(
        4,
        r"not of valid type for creation",
        "bug",
        US,
        "We named a kind of document Xero does not know.",
        _REPORT,
    ),
    _row(
        5,
        r"one or more line items must be specified",
        "refused",
        YOU,
        "The invoice has no lines.",
        "Add a line in HoopAI; the change is sent by itself.",
    ),
    _row(6, r"a contact must be specified", "refused", YOU, "The invoice has no contact.", _MEND),
    _row(
        7,
        r"account code '?([^']*?)'? is not a valid code",
        "mapping",
        YOU,
        "Xero has no such account for invoice lines.",
        _MAP,
    ),
    _row(
        8,
        r"account code '?([^']*?)'? has been archived",
        "mapping",
        YOU,
        "The chosen account was archived or deleted in Xero.",
        _MAP,
    ),
    _row(9, r"account code (?:or id )?must be specified", "mapping", YOU, "A line has no account.", _MAP),
    _row(
        10,
        r"account must be valid|tax rate must be valid",
        "mapping",
        YOU,
        "Xero does not accept the chosen account or tax rate.",
        _MAP,
    ),
    _row(
        11,
        r"taxtype code '?([^']*?)'? cannot be used with account code",
        "mapping",
        YOU,
        "The chosen tax rate does not go with the chosen account.",
        _TAX,
    ),
    _row(12, r"description field is mandatory", "refused", YOU, "A line has no description.", _MEND),
    _row(13, r"due date cannot be empty", "refused", YOU, "The invoice has no due date.", _MEND),
    _row(
        14,
        r"total for this document must be greater than or equal to zero",
        "refused",
        YOU,
        "The invoice's total is below zero, which Xero takes only as a credit note.",
        "Enter a credit note in Xero by hand and skip this invoice.",
    ),
    _row(
        15,
        r"line total (\S+) does not match",
        "bug",
        US,
        "A line's sum differs from what Xero computes.",
        _REPORT,
    ),
    _row(
        16,
        r"tax amount cannot be greater than the line amount",
        "bug",
        US,
        "A line's tax exceeds the line.",
        _REPORT,
    ),
    _row(
        17,
        r"payment amount exceeds the amount outstanding",
        "conflict",
        BOOKKEEPER,
        "In Xero less is owed on this invoice than was paid in HoopAI.",
        "Look for a payment or credit entered by hand in Xero, then retry or skip this one.",
    ),
    _row(
        18,
        r"payments can only be made against authorised",
        "conflict",
        BOOKKEEPER,
        "In Xero this invoice is not open for payment: it is a draft, voided or paid already.",
        f"Approve the invoice in Xero, or skip this payment. {_RETRY}",
    ),
    _row(
        19,
        r"account type is invalid for making a payment",
        "mapping",
        YOU,
        "The chosen payment account does not take payments.",
        "Choose a bank account, or one with payments enabled, under Account Mapping.",
    ),
    _row(
        20,
        r"account could not be found",
        "mapping",
        YOU,
        "The chosen payment account is no longer in Xero.",
        "Choose another payment account under Account Mapping.",
    ),
    _row(
        21,
        r"document could not be found",
        "conflict",
        BOOKKEEPER,
        "The invoice this belongs to is not in Xero.",
        "Send the invoice again, or skip this one.",
    ),
    _row(
        22,
        r"payment not of valid status for modification",
        "done",
        US,
        "This payment is deleted in Xero already.",
        "Nothing is left to do.",
    ),
    _row(
        23,
        r"payments within a batch cannot be deleted",
        "refused",
        BOOKKEEPER,
        "In Xero this payment is part of a batch deposit.",
        "Remove it from the batch in Xero, then retry.",
    ),
    _row(
        24, r"only status accepted for updates", "bug", US, "We sent more than a deletion may hold.", _REPORT
    ),
    _row(
        25,
        r"status (\w+) cannot be applied to the .*has payments or credit notes allocated",
        "refused",
        BOOKKEEPER,
        "The invoice still has payments or credits on it in Xero.",
        "Take them off in Xero, then retry.",
    ),
    _row(
        26,
        r"cannot be edited as it has a payment or credit note allocated",
        "refused",
        BOOKKEEPER,
        "The invoice is partly paid in Xero, so its amounts are fixed there.",
        "Make the change in Xero by hand, or skip it here.",
    ),
    _row(
        27,
        r"you must supply a lineitemid",
        "bug",
        US,
        "A line of a paid invoice was sent without its Xero id.",
        _REPORT,
    ),
    _row(
        28,
        r"before the period lock date(?:.*?currently set at (.+?))?\.?$|period lock date",
        "refused",
        BOOKKEEPER,
        "Its date falls into a period that is locked in Xero.",
        f"Unlock the period in Xero, or change the date in HoopAI. {_RETRY}",
    ),
    _row(
        29,
        r"before the end of year lock date(?:.*?currently set at (.+?))?\.?$|end of year lock date",
        "refused",
        BOOKKEEPER,
        "Its date falls into a year that is locked in Xero.",
        f"Unlock the year in Xero, or change the date in HoopAI. {_RETRY}",
    ),
    _row(
        30,
        r"organisation is not subscribed to currency (\w{3})",
        "refused",
        BOOKKEEPER,
        "This organisation does not use the invoice's currency.",
        f"Add the currency in Xero, which may need a plan with several currencies. {_RETRY}",
    ),
    _row(
        31,
        r"reached the limit of invoices you can approve",
        "refused",
        BOOKKEEPER,
        "This Xero plan's approved invoices for the month are used up.",
        "Change the plan in Xero, or send invoices as drafts.",
    ),
    _row(
        32,
        r"contact name (.+?) is already assigned to another contact",
        "conflict",
        YOU,
        "Another contact in Xero already has this name.",
        "Choose that contact for this customer, or change one of the names.",
    ),
    _row(
        33,
        r"contact number (.+?) is already assigned to another contact",
        "conflict",
        YOU,
        "Another contact in Xero already has this customer's number.",
        "Choose that contact for this customer.",
    ),
    _row(
        34,
        r"account number already exists",
        "conflict",
        YOU,
        "Another contact in Xero has this account number.",
        "Change the number of one of them.",
    ),
    _row(
        35,
        r"matched an archived contact",
        "conflict",
        BOOKKEEPER,
        "This customer is archived in Xero.",
        f"Restore the contact in Xero, or choose another one. {_RETRY}",
    ),
    _row(
        36,
        r"unable to assign an archived contact",
        "conflict",
        BOOKKEEPER,
        "This customer is archived in Xero.",
        f"Restore the contact in Xero, or choose another one. {_RETRY}",
    ),
    _row(
        37,
        r"must contain at least 1 of the following elements to identify the contact",
        "refused",
        YOU,
        "The customer has no name.",
        _MEND,
    ),
    _row(38, r"(?:contact|paid to name) cannot be empty", "refused", YOU, "The customer has no name.", _MEND),
    _row(
        39,
        r"email address must be valid",
        "refused",
        YOU,
        "Xero does not accept the customer's e-mail address.",
        _MEND,
    ),
    _row(
        40,
        r"existing invoice with the specified invoiceid could not be found",
        "conflict",
        BOOKKEEPER,
        "The invoice we made is no longer in this organisation.",
        "Send it again, or skip it.",
    ),
    _row(
        41,
        r"document with the supplied id was not found",
        "conflict",
        BOOKKEEPER,
        "The document we made is no longer in this organisation.",
        "Send it again, or skip it.",
    ),
    _row(
        42,
        r"existing credit note with the specified creditnoteid could not be found",
        "conflict",
        BOOKKEEPER,
        "The credit note we made is no longer in this organisation.",
        "Send it again, or skip it.",
    ),
    _row(43, r"account code is too long", "mapping", YOU, "Xero has no such account.", _MAP),
    _row(
        44,
        r"user specified does not have the correct permissions|does not have permission",
        "disconnected",
        YOU,
        "The person who connected Xero may not do this there.",
        "Reconnect as a Standard or Adviser user of the organisation.",
    ),
    _row(
        45,
        r"idempotency key:? ?.* is used with a different request",
        "bug",
        US,
        "A request was mixed up with another one, and Xero did nothing.",
        "We look in Xero first and try again.",
    ),
    _row(
        46,
        r"price list item with code '?([^']*?)'? already exists",
        "conflict",
        US,
        "Xero has an item with this code already.",
        _REPORT,
    ),
    _row(
        47,
        r"error converting value|postdatainvalid|invalid (?:json|date)",
        "bug",
        US,
        "Xero could not read us.",
        _REPORT,
    ),
    _row(
        48,
        r"tracking (?:option|category)",
        "mapping",
        YOU,
        "A tracking option can no longer be used in Xero.",
        "Choose another one, or none, under Account Mapping.",
    ),
)
