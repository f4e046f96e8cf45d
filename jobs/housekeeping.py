"""Looking after connections."""

from portal.services import housekeeping


def facts(connection_id: int) -> None:
    """Fetch an organisation's facts, accounts and tax rates again."""
    housekeeping.facts(connection_id)


def examine(connection_id: int) -> None:
    """Ask Xero whether a connection still holds."""
    housekeeping.examine(connection_id)
