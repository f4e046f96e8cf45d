"""What jobs do for a connection between pushes; whatever hinders it is tried again by the ticker."""

import logging

from portal.errors import ConnectAgain, NotNow
from portal.services import choosing, connections, cutoff, organisations, rollcall, withdrawing
from portal.xero.errors import AccessDenied, ScopeMissing, SignInExpired, XeroError

log = logging.getLogger(__name__)


def facts(connection_id: int) -> None:
    """Fetch an organisation's facts, accounts and tax rates; a refusal leads to an examination."""
    try:
        organisations.refresh(connection_id)
    except (SignInExpired, AccessDenied, ScopeMissing) as error:
        log.warning("housekeeping.refused", extra={"connection_id": connection_id, "error": repr(error)})
        examine(connection_id)
    except (ConnectAgain, NotNow, XeroError) as error:
        log.info("housekeeping.no_facts", extra={"connection_id": connection_id, "error": repr(error)})


def examine(connection_id: int) -> None:
    """Ask Xero whether a connection still holds, and mark it."""
    try:
        connections.examine(connection_id)
    except NotNow as error:
        log.info("housekeeping.not_known", extra={"connection_id": connection_id, "error": repr(error)})


def roll_call(authorisation_id: int) -> None:
    """Ask Xero which organisations a sign-in reaches, and mark its connections."""
    rollcall.call(authorisation_id)


def withdraw(withdrawal_id: int) -> None:
    """Tell Xero what is no longer wanted."""
    withdrawing.carry_out(withdrawal_id)


def forget_choice(run_id: int) -> None:
    """Nobody chose an organisation in time."""
    choosing.give_up(run_id)


def take_up(connection_id: int) -> None:
    """Queue the invoices that a moved cut-off lets in."""
    cutoff.take_up(connection_id)
