"""What came back, written down: every element of a batch lands on its own push, in one transaction."""

import logging
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from portal import clock
from portal.errors import LeaseLost
from portal.models import Batch, BatchState, Connection, Push
from portal.services import attempts, failing, landing, leases, letters
from portal.services.sending import Outcome
from portal.services.unit import transaction
from portal.services.work import Work
from portal.xero import errors, payloads, replies
from portal.xero.client import Reply
from portal.xero.replies import ElementResult

log = logging.getLogger(__name__)


def record(work: Work, batch_id: int, outcome: Outcome) -> None:
    """Settle a batch by its answer or its failure. Raises LeaseLost when another worker has taken over.

    An error that nobody foresaw harms this batch alone: it counts as unknown, and its documents say so.
    """
    try:
        _record(work, batch_id, outcome)
    except (LeaseLost, SQLAlchemyError):
        raise
    except Exception:
        log.exception("recording.broken", extra={"batch": batch_id})
        failing.broken(work, batch_id)


def _record(work: Work, batch_id: int, outcome: Outcome) -> None:
    with transaction() as session:
        connection = leases.hold(session, work.connection_id, work.fence)
        batch = leases.batch(session, batch_id)
        if batch.state == BatchState.CLOSED:
            return
        if isinstance(outcome, Reply):
            _answered(session, work, connection, batch, outcome)
        else:
            failing.failed(session, work, connection, batch, outcome)


def _answered(session: Session, work: Work, connection: Connection, batch: Batch, reply: Reply) -> None:
    found = [
        (item, result)
        for item, result in match(
            batch.items, replies.results(reply, letters.collection(batch.document, batch.operation))
        )
        if result is not None
    ]
    if len(found) < len(batch.items):
        failing.unknown(session, batch, errors.NoAnswer("Xero's answer does not fit what was sent."))
        return
    attempts.note(
        session, batch, reply, [(item, "sent" if result.ok else "refused", result) for item, result in found]
    )
    landing.land(session, batch, [(item, result) for item, result in found if result.ok])
    for item, result in found:
        if not result.ok:
            failing.refused(session, work, session.get_one(Push, item["push"]), result.messages)
    attempts.close(batch, f"{reply.status}")
    connection.last_success_at, connection.stumbles = clock.now(), 0


def match(
    items: Sequence[dict[str, Any]], results: Sequence[ElementResult]
) -> Iterator[tuple[dict[str, Any], ElementResult | None]]:
    """Each element's own result: by our number first at its place, then anywhere; None when there is none."""
    same_length = len(results) == len(items)
    for position, item in enumerate(items):
        number = item["number"]
        here = results[position] if position < len(results) else None
        if here is not None and (_is(number, here) or (same_length and here.number is None)):
            yield item, here
        else:
            yield item, next((result for result in results if _is(number, result)), None)


def _is(number: str, result: ElementResult) -> bool:
    if number in (result.number, result.xero_id):
        return True
    return payloads.mark_in(result.number or "", number)
