"""Where a person is signed in: the devices, and ending what is not wanted; the password that all of them rest on."""

import re
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from portal import clock
from portal.errors import NotFoundHere
from portal.extensions import db
from portal.models import Session as SignIn
from portal.models import User
from portal.services import audit, users
from portal.services.unit import transaction

BROWSERS = (
    (r"Edg(e|A|iOS)?/", "Edge"),
    (r"OPR/|Opera", "Opera"),
    (r"SamsungBrowser/", "Samsung Internet"),
    (r"Firefox/|FxiOS/", "Firefox"),
    (r"Chrome/|CriOS/|Chromium/", "Chrome"),
    (r"Safari/", "Safari"),
)
SYSTEMS = (
    (r"iPhone|iPod", "an iPhone"),
    (r"iPad", "an iPad"),
    (r"Android", "Android"),
    (r"Windows", "Windows"),
    (r"CrOS", "a Chromebook"),
    (r"Macintosh|Mac OS X", "a Mac"),
    (r"Linux|X11", "Linux"),
)


@dataclass(frozen=True, slots=True)
class Device:
    """One signed-in browser in words."""

    number: int
    words: str
    address: str
    since: datetime
    seen_at: datetime
    mine: bool


def of(user_id: int, my_session_id: int) -> list[Device]:
    """Where somebody is signed in; this browser first, then the one used last."""
    rows = db.session.scalars(
        select(SignIn)
        .join(User, User.id == SignIn.user_id)
        .where(SignIn.user_id == user_id, *users.living())
        .order_by(SignIn.seen_at.desc(), SignIn.id.desc()),
        users.counted_at(clock.now()),
    )
    found = [
        Device(
            row.id,
            device(row.browser or ""),
            row.address or "",
            row.created_at,
            row.seen_at,
            row.id == my_session_id,
        )
        for row in rows
    ]
    return sorted(found, key=lambda each: not each.mine)


def end(user: User, session_id: int) -> None:
    """Sign out one of this person's own devices. Raises NotFoundHere."""
    with transaction() as session:
        row = session.scalar(
            select(SignIn).where(
                SignIn.id == session_id, SignIn.user_id == user.id, SignIn.ended_at.is_(None)
            )
        )
        if row is None:
            raise NotFoundHere("This device is signed out already.")
        row.ended_at = clock.now()
        audit.note(session, user, None, "users.end_sessions", device(row.browser or ""))


def end_others(user: User, my_session_id: int) -> int:
    """Sign out every device but this one; how many."""
    with transaction() as session:
        count = end_all(session, user, my_session_id)
        if count:
            audit.note(session, user, None, "users.end_sessions", f"{count} others")
    return count


def end_all(session: Session, user: User, keep: int | None = None) -> int:
    """End all sessions of somebody but the one to keep, in the caller's transaction; how many."""
    others = (SignIn.user_id == user.id) & SignIn.ended_at.is_(None) & (SignIn.id != (keep or 0))
    ids = session.scalars(update(SignIn).where(others).values(ended_at=clock.now()).returning(SignIn.id))
    return len(ids.all())


def device(agent: str) -> str:
    """What a browser calls itself, in words: `Firefox on Windows`."""
    browser = next((name for sign, name in BROWSERS if re.search(sign, agent)), "")
    system = next((name for sign, name in SYSTEMS if re.search(sign, agent)), "")
    return f"{browser or 'A browser'} on {system}" if system else browser or "An unknown program"
