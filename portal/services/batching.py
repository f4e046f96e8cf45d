"""Write ahead: what will be said to Xero is stored, byte for byte, before anything leaves."""

import logging
import secrets
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from portal.models import Batch, Connection, Document, Failure, Operation, Push
from portal.services import following, leases, letters, linking, outbox, writing
from portal.services.desk import Desk
from portal.services.letters import Letter
from portal.services.preflight import Blocked
from portal.services.unit import transaction
from portal.xero import payloads

log = logging.getLogger(__name__)

IN_FLIGHT = 5
BROKEN = "Something broke on our side while this was prepared. Nothing was sent."


def prepare(connection_id: int, fence: int, document: Document, operation: Operation) -> list[int]:
    """Turn what is due into at most five batches, in one transaction; their ids.

    What cannot go is blocked without a call, what Xero holds already is settled. Raises LeaseLost.
    """
    with transaction() as session:
        connection = leases.hold_live(session, connection_id, fence)
        most = payloads.MAX_ELEMENTS * IN_FLIGHT
        pushes = list(
            outbox.due(session, connection.location_id, connection.tenant_id, document, operation, most)
        )
        if not pushes:
            return []
        written = _write_all(Desk.lay(session, connection, pushes), pushes)
        return [_store(session, connection, fence, part).id for part in _packed(written)]


def split(session: Session, batch: Batch, fence: int) -> list[int]:
    """Replace a batch that Xero refused as a whole by its two halves, to find the element that spoils it."""
    half = len(batch.items) // 2
    parts = [batch.items[:half], batch.items[half:]]
    return [_store_items(session, batch, fence, part).id for part in parts if part]


def _write_all(desk: Desk, pushes: Sequence[Push]) -> list[Letter]:
    written = []
    for push in pushes:
        letter = _write_one(desk, push)
        if letter is not None:
            written.append(letter)
    return written


def _write_one(desk: Desk, push: Push) -> Letter | None:
    try:
        return writing.write(desk, push)
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


def _packed(written: Sequence[Letter]) -> Iterator[Sequence[Letter]]:
    rest = written
    while rest:
        many = letters.fitting(
            rest[0].push.document, rest[0].push.operation, [letter.element for letter in rest]
        )
        yield rest[:many]
        rest = rest[many:]


def _store(session: Session, connection: Connection, fence: int, part: Sequence[Letter]) -> Batch:
    push = part[0].push
    batch = _new(
        session, connection.id, connection.tenant_id, push.document, push.operation, fence,
        [letter.item() for letter in part],
    )  # fmt: skip
    for letter in part:
        outbox.sending(letter.push, batch)
    return batch


def _store_items(session: Session, whole: Batch, fence: int, items: list[dict[str, Any]]) -> Batch:
    batch = _new(session, whole.connection_id, whole.tenant_id, whole.document, whole.operation, fence, items)
    for item in items:
        outbox.sending(session.get_one(Push, item["push"]), batch)
    return batch


def _new(
    session: Session,
    connection_id: int,
    tenant_id: str,
    document: Document,
    operation: Operation,
    fence: int,
    items: list[dict[str, Any]],
) -> Batch:
    method, path = letters.route(document, operation, items)
    batch = Batch(
        connection_id=connection_id, tenant_id=tenant_id, document=document, operation=operation,
        method=method, path=path, items=items, fence=fence, idempotency_key=secrets.token_hex(32),
        body=letters.body(document, operation, items),
    )  # fmt: skip
    session.add(batch)
    session.flush()
    return batch
