"""A location's link to HoopAI: the address its webhooks come to and the secret they are signed with."""

import secrets as random

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.config import settings
from portal.extensions import db
from portal.models import Location, Source, User
from portal.services import audit, secrets
from portal.services.unit import transaction


def of(location_id: int) -> Source | None:
    """The location's source."""
    return db.session.scalar(select(Source).where(Source.location_id == location_id))


def webhook_url(source: Source) -> str:
    """The address to enter in HoopAI; its token names the source and cannot be guessed (256 bit)."""
    return f"{settings().base_url}/hooks/hoopai/{source.hook_token}"


def secret(source: Source) -> str:
    """The secret that HoopAI signs its deliveries with."""
    return secrets.open(source.secret_sealed, secrets.row_of(source, "secret_sealed"))


def create(session: Session, location: Location) -> Source:
    """Give a new location its source, in the transaction that makes the location."""
    source = Source(location_id=location.id, hook_token=random.token_urlsafe(32), secret_sealed="")
    _new_secret(source)
    session.add(source)
    session.flush()
    return source


def rotate(location_id: int, user: User) -> str:
    """Make a new secret and answer it; deliveries signed with the old one are refused from now on."""
    with transaction() as session:
        source = session.scalars(select(Source).where(Source.location_id == location_id)).one()
        made = _new_secret(source)
        audit.note(session, user, location_id, "sources.rotate")
    return made


def _new_secret(source: Source) -> str:
    made = random.token_urlsafe(32)
    source.secret_sealed = secrets.seal(made, secrets.row_of(source, "secret_sealed"))
    return made
