"""Keys with which other programs read or change one location over the API."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session, joinedload

from portal import clock
from portal.errors import ChooseAgain, NotFoundHere
from portal.extensions import db
from portal.models import ApiKey, Location, Role, User, UserLocation
from portal.services import audit
from portal.services.unit import transaction

SHAPE = re.compile(r"hoopxero_([a-z0-9]{12})_([A-Za-z0-9_-]{43})")
USED_EVERY = timedelta(minutes=1)
NOWHERE = "api.invalid"
LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"


@dataclass(frozen=True, slots=True)
class Made:
    """A new key; `secret` is the key itself and is nowhere else."""

    id: int
    name: str
    may_write: bool
    secret: str


def add(location: Location, name: str, *, may_write: bool, user: User | None = None) -> Made:
    """Make a key to this location; `user` is None for an operator. Raises ChooseAgain where the name does not do."""
    name = _named(name)
    prefix = "".join(secrets.choice(LETTERS) for _ in range(12))
    secret = f"hoopxero_{prefix}_{secrets.token_urlsafe(32)}"
    with transaction() as session:
        mine = (ApiKey.location_id == location.id, ApiKey.revoked_at.is_(None), ApiKey.name == name)
        if session.scalar(select(ApiKey.id).where(*mine)):
            raise ChooseAgain("There is a key of that name.", {"name": "Choose another name."})
        actor = _actor(session, location, name, prefix, may_write)
        key = ApiKey(
            location_id=location.id, actor_id=actor.id, name=name, prefix=prefix, key_hash=_hash(secret),
            may_write=may_write, made_by_id=user.id if user else None,
        )  # fmt: skip
        session.add(key)
        session.flush()
        _note(
            session,
            location,
            user,
            "api_keys.add",
            f"{name}, {'read and write' if may_write else 'read only'}",
        )
        return Made(key.id, name, may_write, secret)


def all_of(location_id: int) -> Sequence[ApiKey]:
    """The keys of a location, those that work first, the newest first."""
    found = db.session.scalars(
        select(ApiKey)
        .where(ApiKey.location_id == location_id)
        .options(joinedload(ApiKey.made_by), joinedload(ApiKey.revoked_by))
        .order_by(ApiKey.id.desc())
    ).all()
    return sorted(found, key=lambda key: not key.live)


def is_person() -> ColumnElement[bool]:
    """The condition that a user is somebody and not the actor of a key."""
    return User.id.not_in(select(ApiKey.actor_id))


def revoke(location_id: int, user: User, key_id: int) -> ApiKey:
    """End a key at once; ending it twice is no error. Raises NotFoundHere."""
    with transaction() as session:
        key = session.scalar(
            select(ApiKey).where(ApiKey.location_id == location_id, ApiKey.id == key_id).with_for_update()
        )
        if key is None:
            raise NotFoundHere("There is no such key here.")
        if key.live:
            key.revoked_at, key.revoked_by_id = clock.now(), user.id
            audit.note(session, user, location_id, "api_keys.revoke", key.name)
    return key


def opened_by(secret: str) -> ApiKey | None:
    """The living key that this is, with its location and actor; None for anything else."""
    shape = SHAPE.fullmatch(secret)
    if shape is None:
        return None
    key = db.session.scalar(
        select(ApiKey)
        .where(ApiKey.prefix == shape[1])
        .options(joinedload(ApiKey.location), joinedload(ApiKey.actor))
    )
    fits = hmac.compare_digest(key.key_hash if key else "", _hash(secret))
    if key is None or not fits or not key.live:
        return None
    _note_use(key)
    return key


def _note_use(key: ApiKey) -> None:
    """Keep when it was last used, once a minute at most."""
    moment = clock.now()
    if key.used_at is None or key.used_at < moment - USED_EVERY:
        with transaction() as session:
            session.execute(update(ApiKey).where(ApiKey.id == key.id).values(used_at=moment))


def _named(name: str) -> str:
    name = " ".join(name.split())
    if not 1 <= len(name) <= 100:
        raise ChooseAgain(
            "A key needs a name of 1 to 100 letters, such as the program that will use it.",
            {"name": "Enter a name of 1 to 100 letters."},
        )
    return name


def _actor(session: Session, location: Location, name: str, prefix: str, may_write: bool) -> User:
    """The user as whom the key acts: it has no password, is not active, and may enter this location alone."""
    actor = User(
        agency_id=location.agency_id, email=f"{prefix}@{NOWHERE}", name=f"API key {name}", password_hash=None,
        role=Role.ACCOUNT_ADMIN if may_write else Role.VIEWER, active=False,
    )  # fmt: skip
    session.add(actor)
    session.flush()
    session.add(UserLocation(user_id=actor.id, location_id=location.id))
    return actor


def _note(session: Session, location: Location, user: User | None, action: str, detail: str) -> None:
    if user is not None:
        audit.note(session, user, location.id, action, detail)
    else:
        audit.note_operator(session, location.agency_id, location.id, action, detail)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
