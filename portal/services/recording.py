"""What came back, written down: every element of a batch lands on its own push, in one transaction."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import clock
from portal.config import settings
from portal.models import (
    Attempt,
    Batch,
    BatchState,
    Connection,
    Document,
    Failure,
    Invoice,
    Link,
    Operation,
    Payment,
    Push,
)
from portal.services import batching, connections, following, leases, linking, matching, outbox
from portal.services.sending import Outcome
from portal.services.unit import transaction
from portal.services.work import Work
from portal.xero import errors, messages, payloads, replies
from portal.xero.client import Reply

log = logging.getLogger(__name__)

Pair = tuple[dict[str, Any], Push]
UNSURE = "No answer came from Xero. It is looked up in Xero before anything is sent again."
MOST_LOOKS = 3
LOOK_FIRST = timedelta(seconds=2)
NAMES_TAKEN = {"XH001", "XH032", "XH033"}
TAKEN = "Xero has this already; checking whose it is."


def record(work: Work, batch_id: int, outcome: Outcome) -> None:
    """Settle a batch by its answer or its failure. Raises LeaseLost when another worker has taken over."""
    with transaction() as session:
        connection = leases.hold(session, work.connection_id, work.fence)
        batch = session.get_one(Batch, batch_id, populate_existing=True)
        if batch.state == BatchState.CLOSED:
            return
        pairs = [(item, session.get_one(Push, item["push"])) for item in batch.items]
        if isinstance(outcome, Reply):
            _answered(session, work, connection, batch, pairs, outcome)
        else:
            _failed(session, work, connection, batch, pairs, outcome)
    _after(work, outcome)


def _answered(
    session: Session, work: Work, connection: Connection, batch: Batch, pairs: list[Pair], reply: Reply
) -> None:
    found = list(match(pairs, replies.results(reply, batch.path)))
    if any(result is None for _, result in found):
        _unknown(session, batch, pairs, errors.NoAnswer("Xero's answer does not fit what was sent."))
        return
    for (item, push), result in zip(pairs, [result for _, result in found], strict=True):
        assert result is not None
        _note(session, push, batch, "sent" if result.ok else "refused", reply, item, result)
        if result.ok:
            landed(session, batch, item, push, result)
        else:
            _refused(push, result.messages)
    close(batch, f"{reply.status}")
    connection.last_success_at = clock.now()


def match(
    pairs: list[Pair], results: list[replies.ElementResult]
) -> Iterator[tuple[Pair, replies.ElementResult | None]]:
    """Each element's own result: by our number first at its place, then anywhere; None when there is none."""
    same_length = len(results) == len(pairs)
    for position, pair in enumerate(pairs):
        number = pair[0]["number"]
        here = results[position] if position < len(results) else None
        if here is not None and (_is(number, here) or (same_length and here.number is None)):
            yield pair, here
        else:
            yield pair, next((result for result in results if _is(number, result)), None)


def landed(
    session: Session, batch: Batch, item: dict[str, Any], push: Push, result: replies.ElementResult
) -> None:
    """It is in Xero: keep the link, say when Xero's total differs, and want what has changed meanwhile."""
    linking.put(
        session, batch.tenant_id, push.location_id, push.document, push.document_id, result.xero_id or "",
        number=result.number, status=result.status, total=result.total, content_hash=item.get("hash"),
    )  # fmt: skip
    outbox.sent(push, _difference(item.get("total"), result.total))
    if push.document == Document.CONTACT:
        matching.remember(session, batch.connection_id, replies.contact_facts([result.data]))
    if push.document == Document.INVOICE and push.operation != Operation.VOID:
        invoice = session.get_one(Invoice, push.document_id)
        if invoice.content_hash != item.get("hash") and not invoice.status.final:
            following.update(session, invoice)
        elif invoice.status.final:
            following.void(session, invoice)
    if push.document == Document.PAYMENT:
        _mark_paid(session, batch.tenant_id, push)


def close(batch: Batch, outcome: str) -> None:
    """Nothing more will come of this batch."""
    batch.state, batch.closed_at, batch.outcome = BatchState.CLOSED, clock.now(), outcome[:200]
    batch.resolve_at = None


def _failed(
    session: Session,
    work: Work,
    connection: Connection,
    batch: Batch,
    pairs: list[Pair],
    error: errors.XeroError,
) -> None:
    if isinstance(error, errors.NoAnswer) or _doubtful(batch, error):
        _unknown(session, batch, pairs, error)
        return
    for item, push in pairs:
        _note(session, push, batch, "failed", error, item, None)
    close(batch, type(error).__name__)
    if isinstance(error, errors.Rejected | errors.NotFound):
        _rejected(session, work, batch, pairs, error)
    elif isinstance(error, errors.Busy):
        _busy(connection, pairs, error)
    elif isinstance(error, errors.NotSent):
        for _, push in pairs:
            outbox.wait(push, Failure.BUSY, "Xero could not be reached; nothing was sent.")
    else:
        for _, push in pairs:
            outbox.requeue(push)


def _doubtful(batch: Batch, error: errors.XeroError) -> bool:
    """A 503 says that nothing was done; for payments, which Xero would take twice, that is looked up first."""
    return batch.document == Document.PAYMENT and isinstance(error, errors.Busy) and error.limit is None


