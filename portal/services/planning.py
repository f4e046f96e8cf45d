"""What goes next over a connection: in order, parents first, in full batches, written ahead of the moment it leaves.

Calls are the scarce thing. So a batch that is not full leaves only if waiting for the rest would save no call, or if
nothing is in the air that the rest could come from.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache

from sqlalchemy import Select, bindparam, select

from portal import failpoints
from portal.extensions import db
from portal.models import Batch, BatchState, Document, Operation, Push
from portal.services import batching, failing, matching, outbox, readiness, reading_back
from portal.services.batching import Prepared
from portal.services.readiness import Kind
from portal.services.sending import Flight
from portal.services.unit import release
from portal.services.work import Work
from portal.xero import payloads

NEW_CONTACT: Kind = (Document.CONTACT, Operation.CREATE)
ORDER: tuple[Kind, ...] = (
    NEW_CONTACT,
    (Document.CONTACT, Operation.UPDATE),
    (Document.INVOICE, Operation.CREATE),
    (Document.INVOICE, Operation.UPDATE),
    (Document.INVOICE, Operation.RECODE),
    (Document.PAYMENT, Operation.VOID),
    (Document.PAYMENT, Operation.CREATE),
    (Document.PAYMENT, Operation.OVERPAY),
    (Document.CREDIT_NOTE, Operation.CREATE),
    (Document.REFUND, Operation.CREATE),
    (Document.INVOICE, Operation.VOID),
)
DEEPEST: tuple[Kind, ...] = ((Document.PAYMENT, Operation.CREATE), (Document.INVOICE, Operation.CREATE))
CHAIN: frozenset[Kind] = frozenset(
    (document, Operation.CREATE) for document in (Document.CONTACT, Document.INVOICE, Document.PAYMENT)
)
"""These may be in the air together: each waits for its own parent only. Everything else flies among its like."""


@dataclass(slots=True)
class Plan:
    """The batches that are written and have not left yet, and how the next ones are chosen.

    `wanted` are the kinds of which something is wanted, as seen at the start or when something landed last;
    `fruitless` those of them that have been tried in vain since.
    """

    work: Work
    written: deque[Prepared] = field(default_factory=deque)
    fruitless: set[Kind] = field(default_factory=set)
    knows_contacts: bool = False
    wanted: set[Kind] | None = None

    def write(self, flight: Flight) -> None:
        """Write what goes next, at most five batches of one kind; nothing when something has to land first.

        Raises NotNow, LeaseLost and Xero's errors.
        """
        try:
            self._write(flight)
        finally:
            release()

    def _write(self, flight: Flight) -> None:
        if self.wanted is None:
            self._look()
        for kind in () if self.written else self._due():
            if not _goes_with(kind, flight.kinds) or (self._reads_first(kind) and not flight.room):
                return
            self._learn(kind)
            self.written.extend(batching.prepare(self.work, *kind, in_the_air=flight.aloft > 0))
            if self.written:
                failpoints.here("after_prepare")
                return
            self.fruitless.add(kind)

    def look_again(self) -> None:
        """Something has landed: what could not go before may go now, and what was refused as a whole was halved."""
        self.fruitless.clear()
        self.wanted = None

    def _look(self) -> None:
        """What is written already, and what is wanted besides."""
        self.written.extend(_left_prepared(self.work))
        self.wanted = readiness.kinds_wanted(db.session(), self.work.location_id, ORDER, self.work.since)

    def _due(self) -> Iterator[Kind]:
        """The kinds of which something may go now, in order.

        While there are new contacts a full batch of what follows them goes first: it costs no call more, and the
        invoices of a backlog, a single new one among them, do not wait for its last contact.
        """
        work, session = self.work, db.session()
        there = (self.wanted or set()) - self.fruitless
        for kind in DEEPEST if NEW_CONTACT in there else ():
            if kind in there and readiness.fills(
                session, work.location_id, work.tenant_id, *kind, payloads.MAX_ELEMENTS
            ):
                yield kind
        for kind in ORDER:
            if kind in there and readiness.any_due(
                session, work.location_id, work.tenant_id, *kind, since=work.since
            ):
                yield kind

    def _reads_first(self, kind: Kind) -> bool:
        return _is_change(kind) or (kind == NEW_CONTACT and not self.knows_contacts)

    def _learn(self, kind: Kind) -> None:
        """Read in Xero what has to be known before letters of this kind are written."""
        release()
        if kind == NEW_CONTACT and not self.knows_contacts:
            know_contacts(self.work, force=_clashed(self.work))
            self.knows_contacts = True
        if _is_change(kind):
            reading_back.read(self.work, kind[1])


def know_contacts(work: Work, *, force: bool = False) -> None:
    """Bring the directory of the organisation's contacts up to date, if it is not fresh."""
    work.calls += matching.refresh(work.client, work.connection_id, work.fence, share=work.share, force=force)


def _left_prepared(work: Work) -> list[Prepared]:
    """Batches that are written and have not left: of a drain before, or the halves of one that was refused."""
    here = {"connection_id": work.connection_id, "tenant_id": work.tenant_id}
    found = db.session.execute(_prepared(), here)
    return [Prepared(batch_id, (document, operation)) for batch_id, document, operation in found]


@cache
def _prepared() -> Select[*tuple[int, Document, Operation]]:
    return (
        select(Batch.id, Batch.document, Batch.operation)
        .where(
            Batch.connection_id == bindparam("connection_id"),
            Batch.state == BatchState.PREPARED,
            Batch.tenant_id == bindparam("tenant_id"),
        )
        .order_by(Batch.id)
    )


def _goes_with(kind: Kind, others: Iterable[Kind]) -> bool:
    return {kind, *others} <= CHAIN or {kind, *others} == {kind}


def _is_change(kind: Kind) -> bool:
    return kind[0] == Document.INVOICE and kind[1] in reading_back.CHANGES


def _clashed(work: Work) -> bool:
    """Whether Xero has said that it knows a contact which the directory does not."""
    found = db.session.scalar(
        select(Push.id)
        .where(
            Push.location_id == work.location_id,
            Push.document == Document.CONTACT,
            Push.state.in_(outbox.OPEN),
            Push.message == failing.TAKEN,
        )
        .limit(1)
    )
    release()
    return found is not None
