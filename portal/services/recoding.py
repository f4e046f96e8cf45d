"""Re-coding: what Xero holds already is moved to the accounts of today's mapping, invoice by invoice, on record."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from portal import bell, clock
from portal.errors import ChooseAgain, NotFoundHere
from portal.extensions import db
from portal.models import (
    Document,
    Operation,
    Push,
    PushState,
    RecodedInvoice,
    Recoding,
    User,
)
from portal.services import audit, mapping_history, mappings, outbox, paging, sent_lines
from portal.services.paging import Page
from portal.services.preflight import Organisation
from portal.services.unit import transaction

MOVING = (PushState.QUEUED, PushState.SENDING, PushState.WAITING)
CANCELLED = "Called off before it was re-coded."


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a re-coding has come, in invoices."""

    total: int
    done: int
    going: int
    left_out: int
    refused: int
    cancelled: int

    @property
    def percent(self) -> int:
        """How much of it is settled, 0 to 100."""
        return 100 * (self.total - self.going) // self.total if self.total else 100


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one invoice: its state as pushes have them, and a sentence where there is something to say."""

    number: str
    hoop_id: str
    state: PushState
    message: str
    at: datetime | None


def start(location_id: int, user: User, save_id: int) -> int:
    """Re-code the invoices that a save of the mapping concerns; the re-coding's id. Raises ChooseAgain, NotFoundHere.

    What lies in a locked period is left out at once and listed. Nothing else of an invoice is changed.
    """
    with transaction() as session:
        connection = outbox.guard(session, location_id)
        save = mapping_history.one(location_id, save_id)
        if connection is None:
            raise ChooseAgain("This location is not connected to Xero.")
        after = mappings.book(location_id)
        before = after.with_choices(mapping_history.before(save))
        found = sent_lines.concerned(session, connection, before, after)
        if not found:
            raise ChooseAgain("No invoice in Xero is concerned by this change any more.")
        recoding = Recoding(
            location_id=location_id, tenant_id=connection.tenant_id, save_id=save.id, user_id=user.id
        )
        session.add(recoding)
        session.flush()
        organisation = Organisation.of(connection.organisation)
        for each in found:
            locked = organisation.lock_of(each.day)
            _take_up(session, recoding, each.invoice_id, locked)
        audit.note(session, user, location_id, "mappings.recode", f"{len(found)} invoices, save {save.id}")
        connection_id, recoding_id = connection.id, recoding.id
    bell.ring("jobs.pushes.drain", connection_id)
    return recoding_id


def cancel(location_id: int, user: User, recoding_id: int) -> int:
    """Call off what has not been sent yet; how many invoices. Raises NotFoundHere."""
    with transaction() as session:
        outbox.guard(session, location_id)
        recoding = one(location_id, recoding_id)
        recoding.cancelled_at = clock.now()
        pushes = session.scalars(
            select(Push)
            .join(RecodedInvoice, RecodedInvoice.push_id == Push.id)
            .where(
                RecodedInvoice.recoding_id == recoding.id,
                RecodedInvoice.outcome.is_(None),
                Push.state.in_(outbox.OPEN),
                Push.batch_id.is_(None),
            )
        ).all()
        for push in pushes:
            outbox.cancel(push, CANCELLED, user)
        audit.note(session, user, location_id, "mappings.recode_cancel", f"{len(pushes)} invoices")
    return len(pushes)


def one(location_id: int, recoding_id: int) -> Recoding:
    """A re-coding of this location. Raises NotFoundHere."""
    found = db.session.get(Recoding, recoding_id)
    if found is None or found.location_id != location_id:
        raise NotFoundHere("There is no such re-coding here.")
    return found


def latest(location_id: int, save_ids: Sequence[int]) -> dict[int, int]:
    """The newest re-coding of each of these saves."""
    rows = db.session.execute(
        select(Recoding.save_id, func.max(Recoding.id))
        .where(Recoding.location_id == location_id, Recoding.save_id.in_(list(save_ids)))
        .group_by(Recoding.save_id)
    )
    return {save_id: recoding_id for save_id, recoding_id in rows}


def progress(recoding: Recoding) -> Progress:
    """How far it has come."""
    state = func.coalesce(RecodedInvoice.outcome, Push.state)
    rows = db.session.execute(
        select(state, func.count())
        .outerjoin(Push, Push.id == RecodedInvoice.push_id)
        .where(RecodedInvoice.recoding_id == recoding.id)
        .group_by(state)
    )
    counts = {PushState(word): count for word, count in rows}
    return Progress(
        total=sum(counts.values()),
        done=counts.get(PushState.SENT, 0),
        going=sum(counts.get(each, 0) for each in MOVING),
        left_out=counts.get(PushState.SKIPPED, 0),
        refused=counts.get(PushState.BLOCKED, 0),
        cancelled=counts.get(PushState.CANCELLED, 0),
    )


def results(recoding: Recoding, number: int = 1) -> Page[Row]:
    """What became of each invoice, those that need somebody first."""
    return paging.cut(all_results(recoding), number)


def all_results(recoding: Recoding) -> list[Row]:
    """The same without pages."""
    items = db.session.scalars(
        select(RecodedInvoice)
        .where(RecodedInvoice.recoding_id == recoding.id)
        .options(joinedload(RecodedInvoice.invoice), joinedload(RecodedInvoice.push))
    ).all()
    order = (PushState.BLOCKED, PushState.SKIPPED, *MOVING, PushState.CANCELLED, PushState.SENT)
    return sorted(map(_row, items), key=lambda row: (order.index(row.state), row.number))


def _row(item: RecodedInvoice) -> Row:
    push = item.push
    state = item.outcome or (push.state if push else PushState.SKIPPED)
    message = item.message or (push.message if push and item.outcome is None else None) or ""
    at = push.settled_at if push and item.outcome is None else None
    return Row(item.invoice.number, item.invoice.hoop_id, PushState(state), message, at)


def _take_up(session: Session, recoding: Recoding, invoice_id: int, locked: str | None) -> None:
    item = RecodedInvoice(recoding_id=recoding.id, invoice_id=invoice_id)
    if locked:
        item.outcome, item.message = PushState.SKIPPED, locked
    else:
        _keep_older(session, recoding.location_id, invoice_id)
        push = outbox.want(
            session, recoding.location_id, Document.INVOICE, invoice_id, Operation.RECODE,
            parent=(Document.INVOICE, invoice_id),
        )  # fmt: skip
        item.push_id = push.id
    session.add(item)


def _keep_older(session: Session, location_id: int, invoice_id: int) -> None:
    """An older re-coding of the invoice keeps what became of it, before its push is used anew."""
    push = outbox.find(session, location_id, Document.INVOICE, invoice_id, Operation.RECODE)
    if push is None:
        return
    for item in session.scalars(
        select(RecodedInvoice).where(RecodedInvoice.push_id == push.id, RecodedInvoice.outcome.is_(None))
    ):
        item.outcome, item.message = push.state, push.message
        if push.state in outbox.OPEN:
            item.outcome, item.message = PushState.CANCELLED, "A later re-coding took its place."
    session.flush()
