"""What waits for what: a payment for its invoice, the invoice for its contact; as a person reads it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from portal import words
from portal.extensions import db
from portal.models import Connection, Contact, Document, Invoice, Link, Operation, Push, PushState, Refund
from portal.services import outbox, readiness, saying
from portal.services.saying import Around
from portal.words import Look

MOST = 4
MOST_TOLD = 20


@dataclass(frozen=True, slots=True)
class Step:
    """One document in the chain: what it is called, where its page is, its push, and whether Xero has it."""

    document: Document
    document_id: int
    name: str
    hoop_id: str | None
    push: Push | None
    link: Link | None
    there: bool


@dataclass(frozen=True, slots=True)
class Open:
    """Something of a document that is not settled, how it stands, and what it waits for."""

    push: Push
    look: Look
    steps: list[Step]
    waits: str

    @property
    def may_cancel(self) -> bool:
        """Whether a person may take back this change of something that Xero has."""
        return self.push.operation != Operation.CREATE and may_skip(self.push)


@dataclass(frozen=True, slots=True)
class Near:
    """What is known already: what made the documents that were read, and their links."""

    made: Mapping[tuple[Document, int], Push | None]
    beside: Around


def open_ones(
    pushes: Sequence[Push], beside: Around, read: Iterable[tuple[Document, int]] = ()
) -> list[Open]:
    """Those that are not settled, each with what it waits for in one sentence.

    `read` are the documents that `pushes` and `beside` tell everything of.
    """
    made = {(push.document, push.document_id): push for push in pushes if push.operation == Operation.CREATE}
    near = Near({**dict.fromkeys(read), **made}, beside)
    found: list[Open] = []
    for push in pushes:
        if PushState(push.state).settled:
            continue
        steps = behind(push, near) if len(found) < MOST_TOLD else []
        found.append(Open(push, saying.state(push, beside), steps, sentence(push, steps)))
    return found


def may_skip(push: Push) -> bool:
    """Whether it is certain that nothing of it is under way, so that a person may decide about it."""
    return push.batch_id is None and push.state in outbox.OPEN


def behind(push: Push, near: Near | None = None) -> list[Step]:
    """What this push waits for, nearest first, up to what is in Xero or stands by itself; empty where for nothing."""
    steps: list[Step] = []
    document, document_id = push.parent_document, push.parent_id
    while document is not None and document_id and len(steps) < MOST:
        own, link = _standing(push.location_id, document, document_id, near)
        step = _step(push, document, document_id, own, link)
        if step.there or (document, document_id) == (push.document, push.document_id):
            break
        steps.append(step)
        document, document_id = (own.parent_document, own.parent_id) if own else (None, None)
    return steps


def sentence(push: Push, steps: list[Step]) -> str:
    """The chain in one sentence: `It waits for invoice 1042, which waits for contact Mo Reyes, which needs you.`"""
    if not steps or push.state not in (PushState.QUEUED, PushState.WAITING):
        return ""
    parts = [f"{words.DOCUMENTS[step.document].lower()} {step.name}" for step in steps]
    return f"It waits for {', which waits for '.join(parts)}{_end(steps[-1])}."


def _end(last: Step) -> str:
    """What is the matter with the last one, as the end of the sentence."""
    if last.link is not None:
        status = words.IN_XERO.get(last.link.xero_status or "", "there")
        return f", which is {status.lower()} in Xero"
    if last.push is None:
        return ", which nobody has asked to be sent"
    ends = {
        PushState.QUEUED: ", which is on its way",
        PushState.SENDING: ", which is being sent",
        PushState.WAITING: ", which is tried again by itself",
        PushState.BLOCKED: ", which needs you",
        PushState.SKIPPED: ", which is not sent",
        PushState.CANCELLED: ", which is not sent",
    }
    return ends.get(last.push.state, "")


def _step(push: Push, document: Document, document_id: int, own: Push | None, link: Link | None) -> Step:
    name, hoop_id = _named(document, document_id)
    needs_approval = push.document == Document.PAYMENT and document == Document.INVOICE
    there = link is not None and (not needs_approval or link.xero_status in readiness.PAYABLE)
    return Step(document, document_id, name, hoop_id, own, link, there)


def _named(document: Document, document_id: int) -> tuple[str, str | None]:
    if document == Document.CONTACT:
        contact = db.session.get(Contact, document_id)
        return (contact.display_name if contact else "without a name"), None
    if document == Document.INVOICE:
        invoice = db.session.get(Invoice, document_id)
        return (invoice.number_sent, invoice.hoop_id) if invoice else ("unknown", None)
    refund = db.session.get(Refund, document_id) if document == Document.CREDIT_NOTE else None
    return (f"for {refund.invoice.number_sent}" if refund else "", None)


def _standing(
    location_id: int, document: Document, document_id: int, near: Near | None
) -> tuple[Push | None, Link | None]:
    """What made a document, and its link into the organisation of today."""
    key = document, document_id
    if near is not None and key in near.made:
        return near.made[key], near.beside.links.get(key)
    mine = select(Connection.tenant_id).where(Connection.location_id == location_id).scalar_subquery()
    link = db.session.scalar(
        select(Link).where(
            Link.tenant_id == mine,
            Link.location_id == location_id,
            Link.document == document,
            Link.document_id == document_id,
        )
    )
    return outbox.find(db.session(), location_id, document, document_id, Operation.CREATE), link
