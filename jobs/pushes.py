"""Carry a connection's due pushes (contacts, invoices, payments) to Xero."""

from portal.services import draining


def drain(connection_id: int) -> None:
    """Drain one connection."""
    draining.drain(connection_id)
