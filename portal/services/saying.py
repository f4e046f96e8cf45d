"""How a push stands, in words: the one place where lists, pages, the API and letters get a state's sentence from."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Any, cast

from sqlalchemy import bindparam, select, union_all
from sqlalchemy.orm import FromStatement

from portal import clock, words
from portal.extensions import db
from portal.models import (
    Connection,
    ConnectionState,
    Document,
    Failure,
    Invoice,
    Link,
    Location,
    Operation,
    Push,
    PushState,
)
from portal.models.among import among
from portal.services import following, outbox
from portal.words import ENDED, Look

BLOCKED = {
    "lock": "Blocked by lock date",
    "category": "Needs a mapping",
    "tax": "Needs a tax rate",
    "payment": "Needs a payment account",
    "account": "Needs another account",
    "tracking": "Needs another tracking option",
    "contact": "Needs a decision about the customer",
    "number": "Number is taken in Xero",
    "approvals": "Xero plan's limit is reached",
    "currency": "Currency is missing in Xero",
    "invoice": "Incomplete in HoopAI",
    "invoice:total": "Total is not what the lines make",
    "payments": "Payments are in the way",
    "paid": "Touches paid amounts",
    "connection": "Waiting to be reconnected",
}
KINDS = {
    Failure.MAPPING: "Needs a mapping",
    Failure.REFUSED: "Refused by Xero",
    Failure.CONFLICT: "Needs a decision",
    Failure.DISCONNECTED: "Waiting to be reconnected",
    Failure.BUG: "Failed on our side",
}
SKIPPED = {
    following.BEFORE: "Skipped: before the connection",
    following.UNCONNECTED: "Skipped: before the connection",
    following.TEST_MODE: "Skipped: test mode",
    following.LEFT_BEHIND: "Skipped: before the change of organisation",
    following.ELSEWHERE: "Skipped: in another organisation",
    outbox.NOT_SENT: "Skipped with its invoice",
    **dict.fromkeys(following.TOO_EARLY.values(), "Not yet: too early"),
}
LEFT_OUT = "Not sent"
WAITS_FOR = {
    Document.CONTACT: "Waiting for contact",
    Document.INVOICE: "Waiting for its invoice",
    Document.PAYMENT: "Waiting for its payment",
    Document.CREDIT_NOTE: "Waiting for its credit note",
}
STOPPED = {
    ConnectionState.PAUSED: "Waiting: sending is paused",
    ConnectionState.ATTENTION: "Waiting: Xero needs attention",
    ConnectionState.DISCONNECTED: "Waiting: Xero is disconnected",
}


class Parent(StrEnum):
    """Whether what must be in Xero first is there."""

    THERE = "there"
    MISSING = "missing"
    DRAFT = "draft"


@dataclass(frozen=True, slots=True)
class Around:
    """What a push's state is told from beside the push: links by document, the connection, the location's zone."""

    links: dict[tuple[str, int], Link] = field(default_factory=dict)
    connection: Connection | None = None
    zone: str = "UTC"

    def link(self, push: Push) -> Link | None:
        """The document's own link into Xero."""
        return self.links.get((push.document, push.document_id))

    def parent(self, push: Push) -> Parent:
        """Whether the push's parent is in Xero, so that it can go."""
        if push.parent_document is None or push.parent_id is None:
            return Parent.THERE
        link = self.links.get((push.parent_document, push.parent_id))
        if link is None:
            return Parent.MISSING
        waits = push.document == Document.PAYMENT and link.xero_status in words.FOR_APPROVAL
        return Parent.DRAFT if waits else Parent.THERE


def around(
    location: Location,
    connection: Connection | None,
    pushes: Iterable[Push],
    invoices: Iterable[int] = (),
    others: Iterable[tuple[str, int]] = (),
) -> Around:
    """What these pushes' states are told from, in one query; the links of these invoices and others as well."""
    wanted: set[tuple[str, int]] = {(push.document, push.document_id) for push in pushes}
    wanted |= {(Document.INVOICE, each) for each in invoices}
    wanted.update(others)
    wanted |= {(p.parent_document, p.parent_id) for p in pushes if p.parent_document and p.parent_id}
    return Around(_links(connection, location.id, wanted), connection, location.timezone)


def state(push: Push | None, beside: Around) -> Look:
    """How a push stands: icon, words and tone. `Not yet` where nothing was wanted."""
    if push is None:
        return words.NOT_YET
    plain = words.push_look(push.state, push.failure)
    return plain._replace(word=_word(push, beside) or plain.word)


def of_invoice(invoice: Invoice, push: Push | None, beside: Around) -> Look:
    """How an invoice stands by its decisive push: sent once all is, else with the document that holds it up."""
    look = state(push, beside)
    if push is None:
        return look
    link = beside.links.get((Document.INVOICE, invoice.id))
    if push.state == PushState.SENT and link is not None:
        ended = "Voided in Xero" if link.xero_status in ENDED else None
        return look._replace(word=ended or _differs(link, invoice.total) or "Sent")
    of_it = words.DOCUMENTS[push.document]
    return look if push.document == Document.INVOICE else look._replace(word=f"{of_it}: {_lower(look.word)}")


