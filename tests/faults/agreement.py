"""What must hold of HoopAI's books and Xero's: at every moment, and when everything has come to rest."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any

from hypothesis import event

from portal.extensions import db
from portal.models import Failure, Location, Push, PushState
from portal.services import troubleshooting
from portal.services.unit import release
from tests.faults.day import Day

D = Decimal
Row = dict[str, Any]
ENDED = ("VOIDED", "DELETED")
OPEN = (PushState.QUEUED, PushState.SENDING, PushState.WAITING)
BY_A_PERSON = {"number", "paid", "payments", "ended", "gone", "refund", "contact", "skipped"}
"""What may still wait when nothing else is wrong: it is for a person to decide."""


def nothing_is_twice(books: Row, most: Mapping[str, Decimal]) -> None:
    """One living invoice for each of HoopAI's, one contact of a name, and never more money than HoopAI had of it."""
    refs = Counter(each.get("Reference") for each in books["invoices"] if each["Status"] not in ENDED)
    twice = {ref: many for ref, many in refs.items() if many > 1 and str(ref).startswith("HoopAI ")}
    assert not twice, f"more than once in Xero: {twice}"
    names = Counter(each["Name"].lower() for each in books["contacts"] if each["ContactStatus"] == "ACTIVE")
    assert max(names.values(), default=1) == 1, names
    for hoop_id, ceiling in most.items():
        paid = _paid(books, hoop_id)
        assert paid <= ceiling, f"{paid} paid in Xero, never more than {ceiling} in HoopAI: {hoop_id}"


def whatever_is_open_has_a_next_step(location_id: int) -> None:
    """Waiting has a moment, sending a batch, blocked a cause, a sentence and its place on the page."""
    release()
    for push in db.session.query(Push):
        what = f"{push.document} {push.operation} {push.state} {push.failure} {push.message}"
        if push.state == PushState.WAITING:
            assert push.next_try_at is not None, what
        if push.state == PushState.SENDING:
            assert push.batch_id is not None, what
        if push.state == PushState.BLOCKED:
            assert all((push.failure, push.cause, push.message)), what
            assert push.batch_id is None, what
            assert push.failure != Failure.BUG, what
    groups = troubleshooting.groups(db.session.get_one(Location, location_id))
    assert sum(group.count for group in groups) == len(pushes(PushState.BLOCKED))


def both_books_agree(day: Day, *, linked: Collection[str], skipping: bool) -> None:
    """To the cent, invoice by invoice, but for what is blocked for a person, was skipped, or was linked by hand."""
    books, told = day.stage.books(), day.stage.hoop.books()
    for invoice in told["invoices"]:
        rows = day.pushes_of(invoice["_id"])
        said = [(push.document, push.operation, push.state, push.cause, push.message) for push in rows]
        words = f"{invoice['invoiceNumber']} {invoice['status']}: {said}"
        waits = [push for push in rows if push.state in (PushState.BLOCKED, PushState.SKIPPED)]
        assert waits or not any(push.state in OPEN for push in rows), f"open without a next step: {words}"
        if waits or invoice["_id"] in linked:
            causes = {(push.cause or "skipped").partition(":")[0] for push in waits}
            assert skipping or causes <= BY_A_PERSON, words
            event(f"a person has to act: {sorted(causes)}")
        else:
            _compare(books, invoice, told["transactions"], words)
            event(f"agrees: {invoice['status']}")


def pushes(*states: PushState) -> list[int]:
    """The ids of the pushes in these states, oldest first."""
    found = db.session.query(Push.id).filter(Push.state.in_(states)).order_by(Push.id)
    ids = [row[0] for row in found]
    release()
    return ids


def _compare(books: Row, told: Row, transactions: Sequence[Row], words: str) -> None:
    found = [each for each in books["invoices"] if each.get("Reference") == f"HoopAI {told['_id']}"]
    if told["status"] in ("void", "delete"):
        assert all(each["Status"] in ENDED for each in found), words
        return
    assert len(found) == 1, f"{len(found)} in Xero: {words}"
    held = (found[0]["Total"], _paid(books, told["_id"]))
    assert held == (told["total"], told["amountPaid"]), (
        f"{held}, not {told['total'], told['amountPaid']}: {words}"
    )
    given = sum((row["amountRefunded"] for row in transactions if row["entityId"] == told["_id"]), D(0))
    mine = f"CN-{told['invoiceNumber']}-"
    notes = [each for each in books["credit_notes"] if str(each["CreditNoteNumber"]).startswith(mine)]
    back = sum((each["Total"] for each in notes if each["Status"] not in ENDED), D(0))
    assert back == given, f"{back} given back, not {given}: {words}"


def _paid(books: Row, hoop_id: str) -> Decimal:
    mine = {each["InvoiceID"] for each in books["invoices"] if each.get("Reference") == f"HoopAI {hoop_id}"}
    living = [each for each in books["payments"] if each["Status"] != "DELETED" and each["InvoiceID"] in mine]
    return sum((each["Amount"] for each in living), D(0))
