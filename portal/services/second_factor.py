"""The second factor: codes of an authenticator app, each taken once, and ten codes for when it is gone."""

import base64
import secrets as randomness
from dataclasses import dataclass
from datetime import datetime

import pyotp
import segno
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from portal import clock
from portal.errors import ChooseAgain
from portal.extensions import db
from portal.models import RecoveryCode, SecondFactor, User
from portal.services import audit, keys, passwords, secrets
from portal.services.unit import release, transaction

STEP = 30
COUNT = 10
ISSUER = "HoopAI to Xero"
REFUSED = "This code is not the one, or it was used already. Wait for the next one and type that."
NOT_YOURS = "This is not your present password."


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether somebody has a second factor, since when, and how many recovery codes are left."""

    since: datetime | None
    codes_left: int

    @property
    def on(self) -> bool:
        """Whether it is asked for when they sign in."""
        return self.since is not None


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What an authenticator app needs: a picture to photograph (SVG), or the secret to type."""

    picture: str
    secret: str


def standing(user_id: int) -> Standing:
    """How somebody's second factor stands."""
    since = db.session.scalar(select(SecondFactor.confirmed_at).where(SecondFactor.user_id == user_id))
    left = select(func.count()).where(RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None))
    return Standing(since, db.session.scalar(left) or 0)


def is_on(user_id: int) -> bool:
    """Whether this person's second factor is asked for."""
    confirmed = (SecondFactor.user_id == user_id) & SecondFactor.confirmed_at.is_not(None)
    return db.session.scalar(select(SecondFactor.id).where(confirmed)) is not None


def people_with(agency_id: int) -> set[int]:
    """Everybody of an agency who has one."""
    found = select(SecondFactor.user_id).join(User, User.id == SecondFactor.user_id)
    return set(
        db.session.scalars(found.where(User.agency_id == agency_id, SecondFactor.confirmed_at.is_not(None)))
    )


def start(user: User) -> None:
    """Make a secret; it counts once a code of it was typed. Raises ChooseAgain when one counts already."""
    with transaction() as session:
        row = _of(session, user.id)
        if row is not None and row.confirmed_at:
            raise ChooseAgain("Your second factor is on already.")
        row = row or SecondFactor(user_id=user.id)
        row.secret_sealed, row.last_step = secrets.seal(pyotp.random_base32(), row.row), 0
        session.add(row)


def enrolment(user: User) -> Enrolment | None:
    """What the app needs while it is being set up; None before and after."""
    row = _of(db.session(), user.id)
    if row is None or row.confirmed_at:
        return None
    secret = _secret(row)
    address = pyotp.TOTP(secret, issuer=ISSUER, name=user.email).provisioning_uri()
    picture = segno.make(address, error="m").svg_inline(border=4, omitsize=True, light="#fff", dark="#000")
    return Enrolment(picture, " ".join(secret[place : place + 4] for place in range(0, len(secret), 4)))


def confirm(user: User, code: str) -> list[str]:
    """Switch it on with the first code; the recovery codes, which are shown only now. Raises ChooseAgain."""
    with transaction() as session:
        row = _of(session, user.id, lock=True)
        if row is None or row.confirmed_at:
            raise ChooseAgain("Set it up from the beginning.")
        if not _takes(row, code):
            raise ChooseAgain(REFUSED, {"code": REFUSED})
        row.confirmed_at = clock.now()
        audit.note(session, user, None, "users.second_factor_on")
        return _fresh_codes(session, user)


def new_codes(user: User, code: str) -> list[str]:
    """Ten new recovery codes instead of those there are. Raises ChooseAgain."""
    codes: list[str] = []
    with transaction() as session:
        fits = accept(session, user, code)
        if fits:
            codes = _fresh_codes(session, user)
            audit.note(session, user, None, "users.recovery_codes")
    if not fits:
        raise ChooseAgain(REFUSED, {"code": REFUSED})
    return codes


def switch_off(user: User, password: str, code: str) -> None:
    """Ask for no second factor any more; password and a code say that it is they. Raises ChooseAgain at the field."""
    user_id, kept = user.id, user.password_hash
    release()
    if not passwords.matches(kept, password):
        raise ChooseAgain(NOT_YOURS, {"present": NOT_YOURS})
    with transaction() as session:
        owner = session.get_one(User, user_id)
        fits = accept(session, owner, code)
        if fits:
            forget(session, owner)
            audit.note(session, owner, None, "users.second_factor_off")
    if not fits:
        raise ChooseAgain(REFUSED, {"code": REFUSED})


def forget(session: Session, user: User) -> None:
    """Drop somebody's secret and recovery codes, in the caller's transaction."""
    session.execute(delete(SecondFactor).where(SecondFactor.user_id == user.id))
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))


def accept(session: Session, user: User, code: str) -> bool:
    """Whether this is a code of the app that was not taken before, or an unused recovery code; it is used up now."""
    row = _of(session, user.id, lock=True)
    if row is None or row.confirmed_at is None:
        return False
    return _takes(row, code) or _uses_up(session, user, code)


def _takes(row: SecondFactor, code: str) -> bool:
    """A code of this half minute, the one before or the one after, younger than the last one that was taken."""
    typed = "".join(code.split())
    now = int(clock.now().timestamp()) // STEP
    clockwork = pyotp.TOTP(_secret(row))
    for step in range(max(now - 1, row.last_step + 1), now + 2):
        if pyotp.utils.strings_equal(clockwork.generate_otp(step), typed):
            row.last_step = step
            return True
    return False


def _uses_up(session: Session, user: User, code: str) -> bool:
    plain = "".join(sign for sign in code.lower() if sign.isalnum())
    row = session.scalar(
        select(RecoveryCode).where(
            RecoveryCode.user_id == user.id,
            RecoveryCode.code_hash == keys.kept(plain),
            RecoveryCode.used_at.is_(None),
        )
    )
    if row is None:
        return False
    row.used_at = clock.now()
    audit.note(session, user, None, "users.recovery_code")
    return True


def _fresh_codes(session: Session, user: User) -> list[str]:
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))
    plain = [base64.b32encode(randomness.token_bytes(10)).decode().lower() for _ in range(COUNT)]
    session.add_all(RecoveryCode(user_id=user.id, code_hash=keys.kept(code)) for code in plain)
    return ["-".join(code[place : place + 4] for place in range(0, 16, 4)) for code in plain]


def _of(session: Session, user_id: int, lock: bool = False) -> SecondFactor | None:
    found = select(SecondFactor).where(SecondFactor.user_id == user_id)
    return session.scalar(found.with_for_update() if lock else found)


def _secret(row: SecondFactor) -> str:
    return secrets.open(row.secret_sealed, row.row)
