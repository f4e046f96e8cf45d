"""What was said to Xero and what came back, kept word for word; secrets are never part of it."""

from typing import Any

from sqlalchemy.orm import Session

from portal import clock
from portal.models import Attempt, Batch, BatchState, Push
from portal.xero.client import Reply
from portal.xero.errors import XeroError
from portal.xero.replies import ElementResult

Pair = tuple[dict[str, Any], Push]


def note(
    session: Session,
    push: Push,
    batch: Batch,
    outcome: str,
    answer: Reply | XeroError,
    item: dict[str, Any],
    result: ElementResult | None = None,
) -> None:
    """Keep one push's part of an exchange: `outcome` is sent, refused, failed or unsure."""
    said = " ".join(result.messages) if result else str(answer) if outcome != "sent" else ""
    session.add(
        Attempt(
            push_id=push.id, batch_id=batch.id, outcome=outcome, message=said[:1000] or None,
            http_status=answer.status, duration_ms=answer.duration_ms, correlation_id=answer.correlation_id,
            idempotency_key=batch.idempotency_key, request=item["element"], answer=result.data if result else None,
        )
    )  # fmt: skip


def close(batch: Batch, outcome: str) -> None:
    """Nothing more will come of this batch."""
    batch.state, batch.closed_at, batch.outcome = BatchState.CLOSED, clock.now(), outcome[:200]
    batch.resolve_at = None