def _unknown(session: Session, batch: Batch, pairs: list[Pair], error: errors.XeroError) -> None:
    timings, moment = settings().timings, clock.now()
    first, last = batch.first_sent_at or moment, batch.last_sent_at or moment
    again = resendable(batch) and moment < first + timedelta(seconds=timings.resend)
    batch.resolve_at = moment if again else last + timedelta(seconds=timings.quiet)
    batch.outcome = f"unknown: {type(error).__name__}"
    for item, push in pairs:
        _note(session, push, batch, "unsure", error, item, None)
        outbox.unsure(push, UNSURE, batch.resolve_at)


def resendable(batch: Batch) -> bool:
    """Whether the same bytes may go again under the same key at once: only what Xero itself keeps unique."""
    return batch.operation == Operation.CREATE and batch.document in (Document.CONTACT, Document.INVOICE)


def _busy(connection: Connection, pairs: list[Pair], error: errors.Busy) -> None:
    day = isinstance(error, errors.DayLimitUsed)
    until = clock.now() + timedelta(seconds=error.retry_after or (60 if error.limit is None else 5))
    words = "Today's calls to Xero are used up." if day else "Xero is busy."
    for _, push in pairs:
        outbox.wait(push, Failure.LIMIT if day else Failure.BUSY, words, until)
    connection.rest_until, connection.rest_reason = until, "day" if day else (error.limit or "busy")


def _rejected(
    session: Session, work: Work, batch: Batch, pairs: list[Pair], error: errors.Rejected | errors.NotFound
) -> None:
    if isinstance(error, errors.Rejected) and error.key_clash:
        for _, push in pairs:
            outbox.requeue(push)
    elif len(pairs) > 1:
        batching.split(session, batch, work.fence)
    else:
        said = tuple(error.messages) if isinstance(error, errors.Rejected) else ()
        _refused(pairs[0][1], said or (error.message,))


def _refused(push: Push, said: tuple[str, ...]) -> None:
    known = messages.explain_all(said)
    words = " ".join(said) or "Xero gave no reason."
    if known is not None and known.code in NAMES_TAKEN and push.operation == Operation.CREATE:
        _taken(push, words)
        return
    failure = Failure(known.kind) if known and known.kind in list(Failure) else Failure.REFUSED
    cause = f"{known.code if known else 'xero'}:{words}"
    explained = f"{known.sentence} {known.next_step} Xero said: {words}" if known else f"Xero said: {words}"
    outbox.block(push, failure, cause, explained)


def _taken(push: Push, words: str) -> None:
    """Number or name is used in Xero: find out by whom before anybody is asked."""
    if push.tries >= MOST_LOOKS:
        outbox.block(push, Failure.CONFLICT, f"{push.document}:{push.document_id}", f"Xero said: {words}")
    else:
        outbox.wait(push, Failure.UNSURE, TAKEN, clock.now() + LOOK_FIRST)


def _is(number: str, result: replies.ElementResult) -> bool:
    if number in (result.number, result.xero_id):
        return True
    return payloads.mark_in(result.number or "", number)


def _difference(expected: Decimal | None, total: Decimal | None) -> str | None:
    if expected is None or total is None or expected == total:
        return None
    return f"Sent, but Xero's total is {total:.2f} and HoopAI's is {expected:.2f}."


def _mark_paid(session: Session, tenant_id: str, push: Push) -> None:
    """Xero marks an invoice as paid once its payments make its total; so does our link to it."""
    invoice = linking.find(session, tenant_id, push.location_id, Document.INVOICE, push.parent_id or 0)
    if invoice is None or invoice.xero_total is None:
        return
    paid = session.scalar(
        select(func.sum(Link.xero_total))
        .join(Payment, Payment.id == Link.document_id)
        .where(
            Link.tenant_id == tenant_id,
            Link.document == Document.PAYMENT,
            Payment.invoice_id == push.parent_id,
        )
    )
    if paid is not None and paid >= invoice.xero_total:
        invoice.xero_status = "PAID"


def _note(
    session: Session,
    push: Push,
    batch: Batch,
    outcome: str,
    answer: Reply | errors.XeroError,
    item: dict[str, Any],
    result: replies.ElementResult | None,
) -> None:
    said = " ".join(result.messages) if result else str(answer) if outcome != "sent" else ""
    session.add(
        Attempt(
            push_id=push.id, batch_id=batch.id, outcome=outcome, message=said[:1000] or None,
            http_status=answer.status, duration_ms=answer.duration_ms, correlation_id=answer.correlation_id,
            idempotency_key=batch.idempotency_key, request=item["element"], answer=result.data if result else None,
        )
    )  # fmt: skip


def _after(work: Work, outcome: Outcome) -> None:
    if isinstance(outcome, errors.SignInExpired) and work.renew_token():
        return
    if isinstance(outcome, errors.SignInExpired | errors.AccessDenied | errors.ScopeMissing):
        connections.examine(work.connection_id)
        work.rest("denied", seconds=60)
    elif isinstance(outcome, errors.Busy | errors.NotSent):
        work.stopped = True
