"""Who listens at a webhook address: read from the database and kept in this process for two seconds."""

import time
from dataclasses import dataclass, field

from sqlalchemy import select

from portal.extensions import db
from portal.hoopai import signatures
from portal.hoopai.signatures import Headers, Scheme, Verdict
from portal.models import Location, Source
from portal.services import secrets

KEPT = 2.0
MOST = 10_000


@dataclass(slots=True)
class Listener:
    """All that is needed to judge a delivery. `marked` is when `last_delivery_at` was last written (monotonic)."""

    source_id: int
    location_id: int
    hoop_id: str
    scheme: str
    keys: list[str] = field(repr=False)
    public_key: str | None
    read_at: float
    marked: float = -KEPT

    def judge(self, body: bytes, headers: Headers) -> Verdict:
        """Whether the delivery is HoopAI's, on its raw bytes."""
        own = (
            {"ed25519_key" if self.scheme == Scheme.GHL else "rsa_key": self.public_key}
            if self.public_key
            else {}
        )
        try:
            return signatures.verify(self.scheme, self.keys, body, headers, **own)
        except ValueError:
            return Verdict(False, "bad-key")


_known: dict[str, Listener] = {}


def listener(token: str) -> Listener | None:
    """Who listens at this address; None for nobody. A change made elsewhere counts after two seconds."""
    found = _known.get(token)
    if found is not None and time.monotonic() - found.read_at < KEPT:
        return found
    fresh = _read(token)
    if fresh is None:
        _known.pop(token, None)
        return None
    if found is not None:
        fresh.marked = found.marked
    if len(_known) >= MOST:
        _known.clear()
    _known[token] = fresh
    return fresh


def forget(token: str) -> None:
    """The source was changed in this process."""
    _known.pop(token, None)


def _read(token: str) -> Listener | None:
    row = db.session.execute(
        select(Source, Location.hoop_id)
        .join(Location, Location.id == Source.location_id)
        .where(Source.hook_token == token)
    ).one_or_none()
    if row is None:
        return None
    source, hoop_id = row
    return Listener(
        source_id=source.id,
        location_id=source.location_id,
        hoop_id=hoop_id,
        scheme=source.scheme,
        keys=secrets.hook_secrets(source),
        public_key=source.public_key,
        read_at=time.monotonic(),
    )
