"""Errors that a person may be shown, named by what to do next."""

from datetime import datetime


class PortalError(Exception):
    """A refusal with a sentence for a person; `str(error)` is that sentence."""


class SettingMissing(PortalError):
    """A setting is absent or malformed; the sentence names it and what is expected."""


class NotFoundHere(PortalError):
    """The thing does not exist for this person: absent and foreign look the same."""


class NotAllowed(PortalError):
    """The person may look but not do this."""


class ChooseAgain(PortalError):
    """What was typed or chosen cannot be used. `fields` maps a field's name to its sentence."""

    def __init__(self, sentence: str, fields: dict[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.fields = fields or {}


class ConnectAgain(PortalError):
    """The link to Xero cannot be used until somebody reconnects it."""


class LeaseLost(PortalError):
    """Another worker has taken over; whatever this one still wanted to write is refused."""


class NotNow(PortalError):
    """A step must wait until `retry_at` (aware UTC), or an unknown time. `reason` is a short constant word."""

    def __init__(self, sentence: str, retry_at: datetime | None = None, reason: str = "busy") -> None:
        super().__init__(sentence)
        self.retry_at = retry_at
        self.reason = reason
