"""Writes of programs that are said twice: the same Idempotency-Key gets the same answer for a day."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.exc import IntegrityError

from portal import clock
from portal.errors import PortalError
from portal.models import ApiRequest
from portal.services.unit import transaction

KEPT = timedelta(hours=24)
UNDER_WAY = timedelta(minutes=2)


class UsedBefore(PortalError):
    """The key came with another request before."""


class StillRunning(PortalError):
    """The first request of this key has not ended yet."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A write that may go on; or, with `status`, one that has been done, and its answer."""

    row_id: int
    status: int | None = None
    answer: str = ""


def begin(api_key_id: int, key: str, fingerprint: str) -> Begun:
    """Claim this key for this request, or find its kept answer. Raises UsedBefore, StillRunning.

    One whose process died is let through again after two minutes.
    """
    try:
        return _begin(api_key_id, key, fingerprint)
    except IntegrityError:
        raise StillRunning("Another request with this key has just begun. Try again in a moment.") from None


def end(begun: Begun, status: int, answer: str) -> None:
    """Keep the answer of a write."""
    with transaction() as session:
        row = session.get(ApiRequest, begun.row_id)
        if row is not None:
            row.status, row.answer = status, answer


def drop(begun: Begun) -> None:
    """Nothing was done: the same key may try again."""
    with transaction() as session:
        session.execute(delete(ApiRequest).where(ApiRequest.id == begun.row_id, ApiRequest.status.is_(None)))


def outlived(moment: datetime) -> ColumnElement[bool]:
    """The condition that an answer need not be kept any longer."""
    return ApiRequest.at < moment - KEPT


def _begin(api_key_id: int, key: str, fingerprint: str) -> Begun:
    moment = clock.now()
    with transaction() as session:
        mine = (ApiRequest.api_key_id == api_key_id, ApiRequest.idempotency_key == key)
        session.execute(delete(ApiRequest).where(*mine, outlived(moment)))
        row = session.scalar(select(ApiRequest).where(*mine).with_for_update())
        if row is None:
            row = ApiRequest(api_key_id=api_key_id, idempotency_key=key, fingerprint=fingerprint)
            session.add(row)
            session.flush()
            return Begun(row.id)
        if row.fingerprint != fingerprint:
            raise UsedBefore("This Idempotency-Key came with another request before. Use a new one.")
        if row.status is None and row.at > moment - UNDER_WAY:
            raise StillRunning("The first request with this key has not ended yet. Try again in a moment.")
        if row.status is None:
            row.at = moment
            return Begun(row.id)
        return Begun(row.id, row.status, row.answer or "")
