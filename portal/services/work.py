"""What one drain of one connection carries with it: lease, client, and how much it may still do."""

import time
from dataclasses import dataclass, field
from datetime import datetime

from portal import bell, clock
from portal.config import settings
from portal.extensions import db
from portal.models import Connection, ConnectionState
from portal.services import calling, leases, tokens
from portal.services.unit import release
from portal.xero.client import XeroClient
from portal.xero.limits import Share

MOST_CALLS = 10
MOST_TURNS = 8


@dataclass(slots=True)
class Work:
    """One worker's hold on one connection for a while.

    `since`: the day's calls are used but for the share of what people wait for, so only what was asked for after that
    moment goes; None while everything does.
    """

    connection_id: int
    fence: int
    tenant_id: str
    location_id: int
    authorisation_id: int
    since: datetime | None
    token: str = field(repr=False)
    client: XeroClient
    began: float = field(default_factory=time.monotonic)
    calls: int = 0
    renewed: bool = False
    stopped: bool = False
    books_changed: bool = False

    @classmethod
    def begin(cls, connection_id: int, fence: int) -> "Work | None":
        """Ready to write to Xero, or None when the connection is not live or rests. Raises ConnectAgain, NotNow."""
        row, moment = db.session.get_one(Connection, connection_id), clock.now()
        resting = row.rest_until is not None and row.rest_until > moment
        if row.state != ConnectionState.CONNECTED or resting:
            release()
            return None
        facts = (row.tenant_id, row.location_id, row.authorisation_id, row.day_used(moment))
        release()
        calling.reclaim(facts[0], connection_id, fence)
        token = tokens.access_token(facts[2])
        client = XeroClient(settings().xero_api_url, token, facts[0])
        return cls(connection_id, fence, *facts, token=token, client=client)

    @property
    def share(self) -> Share:
        """The share of the day that its writing calls are taken from."""
        return Share.BACKLOG if self.since is None else Share.PERSON

    @property
    def holder(self) -> str:
        """How this lease's permits begin."""
        return calling.holder(self.connection_id, self.fence)

    @property
    def spent(self) -> bool:
        """Whether it is time to give way: after a turn when anybody waits for a worker, after some in any case."""
        by_calls, by_time = (
            self.calls / MOST_CALLS,
            (time.monotonic() - self.began) / settings().timings.quantum,
        )
        turns = max(by_calls, by_time)
        return turns >= MOST_TURNS or (
            turns >= 1 and bell.anybody_waits("jobs.pushes.drain", self.connection_id)
        )

    @property
    def going(self) -> bool:
        """Whether to go on."""
        return not (self.stopped or self.spent)

    def renew_token(self, refused: str) -> bool:
        """Xero refused an access token: get another. False when the new one was refused as well."""
        if refused != self.token:
            return True
        if self.renewed:
            return False
        self.renewed = True
        self.token = tokens.renew(self.authorisation_id, self.token)
        self.client.renew(self.token)
        return True

    def keep_lease(self) -> None:
        """Hold the connection for another while. Raises LeaseLost."""
        leases.renew(self.connection_id, self.fence)
