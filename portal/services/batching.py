"""Write ahead: what will be said to Xero is stored, byte for byte, before anything leaves."""

import logging
import secrets
from collections.abc import Iterator, Sequence
from math import ceil
from typing import Any, NamedTuple

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from portal.models import Batch, Document, Failure, Operation, Push
from portal.services import following, leases, letters, linking, outbox, readiness, writing
from portal.services.desk import Desk
from portal.services.preflight import Blocked
from portal.services.readiness import Kind
from portal.services.unit import transaction
from portal.services.work import Work
from portal.xero import payloads

log = logging.getLogger(__name__)

Ready = tuple[dict[str, Any], bytes]
"""What a batch keeps of a letter, and its element as written."""

IN_FLIGHT = 5
MOST = payloads.MAX_ELEMENTS * IN_FLIGHT
BROKEN = "Something broke on our side while this was prepared. Nothing was sent."


class Prepared(NamedTuple):
    """A batch that is written down and has not left yet."""

    batch_id: int
    kind: Kind


def prepare(work: Work, document: Document, operation: Operation, *, in_the_air: bool) -> list[Prepared]:
    """Turn what is due into at most five batches, in one transaction.

    What cannot go is blocked without a call, what Xero holds already is settled. While other calls are in the air,
    a last batch that is not full stays unwritten if more will be due for it soon. Raises LeaseLost.
    """
    with transaction() as session:
        connection = leases.hold_live(session, work.connection_id, work.fence)
        pushes = readiness.due(
            session, connection.location_id, connection.tenant_id, document, operation, MOST, since=work.since
        )
        if not pushes:
            return []
        ready = _write_all(Desk.lay(session, connection, pushes), pushes)
        parts = list(_packed(document, operation, ready))
        if parts and (in_the_air or len(parts) > 1) and _waits(session, work, document, operation, parts[-1]):
            parts.pop()
        like = Batch(
            connection_id=connection.id, tenant_id=connection.tenant_id, document=document, operation=operation,
            fence=work.fence,
        )  # fmt: skip
        return [Prepared(_store(session, like, part), (document, operation)) for part in parts]


def _waits(
    session: Session, work: Work, document: Document, operation: Operation, part: Sequence[Ready]
) -> bool:
    """Whether waiting for what comes soon saves a call: together they fill no more batches than that does alone."""
    full = payloads.MAX_ELEMENTS
    if len(part) == full or (document, operation) in letters.ALONE:
        return False
    soon = readiness.coming(session, work.location_id, work.tenant_id, document, operation)
    return ceil((len(part) + soon) / full) <= ceil(soon / full)


def split(session: Session, batch: Batch, fence: int) -> list[int]:
    """Replace a batch that Xero refused as a whole by its two halves, to find the element that spoils it."""
    ready = [(item, text.encode()) for item, text in zip(batch.items, letters.said(batch), strict=True)]
    half = len(ready) // 2
    like = Batch(
        connection_id=batch.connection_id, tenant_id=batch.tenant_id, document=batch.document,
        operation=batch.operation, fence=fence,
    )  # fmt: skip
    return [_store(session, like, part) for part in (ready[:half], ready[half:]) if part]


def _write_all(desk: Desk, pushes: Sequence[Push]) -> list[Ready]:
    written = (_write_one(desk, push) for push in pushes)
    return [ready for ready in written if ready is not None]


def _write_one(desk: Desk, push: Push) -> Ready | None:
    try:
        letter = writing.write(desk, push)
        return letter.item(), payloads.written(letter.element)
    except Blocked as problem:
        outbox.block(push, problem.failure, problem.cause, str(problem))
    except letters.Matched as match:
        _link(desk, push, match.xero_id)
    except letters.NotYet:
        pass
    except letters.Later as reason:
        outbox.wait(push, Failure.BUSY, str(reason))
    except letters.LeftOut as reason:
        outbox.leave_out(desk.session, push, str(reason))
    except letters.Nothing:
        outbox.sent(push)
    except letters.Withdrawn:
        following.never_sent(desk.session, desk.invoices[push.document_id])
    except SQLAlchemyError:
        raise
    except Exception:
        log.exception("batching.broken", extra={"push": push.id})
        outbox.block(push, Failure.BUG, f"bug:{push.document}", BROKEN)
    return None


def _link(desk: Desk, push: Push, xero_id: str) -> None:
    linking.put(
        desk.session, desk.connection.tenant_id, push.location_id, push.document, push.document_id,
        xero_id, ours=False,
    )  # fmt: skip
    outbox.sent(push, "Matched with the contact that Xero already has.")


def _packed(document: Document, operation: Operation, ready: Sequence[Ready]) -> Iterator[Sequence[Ready]]:
    rest = ready
    while rest:
        many = letters.fitting(document, operation, [written for _, written in rest])
        yield rest[:many]
        rest = rest[many:]


def _store(session: Session, like: Batch, part: Sequence[Ready]) -> int:
    items = [item for item, _ in part]
    method, path = letters.route(like.document, like.operation, items)
    batch = Batch(
        connection_id=like.connection_id, tenant_id=like.tenant_id, document=like.document,
        operation=like.operation, fence=like.fence, method=method, path=path, items=items,
        idempotency_key=secrets.token_hex(32),
        body=letters.body(like.document, like.operation, [written for _, written in part]),
    )  # fmt: skip
    session.add(batch)
    session.flush()
    outbox.sending_all(session, [item["push"] for item in items], batch)
    return batch.id
