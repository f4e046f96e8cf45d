"""What was said to Xero and what came back, kept word for word; secrets are never part of it."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table, insert
from sqlalchemy.orm import Session

from portal import clock
from portal.models import Attempt, Batch, BatchState
from portal.models.base import Written
from portal.services import letters
from portal.xero.client import Reply
from portal.xero.errors import XeroError
from portal.xero.replies import ElementResult

ATTEMPTS: Table = Attempt.metadata.tables["attempts"]
Item = dict[str, Any]
Told = tuple[Item, str, ElementResult | None]


def note(session: Session, batch: Batch, answer: Reply | XeroError, told: Sequence[Told]) -> None:
    """Keep each push's part of an exchange: its outcome is sent, refused, failed or unsure."""
    said = {item["push"]: text for item, text in zip(batch.items, letters.said(batch), strict=True)}
    common = {
        "batch_id": batch.id, "at": clock.now(), "idempotency_key": batch.idempotency_key,
        "http_status": answer.status, "duration_ms": answer.duration_ms, "correlation_id": answer.correlation_id,
    }  # fmt: skip
    rows = [
        {
            **common, "push_id": item["push"], "outcome": outcome, "message": _message(outcome, answer, result),
            "request": Written(said[item["push"]]), "answer": _words(result),
        }
        for item, outcome, result in told
    ]  # fmt: skip
    session.execute(insert(ATTEMPTS), rows)


def close(batch: Batch, outcome: str) -> None:
    """Nothing more will come of this batch."""
    batch.state, batch.closed_at, batch.outcome = BatchState.CLOSED, clock.now(), outcome[:200]
    batch.resolve_at = None


def _message(outcome: str, answer: Reply | XeroError, result: ElementResult | None) -> str | None:
    said = " ".join(result.messages) if result else str(answer) if outcome != "sent" else ""
    return said[:1000] or None


def _words(result: ElementResult | None) -> Any:
    if result is None:
        return None
    return result.data if result.text is None else Written(result.text)
