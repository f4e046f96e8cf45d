"""Comparing HoopAI's documents with Xero's books."""

from portal.services import reconciliation


def go_on(location_id: int) -> None:
    """Go on with the location's reconciliation."""
    reconciliation.go_on(location_id)
