"""Telling other programs."""

from portal.services import delivering


def deliver(endpoint_id: int) -> None:
    """Deliver what is due for one address."""
    delivering.deliver(endpoint_id)
