"""What people do inside the stand-in: archive an account, remove the app. Used by the page and by the control."""

from __future__ import annotations

from typing import Any

from sandbox.xero import invoices, payments, users
from sandbox.xero.books import Doc
from sandbox.xero.call import Call
from sandbox.xero.here import here
from sandbox.xero.line_rules import find_account
from sandbox.xero.wire import Asked

USUAL_SCOPES = (
    "openid profile email offline_access accounting.invoices accounting.payments accounting.contacts "
    "accounting.settings.read"
)


def organisation(word: str) -> Doc | None:
    """The organisation with this tenant id, key (`au`, `nz`, `uk`) or name."""
    rows = here().books.organisations.all()
    return next((row for row in rows if word in (row["OrganisationID"], row["key"], row["Name"])), None)


def account(tenant: str, word: str) -> Doc | None:
    """An account of an organisation by code or id."""
    found = organisation(tenant)
    if found is None:
        return None
    book = here().books.book(found["OrganisationID"])
    return book.accounts.get(word) or find_account(book, {"Code": word}, "AccountID", "Code")


def change_account(tenant: str, doc: Doc, changes: dict[str, Any]) -> Doc:
    """The account with these fields changed."""
    found = organisation(tenant)
    assert found is not None
    book = here().books.book(found["OrganisationID"])
    return book.accounts.put({**doc, **changes, "UpdatedDateUTC": book.now()})


def change_tracking(tenant: str, word: str, changes: dict[str, Any]) -> Doc | None:
    """The tracking category with these fields changed, its own or those of one option, by id or name; None: unknown."""
    found = organisation(tenant)
    if found is None:
        return None
    book = here().books.book(found["OrganisationID"])
    for group in book.tracking.all():
        if word in (group["TrackingCategoryID"], group["Name"]):
            return book.tracking.put({**group, **changes})
        options = group["Options"]
        if any(word in (one["TrackingOptionID"], one["Name"]) for one in options):
            changed = [
                {**one, **changes} if word in (one["TrackingOptionID"], one["Name"]) else one
                for one in options
            ]
            return book.tracking.put({**group, "Options": changed})
    return None


def remove_app(word: str | None) -> int:
    """Drop the connections of one organisation, or all of them; how many there were."""
    found = organisation(word) if word else None
    if word and found is None:
        return 0
    rows = [
        row
        for row in here().books.connections.all()
        if found is None or row["tenant"] == found["OrganisationID"]
    ]
    for row in rows:
        here().books.connections.delete(row["id"])
    return len(rows)


def edit_invoice(tenant: str, doc: Doc, changes: dict[str, Any]) -> list[str]:
    """Change an invoice in Xero's own pages, under the same rules as the API; what stands against it."""
    with here().books.writing():
        return invoices.edit(_person(tenant), changes, doc).errors


def delete_payment(tenant: str, doc: Doc) -> list[str]:
    """Remove a payment in Xero's own pages; what stands against it."""
    with here().books.writing():
        return payments.delete(_person(tenant), {"Status": "DELETED"}, doc).errors


def set_contact_status(tenant: str, doc: Doc, status: str) -> None:
    """Archive or restore a contact."""
    book = here().books.book(tenant)
    with here().books.writing():
        book.contacts.put({**doc, "ContactStatus": status, "UpdatedDateUTC": book.now()})


def set_locks(tenant: str, period: str | None, year: str | None) -> None:
    """Set or clear both lock dates (ISO days)."""
    found = here().books.book(tenant).organisation
    with here().books.writing():
        here().books.organisations.put({**found, "PeriodLockDate": period, "EndOfYearLockDate": year})


def _person(tenant: str) -> Call:
    return Call(Asked("POST", ""), here(), users.USERS[0], "", {}, tenant)
