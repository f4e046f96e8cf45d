"""Errors of the look-ups at HoopAI, named by what to do next. None carries a body or a token."""

from __future__ import annotations


class HoopError(Exception):
    """HoopAI did not do what was asked. `status` is None if no answer came."""

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.status = status

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.message!r}, status={self.status})"


class HoopUnavailable(HoopError):
    """Try again later; `retry_after` in seconds if HoopAI said when."""

    def __init__(self, message: str, *, status: int | None = None, retry_after: float | None = None) -> None:
        super().__init__(message, status=status)
        self.retry_after = retry_after


class HoopTokenRefused(HoopError):
    """The API token is wrong, has run out, or lacks a scope: a person makes a new one."""


class HoopNotFound(HoopError):
    """HoopAI has no such thing in this location."""


class HoopRefused(HoopError):
    """HoopAI does not accept the request as it stands: a mistake of ours."""
