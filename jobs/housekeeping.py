"""Looking after connections."""

from portal.services import approvals, housekeeping, retention


def facts(connection_id: int) -> None:
    """Fetch an organisation's facts, accounts and tax rates again."""
    housekeeping.facts(connection_id)


def examine(connection_id: int) -> None:
    """Ask Xero whether a connection still holds."""
    housekeeping.examine(connection_id)


def roll_call(authorisation_id: int) -> None:
    """Ask Xero which organisations a sign-in reaches."""
    housekeeping.roll_call(authorisation_id)


def withdraw(withdrawal_id: int) -> None:
    """Tell Xero what is no longer wanted."""
    housekeeping.withdraw(withdrawal_id)


def forget_choice(run_id: int) -> None:
    """Give back what was allowed and never chosen."""
    housekeeping.forget_choice(run_id)


def take_up(connection_id: int) -> None:
    """Queue the invoices that a moved cut-off lets in."""
    housekeeping.take_up(connection_id)


def forget() -> None:
    """Delete what has been kept long enough."""
    retention.forget()


def read_approvals(connection_id: int) -> None:
    """Ask Xero which drafts were approved whose payments wait."""
    approvals.read(connection_id)
