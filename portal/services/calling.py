"""Every call to an organisation passes here: the quota grants it, Xero's headers correct the quota."""

import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from flask import current_app

from portal import bell, clock
from portal.errors import NotNow
from portal.xero.errors import Busy, XeroError
from portal.xero.limits import LimitsLeft, LocalQuota, Quota, QuotaLeft, Refused

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
        left, throttled = None, None
        try:
            reply = letter()
            left = getattr(reply, "limits", None)
            return reply
        except Busy as error:
            throttled = error if error.limit else None
            raise
        except XeroError as error:
            left = getattr(error, "limits", None)
            raise
        finally:
            self._give_back(left, throttled)

    def give_back(self) -> None:
        """Return a permit that was not used for a call."""
        self._give_back(None, None)

    def _give_back(self, left: LimitsLeft | None, throttled: Busy | None) -> None:
        with suppress(bell.Away):
            self.quota.release(self.tenant_id, self.token, left, throttled)


def permit(tenant_id: str) -> Permit:
    """A permit for one call now. Raises NotNow with the moment when one will be free."""
    token = secrets.token_hex(8)
    quota: Quota | LocalQuota = Quota(bell.client())
    try:
        answer = quota.acquire(tenant_id, token)
    except bell.Away:
        quota = _local()
        answer = quota.acquire(tenant_id, token)
    if isinstance(answer, Refused):
        when = clock.now() + timedelta(seconds=answer.wait_seconds)
        raise NotNow(WORDS.get(answer.reason, WORDS["blocked"]), when, reason=answer.reason)
    return Permit(quota, tenant_id, token)


def ask(tenant_id: str, letter: Callable[[], T]) -> T:
    """One call to an organisation, granted by the quota. Raises NotNow; errors of Xero pass through."""
    return permit(tenant_id).use(letter)


def left(tenant_id: str) -> QuotaLeft | None:
    """What is left of the organisation's quota, or None while nobody knows."""
    try:
        return Quota(bell.client()).left(tenant_id)
    except bell.Away:
        return None


def _local() -> LocalQuota:
    found: LocalQuota = current_app.extensions.setdefault("portal.local_quota", LocalQuota())
    return found
