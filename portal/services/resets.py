"""A new password for somebody who forgot theirs: by a link in a letter, once, within the hour."""

from datetime import timedelta

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from portal import clock
from portal.errors import NotFoundHere
from portal.extensions import db
from portal.mail import wording
from portal.models import PasswordReset, User
from portal.services import audit, keys, mailing, passwords, secrets, sign_ins, users
from portal.services.unit import release, transaction

LIFE = timedelta(hours=1)
MOST_AN_HOUR = 3
USED_UP = "This link does not work any more: it was used, or it is older than an hour. Ask for a new one."


def ask(email: str) -> None:
    """Write somebody the link, at most three an hour. Unknown addresses get none, and nobody can tell by the answer."""
    with transaction() as session:
        user = session.scalar(select(User).where(User.email == users.plain(email), User.active))
        key = keys.fresh()
        if user is None or _enough(session, user):
            _as_long_as_a_letter(key)
            return
        session.add(PasswordReset(user_id=user.id, key_hash=keys.kept(key), expires_at=clock.now() + LIFE))
        audit.note_operator(session, user.agency_id, None, "users.ask_reset", user.email)
        mailing.write(
            session,
            user.agency_id,
            user.email,
            "password_reset",
            "Choose a new password for the Xero portal",
            good_for=LIFE,
            name=user.name,
            link=_link(key),
        )


def behind(key: str) -> User:
    """Whose password this link's key may change. Raises NotFoundHere when it does not work any more."""
    found = db.session.scalar(select(PasswordReset).where(*_usable(key)))
    if found is None or not found.user.active:
        raise NotFoundHere(USED_UP)
    return found.user


def reset(key: str, password: str) -> None:
    """Set the new password and end all the person's sessions. Raises ChooseAgain, NotFoundHere."""
    passwords.check(password, behind(key).email)
    release()
    kept = passwords.hashed(password)
    with transaction() as session:
        found = session.scalar(select(PasswordReset).where(*_usable(key)).with_for_update())
        if found is None or not found.user.active:
            raise NotFoundHere(USED_UP)
        change(session, found.user, kept)
        audit.note(session, found.user, None, "users.reset_password")


def change(session: Session, user: User, kept: str, keep_session: int | None = None) -> None:
    """Give somebody this password hash: other sessions and open links end, and a letter says so."""
    user.password_hash = kept
    sign_ins.end_all(session, user, keep_session)
    unused = (PasswordReset.user_id == user.id) & PasswordReset.used_at.is_(None)
    session.execute(update(PasswordReset).where(unused).values(used_at=clock.now()))
    mailing.write(
        session, user.agency_id, user.email, "password_changed", "Your password was changed", name=user.name
    )


def _link(key: str) -> str:
    return mailing.address(f"/reset-password/{key}")


def _as_long_as_a_letter(key: str) -> None:
    """The work of a letter to nobody, so that the time of the answer does not tell who has an account."""
    text, html = wording.worded(
        "password_reset", subject="", portal="", unsubscribe=None, name="", link=_link(key)
    )
    secrets.seal(text + html, "mails:nobody")


def _usable(key: str) -> tuple[ColumnElement[bool], ...]:
    return (
        PasswordReset.key_hash == keys.kept(key),
        PasswordReset.used_at.is_(None),
        PasswordReset.expires_at > clock.now(),
    )


def _enough(session: Session, user: User) -> bool:
    lately = select(func.count()).where(
        PasswordReset.user_id == user.id, PasswordReset.created_at > clock.now() - timedelta(hours=1)
    )
    return (session.scalar(lately) or 0) >= MOST_AN_HOUR
