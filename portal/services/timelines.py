"""What happened to an invoice, as people read it: what HoopAI told, what was tried, what was decided, what changed."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from portal import words
from portal.extensions import db
from portal.models import Attempt, Contact, InboundEvent, Invoice, Push, PushState
from portal.services import problems

LATEST_EVENTS = 20
TRIED = {
    "sent": ("sent; Xero has it", "check-circle-fill", "green"),
    "refused": ("refused by Xero", "x-circle-fill", "red"),
    "failed": ("could not be sent", "x-circle-fill", "red"),
    "unsure": ("sent, no answer came", "search", "blue"),
}
CHANGES = {"update": "Change", "recode": "Re-coding", "void": "Voiding"}
TOLD = (PushState.BLOCKED, PushState.SKIPPED, PushState.CANCELLED, PushState.SENT)
FIELDS = {
    "InvoiceNumber": "Number",
    "Date": "Issued",
    "DueDate": "Due",
    "Status": "Status",
    "CurrencyCode": "Currency",
    "LineAmountTypes": "Amounts are tax",
    "Reference": "Reference",
}
LINE_FIELDS = {
    "Description": "description",
    "Quantity": "quantity",
    "UnitAmount": "price",
    "AccountCode": "account",
    "TaxType": "tax",
    "DiscountRate": "discount in percent",
    "DiscountAmount": "discount",
}


@dataclass(frozen=True, slots=True)
class Edit:
    """One thing that changed in Xero, before and after, as it was sent; None where there was nothing."""

    what: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Moment:
    """One entry of the timeline. `tone` is a colour word that goes with `icon`."""

    at: datetime
    icon: str
    tone: str
    title: str
    text: str = ""
    attempt: Attempt | None = None
    code: str | None = None
    unknown: bool = False


def of(invoice: Invoice, pushes: Iterable[Push]) -> list[Moment]:
    """Everything that happened, newest first."""
    return _sorted([*told(invoice.location_id, invoice.hoop_id), *of_pushes(pushes)])


def of_contact(contact: Contact, pushes: Iterable[Push]) -> list[Moment]:
    """The same of a customer."""
    return _sorted([*told(contact.location_id, contact.hoop_id), *of_pushes(pushes)])


def told(location_id: int, hoop_id: str) -> list[Moment]:
    """What HoopAI told of a document, the newest few."""
    events = db.session.scalars(
        select(InboundEvent)
        .where(InboundEvent.location_id == location_id, InboundEvent.hoop_id == hoop_id)
        .order_by(InboundEvent.id.desc())
        .limit(LATEST_EVENTS)
    )
    return [
        Moment(event.received_at, "inbox", "grey", f"HoopAI told us: {event.event or 'an event'}", event.reason or "")
        for event in events
    ]  # fmt: skip


def of_pushes(pushes: Iterable[Push]) -> list[Moment]:
    """What was tried and decided, newest first."""
    return _sorted(moment for push in pushes for moment in _moments(push))


def _sorted(moments: Iterable[Moment]) -> list[Moment]:
    return sorted(moments, key=lambda moment: moment.at, reverse=True)


def edits(before: dict[str, Any] | None, after: dict[str, Any] | None) -> list[Edit]:
    """What differs between two contents of an invoice in Xero; nothing where one is not known."""
    if not before or not after:
        return []
    found = [Edit(name, _text(before.get(key)), _text(after.get(key))) for key, name in FIELDS.items()]
    found += _line_edits(before.get("LineItems") or [], after.get("LineItems") or [])
    return [edit for edit in found if edit.before != edit.after]


def _line_edits(before: Sequence[dict[str, Any]], after: Sequence[dict[str, Any]]) -> Iterator[Edit]:
    for place in range(max(len(before), len(after))):
        old = before[place] if place < len(before) else {}
        new = after[place] if place < len(after) else {}
        for key, name in LINE_FIELDS.items():
            yield Edit(f"Line {place + 1}, {name}", _text(old.get(key)), _text(new.get(key)))


def _text(value: Any) -> str | None:
    return None if value in (None, "") else str(value)


def _moments(push: Push) -> list[Moment]:
    what, deed = _what(push), words.DEEDS[push.operation]
    if push.document == "payment" and push.operation == "void":
        deed = "to be deleted"
    found = [Moment(push.created_at, "hourglass-split", "blue", f"{what} {deed} in Xero")]
    found += [_tried(_letter(push, what), attempt) for attempt in push.attempts]
    if push.state in TOLD and push.message:
        tone = "amber" if push.state == PushState.BLOCKED else "grey"
        name = "exclamation-circle-fill" if tone == "amber" else "dash-circle"
        found.append(Moment(push.updated_at, name, tone, f"{what}: {push.message}"))
    return found


def _what(push: Push) -> str:
    """What a push is about; money with its amount, since an invoice may have several payments."""
    what = words.DOCUMENTS[push.document]
    if push.document in ("contact", "invoice") or push.amount is None:
        return what
    return f"{what} of {push.amount:,.2f} {push.currency or ''}".rstrip()


def _letter(push: Push, what: str) -> str:
    """What was sent of it: the document itself, or a change of it."""
    change = CHANGES.get(push.operation)
    if push.document == "payment" and push.operation == "void":
        change = "Deletion"
    return f"{change} of {what[0].lower()}{what[1:]}" if change else what


def _took(milliseconds: int | None) -> str:
    if milliseconds is None:
        return ""
    return f"{milliseconds} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"


def _tried(what: str, attempt: Attempt) -> Moment:
    said, icon, tone = TRIED.get(attempt.outcome, (attempt.outcome, "arrow-up-circle-fill", "blue"))
    took = _took(attempt.duration_ms)
    call = f"Xero's call {attempt.correlation_id}" if attempt.correlation_id else ""
    text = " · ".join(part for part in (attempt.message or "", took, call) if part)
    refused = attempt.outcome == "refused"
    code = problems.code_of(attempt.message) if refused else None
    return Moment(attempt.at, icon, tone, f"{what} {said}", text, attempt, code, refused and code is None)
