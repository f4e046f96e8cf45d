"""Telling people what needs them."""

from portal.services import notices


def look(location_id: int) -> None:
    """Begin and end the notices of a location, and write the letters that are due."""
    notices.look(location_id)
