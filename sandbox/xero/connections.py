"""GET and DELETE /connections (developer.xero.com, Managing connections)."""

from __future__ import annotations

from typing import Any

from sandbox.xero.books import Books, Doc
from sandbox.xero.call import Call
from sandbox.xero.errors import Forbidden, NotFound
from sandbox.xero.fields import GUID
from sandbox.xero.wire import Answer, json_answer


def index(call: Call) -> Answer:
    """All organisations this user ever connected to the app; `authEventId` keeps those of one consent."""
    wanted = call.query.get("autheventid")
    rows = call.here.books.connections.find("user", (call.user.id, call.app))
    return json_answer(
        200, [row_shown(call.here.books, row) for row in rows if wanted in (None, row["event"])]
    )


def remove(call: Call, identity: str) -> Answer:
    """Disconnect one organisation by its connection id; 204, or 404 for an id that is none."""
    row = call.here.books.connections.get(identity.lower())
    if row is None or (row["user"], row["app"]) != (call.user.id, call.app):
        if GUID.match(identity) and call.here.books.organisation(identity.lower()):
            raise Forbidden("AuthenticationUnsuccessful")
        raise NotFound
    call.here.books.connections.delete(row["id"])
    return Answer(204)


def row_shown(books: Books, row: Doc) -> dict[str, Any]:
    """A connection as the API shows it; dates ISO without zone."""
    organisation = books.organisation(row["tenant"])
    return {
        "id": row["id"],
        "authEventId": row["event"],
        "tenantId": row["tenant"],
        "tenantType": "ORGANISATION",
        "tenantName": organisation["Name"] if organisation else "",
        "createdDateUtc": f"{row['created']}0000",
        "updatedDateUtc": f"{row['updated']}0000",
    }
