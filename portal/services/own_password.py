"""Changing one's own password."""

from portal.errors import ChooseAgain
from portal.models import User
from portal.services import audit, passwords, resets
from portal.services.second_factor import NOT_YOURS
from portal.services.unit import release, transaction


def change(user: User, session_id: int, present: str, password: str) -> None:
    """Set a new password; every other device is signed out. Raises ChooseAgain at the field that does not fit."""
    user_id, email, kept = user.id, user.email, user.password_hash
    passwords.check(password, email)
    release()
    if not passwords.matches(kept, present):
        raise ChooseAgain(NOT_YOURS, {"present": NOT_YOURS})
    fresh = passwords.hashed(password)
    with transaction() as session:
        owner = session.get_one(User, user_id)
        resets.change(session, owner, fresh, keep_session=session_id)
        audit.note(session, owner, None, "users.change_password")
