"""Passwords: argon2id, two hashes at once at most, so that a flood of sign-ins cannot stall the box."""

from functools import cache
from threading import BoundedSemaphore

from argon2 import PasswordHasher, profiles
from argon2.exceptions import InvalidHashError, VerificationError

from portal.errors import ChooseAgain

SHORTEST, LONGEST = 12, 256
_hasher = PasswordHasher.from_parameters(profiles.RFC_9106_LOW_MEMORY)
_two_at_once = BoundedSemaphore(2)


def check(password: str) -> None:
    """Refuse a password that nobody should have. Raises ChooseAgain."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise ChooseAgain(f"Choose a password of {SHORTEST} to {LONGEST} characters.")


def hashed(password: str) -> str:
    """The argon2id hash to keep (RFC 9106, low-memory profile: 64 MiB, 3 passes)."""
    with _two_at_once:
        return _hasher.hash(password)


def matches(kept: str | None, password: str) -> bool:
    """Whether the password is the one kept; as slow when nothing is kept. Hold no transaction over it."""
    with _two_at_once:
        try:
            return _hasher.verify(kept or _nobodys(), password[:LONGEST]) and kept is not None
        except (VerificationError, InvalidHashError):
            return False


def outdated(kept: str) -> bool:
    """Whether a kept hash was made with weaker parameters than today's."""
    return _hasher.check_needs_rehash(kept)


@cache
def _nobodys() -> str:
    return _hasher.hash("nobody has this password")
