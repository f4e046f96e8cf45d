"""Errors named by what to do next. None of them carries a body or a token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from portal.xero.left import LimitsLeft


class XeroError(Exception):
    """Anything Xero, or the way to it, did not do. `message` is a sentence for a person."""

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        correlation_id: str | None = None,
        limits: LimitsLeft | None = None,
        duration_ms: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.correlation_id = correlation_id
        self.limits = limits or LimitsLeft()
        self.duration_ms = duration_ms

    def __repr__(self) -> str:
        facts = f"status={self.status}, correlation_id={self.correlation_id!r}"
        return f"{type(self).__name__}({self.message!r}, {facts})"


class NotSent(XeroError):
    """Not one byte left this machine. Safe to try again at any time."""


class NoAnswer(XeroError):
    """Bytes may have left and no usable answer came back: the outcome is unknown."""


class Busy(XeroError):
    """Xero refused before doing anything and wants us to come back later.

    `retry_after` is in seconds. `limit` is "minute", "day", "concurrent" or "appminute", None for a 503.
    """

    def __init__(
        self, message: str, *, retry_after: float | None = None, limit: str | None = None, **facts: Any
    ) -> None:
        super().__init__(message, **facts)
        self.retry_after = retry_after
        self.limit = limit


class DayLimitUsed(Busy):
    """The organisation's calls for today are used up; `retry_after` can be most of a day."""


class SignInExpired(XeroError):
    """The access token is no longer good. Refresh once, then look at the connections."""


class ScopeMissing(XeroError):
    """The sign-in lacks a permission this call needs. Reconnect to grant it."""


class AccessDenied(XeroError):
    """Xero refuses this app or this user in this organisation. `detail` is Xero's own short word for it."""

    def __init__(self, message: str, *, detail: str | None = None, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.detail = detail


class NotFound(XeroError):
    """There is no such thing in this organisation."""


class Rejected(XeroError):
    """Xero understood the request and will not do it as it stands.

    `messages` are all validation messages in it, `elements` the echoed documents (parsed, amounts as
    Decimal).
    """

    def __init__(
        self,
        message: str,
        *,
        error_number: int | None = None,
        type: str | None = None,
        messages: Sequence[str] = (),
        elements: Sequence[dict[str, Any]] = (),
        **facts: Any,
    ) -> None:
        super().__init__(message, **facts)
        self.error_number = error_number
        self.type = type
        self.messages = list(messages)
        self.elements = list(elements)

    @property
    def key_clash(self) -> bool:
        """Whether Xero said that the Idempotency-Key was used with another request."""
        return any("is used with a different request" in text.lower() for text in self.messages)


class GrantLost(XeroError):
    """invalid_grant: this sign-in is over for good. A person has to reconnect."""


class AppMisconfigured(XeroError):
    """The app's own client id, secret, redirect address or scopes are wrong. `error` is the OAuth word for
    it.
    """

    def __init__(self, message: str, *, error: str | None = None, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.error = error


class IdentityUnavailable(XeroError):
    """Xero's sign-in service is not answering. The refresh token stays usable for 30 minutes after a lost
    answer.
    """

    def __init__(self, message: str, *, retry_after: float | None = None, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.retry_after = retry_after