def detail(push: Push | None, look: Look) -> str | None:
    """What the push says beside its words: why it waits or is stopped; None where the words are all there is."""
    if push is None or not push.message or push.state == PushState.SENT:
        return None
    told = push.state == PushState.SKIPPED and look.word != LEFT_OUT
    return None if told else push.message


def sentence(push: Push | None, look: Look) -> str | None:
    """The same for programs: the words and what the push itself says of it; None where its state alone says as much."""
    said = detail(push, look)
    if push is None or look.word == words.push_look(push.state, push.failure).word:
        return said
    return f"{look.word}. {said}" if said else f"{look.word}."


def _word(push: Push, beside: Around) -> str | None:
    tell = {
        PushState.QUEUED: _queued,
        PushState.WAITING: _waiting,
        PushState.BLOCKED: _blocked,
        PushState.SENT: _sent,
        PushState.SKIPPED: _skipped,
    }.get(PushState(push.state))
    return tell(push, beside) if tell else None


def _queued(push: Push, beside: Around) -> str | None:
    connection = beside.connection
    if connection is not None and not connection.live:
        return STOPPED.get(ConnectionState(connection.state))
    parent = beside.parent(push)
    if parent == Parent.DRAFT:
        return "Waiting for approval in Xero"
    if parent == Parent.MISSING and push.parent_document is not None:
        return WAITS_FOR.get(Document(push.parent_document))
    used = connection.day_used(clock.now()) if connection is not None else None
    if connection is None or used is None or push.updated_at > used:
        return None
    return _resting(True, connection.day_used_until, beside.zone)


def _waiting(push: Push, beside: Around) -> str | None:
    if push.failure == Failure.UNSURE:
        return None
    return _resting(push.failure == Failure.LIMIT, push.next_try_at, beside.zone)


def _resting(limit: bool, until: datetime | None, zone: str) -> str:
    what = "Waiting for the limit" if limit else "Xero is busy"
    if until is None or until <= clock.now():
        return f"{what}, next try any moment"
    return f"{what} until {_clock(until, zone)}" if limit else f"{what}, next try {_clock(until, zone)}"


def _blocked(push: Push, _: Around) -> str:
    cause = push.cause or ""
    found = BLOCKED.get(cause) or BLOCKED.get(cause.partition(":")[0])
    return found or KINDS.get(Failure(push.failure or Failure.BUG), "Needs you")


def _sent(push: Push, beside: Around) -> str | None:
    if push.document == Document.PAYMENT and push.operation == Operation.VOID:
        return "Deleted in Xero"
    if push.operation == Operation.VOID:
        return "Voided in Xero"
    link = beside.link(push) if push.document == Document.INVOICE else None
    return _differs(link, push.amount) if link is not None else None


def _differs(link: Link, amount: Decimal | None) -> str | None:
    if link.xero_total is None or amount is None or link.xero_total == amount:
        return None
    return f"Sent, differs by {_plain(abs(link.xero_total - amount))}"


def _lower(word: str) -> str:
    return word if word.startswith("Xero") else word[:1].lower() + word[1:]


def _skipped(push: Push, _: Around) -> str:
    message = push.message or ""
    if push.settled_by_id and message.startswith("Skipped by "):
        return message.rstrip(".")
    return SKIPPED.get(message, LEFT_OUT)


def _plain(amount: object) -> str:
    text = f"{amount:.4f}".rstrip("0")
    whole, _, part = text.partition(".")
    return f"{whole}.{part.ljust(2, '0')}"


def _clock(at: datetime, zone: str) -> str:
    here = clock.zone(zone)
    local, today = at.astimezone(here), clock.now().astimezone(here).date()
    return f"{local:%H:%M}" if local.date() == today else f"{local.day} {local:%b %H:%M}"


def _links(
    connection: Connection | None, location_id: int, wanted: Iterable[tuple[str, int]]
) -> dict[tuple[str, int], Link]:
    by_document: dict[str, set[int]] = {}
    for document, document_id in wanted:
        by_document.setdefault(document, set()).add(document_id)
    if connection is None or not by_document:
        return {}
    mine: dict[str, Any] = {"tenant": connection.tenant_id, "location": location_id}
    found = db.session.scalars(_links_of(tuple(sorted(by_document))), {**mine, **by_document})
    return {(link.document, link.document_id): link for link in found}


@cache
def _links_of(documents: tuple[str, ...]) -> FromStatement[Link]:
    """Every list asks this: made once for each choice of documents, whose ids have the documents' names."""
    mine = (Link.tenant_id == bindparam("tenant"), Link.location_id == bindparam("location"))
    arms = [
        select(Link).where(*mine, Link.document == each, among(Link.document_id, each)) for each in documents
    ]
    return cast(FromStatement[Link], select(Link).from_statement(union_all(*arms)))
