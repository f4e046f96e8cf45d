"""The Contacts endpoint (developer.xero.com, Contacts)."""

from __future__ import annotations

from sandbox.xero import batch
from sandbox.xero.books import Doc, folded
from sandbox.xero.call import Call
from sandbox.xero.contacts import balances, match, nested, save, shown, summary
from sandbox.xero.errors import NotFound
from sandbox.xero.fields import GUID
from sandbox.xero.filters import fields, plain
from sandbox.xero.listing import listed
from sandbox.xero.wire import Answer

_FIELDS = fields(
    ContactID="guid",
    ContactNumber="text",
    AccountNumber="text",
    Name="text",
    FirstName="text",
    LastName="text",
    EmailAddress="text",
    CompanyNumber="text",
    TaxNumber="text",
    ContactStatus="text",
    IsCustomer="flag",
    IsSupplier="flag",
    UpdatedDateUTC="moment",
    DefaultCurrency="text",
)
_SEARCHED = ("Name", "FirstName", "LastName", "ContactNumber", "CompanyNumber", "EmailAddress")

__all__ = ["create", "index", "nested", "show", "update", "upsert"]


def index(call: Call) -> Answer:
    """GET Contacts."""
    rows = call.book.contacts.all()
    if wanted := [one.lower() for one in call.listed("IDs")]:
        rows = [row for row in rows if row["ContactID"] in wanted]
    if not call.asks("includeArchived") and not wanted:
        rows = [row for row in rows if row["ContactStatus"] == "ACTIVE"]
    if term := plain(call.query.get("searchterm", "")):
        rows = [row for row in rows if _contains(row, term)]
    brief = call.asks("summaryOnly")
    found = listed(call, rows, _FIELDS, "UpdatedDateUTC", paged=brief)
    return call.reply("Contacts", [summary(row) if brief else shown(row) for row in found.rows], **found.more)


def show(call: Call, word: str) -> Answer:
    """GET Contacts/{ContactID or ContactNumber}."""
    found = _one(call, word)
    return call.reply(
        "Contacts", [shown(found) | {"Attachments": [], "Balances": balances(call.book, found)}]
    )


def create(call: Call) -> Answer:
    """PUT Contacts: only creates."""
    return batch.answer(call, "Contacts", [save(call.book, one, True) for one in call.posted("Contacts")])


def upsert(call: Call) -> Answer:
    """POST Contacts: creates or updates; an unknown ContactID makes the whole request a 404."""
    posted = call.posted("Contacts")
    for one in posted:
        match(call.book, one)
    return batch.answer(call, "Contacts", [save(call.book, one, False) for one in posted])


def update(call: Call, word: str) -> Answer:
    """POST Contacts/{ContactID}."""
    found = _one(call, word)
    posted = call.posted("Contacts")[0] | {"ContactID": found["ContactID"]}
    return batch.single(call, "Contacts", save(call.book, posted, False))


def _one(call: Call, word: str) -> Doc:
    contacts = call.book.contacts
    found = contacts.get(word.lower()) if GUID.match(word) else contacts.first("number", folded(word))
    if found is None:
        raise NotFound
    return found


def _contains(row: Doc, term: str) -> bool:
    return any(term in plain(row.get(key) or "") for key in _SEARCHED)
