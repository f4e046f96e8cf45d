"""History of documents and notes on them (developer.xero.com, History and notes)."""

from __future__ import annotations

import uuid
from typing import Any

from sandbox.xero import batch
from sandbox.xero.books import Doc, Table
from sandbox.xero.call import Call
from sandbox.xero.dates import ms_now, parse_moment, stamp
from sandbox.xero.errors import NotFound
from sandbox.xero.wire import Answer

LONGEST = 2500


def added(call: Call, doc: Doc, change: str, details: str) -> list[dict[str, Any]]:
    """The document's history with one more entry, by the calling app or, without one, the person."""
    entry = {
        "Changes": change,
        "DateUTC": call.book.now(),
        "User": call.here.settings.app_name if call.app else call.user.name,
        "Details": details,
    }
    return [*doc.get("History", []), entry]


def invoice_index(call: Call, identity: str) -> Answer:
    """GET Invoices/{id}/History, newest first."""
    return _index(call, _one(call.book.invoices, identity))


def invoice_add(call: Call, identity: str) -> Answer:
    """PUT Invoices/{id}/History: a note."""
    return _add(call, call.book.invoices, _one(call.book.invoices, identity))


def contact_index(call: Call, identity: str) -> Answer:
    """GET Contacts/{id}/History, newest first."""
    return _index(call, _one(call.book.contacts, identity))


def contact_add(call: Call, identity: str) -> Answer:
    """PUT Contacts/{id}/History: a note."""
    return _add(call, call.book.contacts, _one(call.book.contacts, identity))


def _one(table: Table, identity: str) -> Doc:
    found = table.get(identity.lower())
    if found is None:
        raise NotFound
    return found


def _index(call: Call, doc: Doc) -> Answer:
    return call.reply("HistoryRecords", [_shown(entry) for entry in reversed(doc.get("History", []))])


def _add(call: Call, table: Table, doc: Doc) -> Answer:
    outcomes = []
    entries = doc.get("History", [])
    for posted in call.posted("HistoryRecords"):
        details = str(posted.get("Details") or "")
        if not details or len(details) > LONGEST:
            words = [f"Details must have 1 to {LONGEST} characters."]
            outcomes.append(batch.refused(posted, "HistoryRecordID", "HasErrors", words))
            continue
        entry = {"Changes": "Note", "DateUTC": stamp(call.here.clock.now()), "User": "System Generated"}
        entries = [*entries, entry | {"Details": details, "id": str(uuid.uuid4())}]
        seen = _shown(entries[-1])
        wanted = ("DateUTCString", "DateUTC", "Details")
        outcomes.append(batch.Outcome({key: seen[key] for key in wanted} | {"ValidationErrors": []}))
    table.put({**doc, "History": entries})
    return batch.answer(call, "HistoryRecords", outcomes)


def _shown(entry: dict[str, Any]) -> dict[str, Any]:
    moment = parse_moment(entry["DateUTC"])
    times = {"DateUTCString": entry["DateUTC"][:19], "DateUTC": ms_now(moment)}
    return times | {"Changes": entry["Changes"], "User": entry["User"], "Details": entry["Details"]}
