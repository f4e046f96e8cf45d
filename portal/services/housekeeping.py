"""What jobs do for a connection between pushes; whatever hinders it is tried again by the ticker."""

import logging

from portal import bell
from portal.errors import ConnectAgain, NotNow
from portal.services import connections, organisations
from portal.xero.errors import AccessDenied, ScopeMissing, SignInExpired, XeroError

log = logging.getLogger(__name__)


def facts(connection_id: int) -> None:
    """Fetch an organisation's facts, accounts and tax rates; a refusal leads to an examination."""
    try:
        organisations.refresh(connection_id)
    except (SignInExpired, AccessDenied, ScopeMissing) as error:
        log.warning("housekeeping.refused", extra={"connection_id": connection_id, "error": repr(error)})
        bell.ring("jobs.housekeeping.examine", connection_id)
    except (ConnectAgain, NotNow, XeroError) as error:
        log.info("housekeeping.no_facts", extra={"connection_id": connection_id, "error": repr(error)})


def examine(connection_id: int) -> None:
    """Ask Xero whether a connection still holds, and mark it."""
    try:
        connections.examine(connection_id)
    except NotNow as error:
        log.info("housekeeping.not_known", extra={"connection_id": connection_id, "error": repr(error)})
