"""Why is invoice 1042 not in Xero? One definite sentence for every case there is, with the next step."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select

from portal import clock, words
from portal.extensions import db
from portal.models import (
    CatchUp,
    CatchUpState,
    Connection,
    ConnectionState,
    Document,
    EventState,
    Failure,
    InboundEvent,
    Invoice,
    Link,
    Location,
    Operation,
    Push,
    PushState,
    Source,
)
from portal.services import chains, following, heartbeats, outbox, problems, xero_links
from portal.services.problems import Owner
from portal.words import ENDED

MOST = 5
READ = 200
RECENT = timedelta(days=30)
UNUSED = (EventState.BROKEN, EventState.QUARANTINED)


@dataclass(slots=True)
class Answer:
    """One definite sentence; what it means or comes next, who acts, the button (`endpoint` a page of the portal).

    `at` and `until` are moments that belong to the sentence, shown beside it in the location's zone.
    """

    sentence: str
    invoice: Invoice | None = None
    meaning: str = ""
    owner: Owner | None = None
    label: str | None = None
    endpoint: str | None = None
    code: str | None = None
    url: str | None = None
    at: datetime | None = None
    until: datetime | None = None
    near: list[str] = field(default_factory=list)


def why(location: Location, typed: str) -> list[Answer]:
    """Why the invoice of this number (or HoopAI id, or number in Xero) is not in Xero; an answer for each that fits."""
    wanted = typed.strip().lstrip("#").strip()
    if not wanted:
        return []
    found = _fitting(location.id, wanted)
    return [of(location, invoice) for invoice in found] or [_never_heard(location, wanted)]


def of(location: Location, invoice: Invoice) -> Answer:
    """Why this invoice is not in Xero, or where it is."""
    connection = db.session.scalar(select(Connection).where(Connection.location_id == location.id))
    push = outbox.find(db.session(), location.id, Document.INVOICE, invoice.id, Operation.CREATE)
    link = xero_links.of_documents(connection, location.id, Document.INVOICE, [invoice.id]).get(invoice.id)
    if link is not None:
        return _there(location, invoice, connection, link)
    if push is None:
        return _no_push(invoice)
    if push.state == PushState.SENT:
        return _elsewhere(invoice, connection)
    if push.state in (PushState.SKIPPED, PushState.CANCELLED):
        return _left_out(location, invoice, push, connection)
    if push.state == PushState.BLOCKED:
        return _stopped(invoice, push)
    if push.state == PushState.WAITING:
        return _waits(invoice, push)
    return _on_its_way(invoice, push, connection)


def _fitting(location_id: int, wanted: str) -> Sequence[Invoice]:
    exact = (Invoice.number == wanted, Invoice.sent_number == wanted, Invoice.hoop_id == wanted)
    query = select(Invoice).where(Invoice.location_id == location_id)
    newest = Invoice.id.desc()
    found = db.session.scalars(query.where(or_(*exact)).order_by(newest).limit(MOST)).all()
    return (
        found
        or db.session.scalars(
            query.where(func.lower(Invoice.number) == wanted.lower()).order_by(newest).limit(MOST)
        ).all()
    )


def _there(location: Location, invoice: Invoice, connection: Connection | None, link: Link) -> Answer:
    url = xero_links.address(connection, link)
    status, number = link.xero_status or "", link.xero_number or invoice.number_sent
    if status in ENDED:
        ended = Answer(
            f"Invoice {number} was in Xero and is {words.IN_XERO[status].lower()} there.", invoice, url=url
        )
        ended.meaning = "Xero hides such invoices in most lists. Nothing is sent of it any more."
        return ended
    answer = Answer(
        f"Invoice {number} is in Xero: {words.IN_XERO.get(status, status or 'sent').lower()}.",
        invoice,
        url=url,
    )
    if status in words.FOR_APPROVAL:
        answer.meaning = "Look under Drafts or Awaiting approval there; somebody has to approve it."
        answer.owner = Owner.BOOKKEEPER
    elif open_one := _open_part(location.id, invoice):
        about = problems.advice(open_one.failure, open_one.cause) if open_one.failure else None
        what = words.DOCUMENTS[open_one.document].lower()
        said = open_one.message or (f"{about.title}." if about else "It is on its way.")
        part = f"Its {what}" if open_one.operation == Operation.CREATE else f"A change of the {what}"
        answer.meaning = f"{part} is not there yet: {said}"
        answer.owner = about.owner if about else Owner.NOBODY
    elif not link.ours:
        answer.meaning = "It was in Xero before and was linked; the portal never changes it."
    return answer


def _open_part(location_id: int, invoice: Invoice) -> Push | None:
    """Something of an invoice in Xero that is not: a change, or a payment."""
    ids = [payment.id for payment in invoice.payments]
    about = or_(
        (Push.document == Document.INVOICE) & (Push.document_id == invoice.id),
        (Push.document == Document.PAYMENT) & Push.document_id.in_(ids),
    )
    states = (PushState.BLOCKED, PushState.WAITING, PushState.QUEUED, PushState.SENDING)
    found = db.session.scalars(
        select(Push).where(Push.location_id == location_id, about, Push.state.in_(states))
    ).all()
    return min(found, key=lambda push: states.index(PushState(push.state)), default=None)


def _no_push(invoice: Invoice) -> Answer:
    if invoice.held or invoice.look_up_at is not None:
        return Answer(
            f"Invoice {invoice.number} waits until HoopAI has told the rest of it.", invoice,
            "The portal asks HoopAI for what the event left out; at most a few minutes.", Owner.NOBODY,
        )  # fmt: skip
    ended = words.IN_HOOPAI[invoice.status].lower()
    return Answer(
        f"Invoice {invoice.number} is {ended} in HoopAI, and nothing of it is to be sent.", invoice,
        "A change of it in HoopAI brings it here again.", Owner.YOU,
    )  # fmt: skip


def _elsewhere(invoice: Invoice, connection: Connection | None) -> Answer:
    now = connection.name if connection else "none"
    return Answer(
        f"Invoice {invoice.number} is in the Xero organisation that this location was connected to before.", invoice,
        f"The organisation of today is {now}. Nothing is made twice; change it there by hand.", Owner.BOOKKEEPER,
    )  # fmt: skip


def _left_out(location: Location, invoice: Invoice, push: Push, connection: Connection | None) -> Answer:
    said, name = push.message or "", f"Invoice {invoice.number}"
    if said in (following.BEFORE, following.UNCONNECTED, following.LEFT_BEHIND):
        day = f" of {_day(location, connection.cut_off)}" if connection else ""
        return Answer(
            f"{name} was created on {_day(location, invoice.created_at)}, before the cut-off{day}.", invoice,
            "Only later invoices are sent. An agency admin can move the cut-off back, or import it into Xero by file.",
            Owner.YOU, "Look at the cut-off", "cutoff.index",
        )  # fmt: skip
    if said == following.TEST_MODE:
        return Answer(
            f"{name} is a test-mode invoice.",
            invoice,
            "It never leaves HoopAI. Create it there in live mode.",
        )
    if said in following.TOO_EARLY.values():
        return Answer(
            f"{name} is {words.IN_HOOPAI[invoice.status].lower()} in HoopAI. {said}", invoice,
            "Sync options say from which status on invoices are sent.", Owner.YOU, "Sync options", "sync_options.index",
        )  # fmt: skip
    if said == following.VOIDED_FIRST or invoice.status.final:
        return Answer(
            f"{name} was voided or deleted in HoopAI before it was sent.", invoice, "So Xero never had it."
        )
    if push.settled_by_id and push.state == PushState.SKIPPED:
        return Answer(
            f"{name} is not sent: {said or 'a person decided so.'}", invoice,
            "Retry on its page takes that back.", Owner.YOU, at=push.updated_at,
        )  # fmt: skip
    return Answer(f"{name} is not sent: {said or 'that was decided by a rule.'}", invoice, at=push.updated_at)


def _day(location: Location, moment: datetime) -> str:
    return f"{moment.astimezone(clock.zone(location.timezone)):%-d %B %Y}"


def _stopped(invoice: Invoice, push: Push) -> Answer:
    advice = problems.advice(push.failure, push.cause)
    meaning = " ".join(filter(None, (advice.meaning, advice.fix)))
    sentence = f"Invoice {invoice.number} is stopped. {push.message or advice.title + '.'}"
    return Answer(
        sentence,
        invoice,
        meaning,
        advice.owner,
        advice.label,
        advice.endpoint,
        advice.code,
        at=push.updated_at,
    )


def _waits(invoice: Invoice, push: Push) -> Answer:
    advice = problems.advice(push.failure, push.cause)
    sentence = f"Invoice {invoice.number} waits. {push.message or advice.title + '.'}"
    if push.failure == Failure.UNSURE:
        sentence = (
            f"Invoice {invoice.number} may be in Xero: no answer came, and it is being looked up there."
        )
    return Answer(sentence, invoice, advice.meaning, Owner.NOBODY, until=push.next_try_at)


def _on_its_way(invoice: Invoice, push: Push, connection: Connection | None) -> Answer:
    name = f"Invoice {invoice.number}"
    if push.state == PushState.SENDING:
        return Answer(f"{name} is being sent at this moment.", invoice, "", Owner.NOBODY)
    if connection is None or connection.state != ConnectionState.CONNECTED:
        reason = (connection.reason if connection else None) or "Xero is not connected."
        return Answer(
            f"{name} waits for the connection to Xero. {reason}", invoice, "It goes out as soon as that is mended.",
            Owner.YOU, "Look at the connection", "connections.panel",
        )  # fmt: skip
    if steps := chains.behind(push):
        return _behind(invoice, push, steps)
    used = connection.day_used(clock.now())
    if used and push.updated_at <= used:
        return Answer(
            f"{name} waits: today's calls to Xero are used, but for a share that is kept for what people ask for.",
            invoice, "It goes by itself then. To send it before, choose Retry on its page.", Owner.NOBODY,
            until=connection.day_used_until,
        )  # fmt: skip
    if connection.rest_until and connection.rest_until > clock.now():
        return Answer(
            f"{name} waits: the connection to Xero rests after trouble there.", invoice,
            "It goes on by itself.", Owner.NOBODY, until=connection.rest_until,
        )  # fmt: skip
    if not heartbeats.alive("worker") and not heartbeats.alive("ticker"):
        return Answer(
            f"{name} waits: no worker of the portal is running.",
            invoice,
            "It goes out once one runs again.",
            Owner.US,
        )
    return Answer(
        f"{name} is on its way to Xero.", invoice, "Usually it is there within a minute.", Owner.NOBODY
    )


def _behind(invoice: Invoice, push: Push, steps: list[chains.Step]) -> Answer:
    last, chain = steps[-1].push, chains.sentence(push, steps)
    said = f"Invoice {invoice.number} is not sent yet. {chain}"
    if last is None or last.state != PushState.BLOCKED:
        return Answer(said, invoice, "It follows by itself.", Owner.NOBODY)
    advice = problems.advice(last.failure, last.cause)
    return Answer(
        said,
        invoice,
        last.message or advice.meaning,
        advice.owner,
        advice.label,
        advice.endpoint,
        advice.code,
    )


def _never_heard(location: Location, wanted: str) -> Answer:
    if event := _unused(location.id, wanted):
        return _of_event(event, wanted)
    source = db.session.scalar(select(Source).where(Source.location_id == location.id))
    answer = Answer(
        f"HoopAI has not told us of an invoice {wanted}.", owner=Owner.YOU, near=_near(location.id, wanted)
    )
    answer.label, answer.endpoint = "Look at the webhook", "sources.index"
    if source is None or source.last_delivery_at is None:
        answer.meaning = (
            "HoopAI has never delivered anything to this location's address. Set the webhook up there."
        )
    elif _catching_up(location.id):
        answer.meaning, answer.owner = (
            "A catch-up with HoopAI is running; ask again when it is done.",
            Owner.NOBODY,
        )
    elif source.readable:
        answer.meaning = (
            "Check the number. If it is right, its delivery was lost: Catch up now reads it from HoopAI."
        )
        answer.label = "Catch up with HoopAI"
    else:
        answer.meaning = (
            "Check the number. If it is right, its delivery was lost: save the invoice once more in HoopAI, or enter "
            "an API token so that lost ones are found."
        )
    return answer


def _unused(location_id: int, wanted: str) -> InboundEvent | None:
    """The newest delivery that speaks of this number and has not become an invoice."""
    recent = db.session.scalars(
        select(InboundEvent)
        .where(
            InboundEvent.location_id == location_id,
            InboundEvent.state.in_((*UNUSED, EventState.RECEIVED)),
            InboundEvent.received_at > clock.now() - RECENT,
        )
        .order_by(InboundEvent.id.desc())
        .limit(READ)
    )
    said = f'"{wanted}"'.encode()
    return next((event for event in recent if event.hoop_id == wanted or said in event.body), None)


def _of_event(event: InboundEvent, wanted: str) -> Answer:
    if event.state == EventState.RECEIVED:
        return Answer(
            f"HoopAI's event about {wanted} has arrived and is being read.", meaning="Ask again in a minute.",
            owner=Owner.NOBODY, at=event.received_at,
        )  # fmt: skip
    word = "set aside" if event.state == EventState.QUARANTINED else "not understood"
    return Answer(
        f"HoopAI told us of {wanted}, but that delivery was {word}. {event.reason or ''}".strip(),
        meaning="Nothing of it can be sent until HoopAI delivers it in a form that fits this location.",
        owner=Owner.YOU, label="Show the deliveries", endpoint="sources.index", at=event.received_at,
    )  # fmt: skip


def _near(location_id: int, wanted: str) -> list[str]:
    """Numbers that the person may have meant."""
    plain = wanted.replace("%", "").replace("_", "")
    if len(plain) < 2:
        return []
    query = select(Invoice.number).where(
        Invoice.location_id == location_id, Invoice.number.ilike(f"%{plain}%")
    )
    return [number for number in db.session.scalars(query.order_by(Invoice.id.desc()).limit(MOST)) if number]


def _catching_up(location_id: int) -> bool:
    running = select(CatchUp.id).where(
        CatchUp.location_id == location_id, CatchUp.state == CatchUpState.RUNNING
    )
    return db.session.scalar(running.limit(1)) is not None
