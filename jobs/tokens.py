"""Keeping sign-ins to Xero fresh."""

from portal.services import tokens


def refresh(authorisation_id: int) -> None:
    """Refresh an authorisation's tokens if they are due."""
    tokens.keep_fresh(authorisation_id)
