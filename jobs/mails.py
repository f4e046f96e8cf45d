"""Letters to people."""

from portal.services import mailing


def send() -> None:
    """Hand over the letters that are due."""
    mailing.send()
