"""Every call to an organisation passes here: the quota grants it, Xero's headers correct the quota."""

import secrets
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from flask import current_app

from portal import bell, clock
from portal.errors import NotNow
from portal.services import clocks
from portal.xero.errors import Busy, NotSent, XeroError
from portal.xero.limits import LimitsLeft, LocalQuota, Quota, QuotaLeft, Refused, Share

T = TypeVar("T")
WORDS = {
    "minute": "Xero takes 60 calls a minute; this minute's are used.",
    "day": "Today's calls to Xero are used.",
    "slots": "Five calls to Xero are under way already.",
    "app": "All calls of this minute to Xero are used.",
    "blocked": "Xero asked us to wait.",
}


@dataclass(frozen=True, slots=True)
class Permit:
    """The right to make one call to one organisation."""

    quota: Quota | LocalQuota
    tenant_id: str
    token: str

    def use(self, letter: Callable[[], T]) -> T:
        """Make the call and give the slot back with what Xero's headers say is left. Errors pass through."""
        try:
            reply = letter()
        except NotSent:
            self.give_back()
            raise
        except Busy as error:
            self._release(error.limits, error if error.limit else None)
            raise
        except XeroError as error:
            self._release(error.limits)
            raise
        except BaseException:
            self._release()
            raise
        self._release(getattr(reply, "limits", None))
        return reply

    def give_back(self) -> None:
        """Return a permit that was not used for a call."""
        self._release(sent=False)

    def _release(
        self, left: LimitsLeft | None = None, throttled: Busy | None = None, *, sent: bool = True
    ) -> None:
        if left is not None and left.told_at is not None:
            clocks.note(left.told_at)
        with suppress(bell.Away):
            self.quota.release(self.tenant_id, self.token, left, throttled, sent=sent)


def reclaim(tenant_id: str, connection_id: int, fence: int) -> None:
    """Free the slots of calls that were made under older leases of this connection, whose workers are gone."""
    with suppress(bell.Away):
        Quota(bell.client()).reclaim(tenant_id, f"{connection_id}:", holder(connection_id, fence))


def holder(connection_id: int, fence: int) -> str:
    """How the permits of one lease begin."""
    return f"{connection_id}:{fence}:"


def permit(tenant_id: str, *, held_by: str = "", share: Share = Share.BACKLOG) -> Permit:
    """A permit for one call now out of this share of the day. Raises NotNow with the moment when one will be free."""
    token = held_by + secrets.token_hex(8)
    quota: Quota | LocalQuota = Quota(bell.client())
    try:
        answer = quota.acquire(tenant_id, token, share=share)
    except bell.Away:
        quota = _local()
        answer = quota.acquire(tenant_id, token, share=share)
    if isinstance(answer, Refused):
        when = clock.now() + timedelta(seconds=answer.wait_seconds)
        raise NotNow(WORDS.get(answer.reason, WORDS["blocked"]), when, reason=answer.reason)
    return Permit(quota, tenant_id, token)


def ask(tenant_id: str, letter: Callable[[], T], *, held_by: str = "", share: Share = Share.BACKLOG) -> T:
    """One call to an organisation, granted by the quota. Raises NotNow; errors of Xero pass through."""
    return permit(tenant_id, held_by=held_by, share=share).use(letter)


def left(tenant_id: str) -> QuotaLeft | None:
    """What is left of the organisation's quota, or None while nobody knows."""
    try:
        return Quota(bell.client()).left(tenant_id)
    except bell.Away:
        return None


def days_left(tenant_ids: Iterable[str]) -> dict[str, int]:
    """Calls left today by organisation, of those that anybody knows it of; nothing while Redis is away."""
    quota = Quota(bell.client())
    try:
        left = {each: quota.left(each).day for each in set(tenant_ids)}
    except bell.Away:
        return {}
    return {each: day for each, day in left.items() if day is not None}


def _local() -> LocalQuota:
    found: LocalQuota = current_app.extensions.setdefault("portal.local_quota", LocalQuota())
    return found
