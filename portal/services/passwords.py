"""Passwords: argon2id, two hashes at once at most, so that a flood of sign-ins cannot stall the box."""

import re
from functools import cache
from threading import BoundedSemaphore

from argon2 import PasswordHasher, profiles
from argon2.exceptions import InvalidHashError, VerificationError

from portal.errors import ChooseAgain

SHORTEST, LONGEST = 12, 256
FEWEST_SIGNS = 5
# What the commonest passwords are made of; with digits, signs and repetitions around them they stay common.
COMMON_WORDS = (
    "abc abcd abcdef access account admin administrator amazon apple asdf asdfgh asdfghjkl baseball batman change "
    "changeme charlie company computer daniel default demo dragon facebook football freedom google guest hello "
    "hoopai hunter iloveyou invoice jordan killer letmein liverpool login love master michael microsoft monkey "
    "mustang my new ninja office pass passw password passwort portal princess private qazwsx qwer qwert qwerty "
    "qwe asd zxc wsx wsxcde cde april august autumn december february fall friday january july june march may monday "
    "november october saturday september spring summer sunday thursday tuesday wednesday winter "
    "qwertyuiop qwertz root secret security shadow sunshine super superman system temp test the trustno trustnoone "
    "user welcome whatever windows xero you your zaq zxcv zxcvbn zxcvbnm"
)
COMMON = frozenset(COMMON_WORDS.split())
READ_AS = str.maketrans("013457@$!", "oieastasi")
RUNS = (
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "01234567890123456789",
    "qazwsxedcrfvtgbyhnujmik",
)
_hasher = PasswordHasher.from_parameters(profiles.RFC_9106_LOW_MEMORY)
_two_at_once = BoundedSemaphore(2)


def check(password: str, email: str = "") -> None:
    """Refuse a password that nobody should have. Raises ChooseAgain with what is wrong at the field `password`."""
    if not SHORTEST <= len(password) <= LONGEST:
        _refuse(f"Choose a password of {SHORTEST} to {LONGEST} characters.")
    if _letters(password) in {_letters(email), _letters(email.partition("@")[0])} - {""}:
        _refuse("Your e-mail address is not a password. Choose another one.")
    if common(password):
        _refuse("This is one of the first passwords that somebody would try. Choose another one.")


def common(password: str) -> bool:
    """Whether a password is among the commonest, or one of them with digits, signs or repetitions around it."""
    plain = password.casefold()
    if len(set(plain)) < FEWEST_SIGNS or _is_a_run(plain):
        return True
    spellings = {
        _letters(plain),
        _letters(plain.translate(READ_AS)),
        _letters(plain.rstrip("0123456789!?.$@ ").translate(READ_AS)),
    }
    return any(_is_made_of_common_words(spelling) for spelling in spellings)


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


def _refuse(sentence: str) -> None:
    raise ChooseAgain(sentence, {"password": sentence})


def _letters(text: str) -> str:
    return re.sub(r"[^a-z]", "", text.casefold())


def _is_a_run(plain: str) -> bool:
    """Keys beside one another, forwards or backwards, or one piece over and over."""
    repeated = re.fullmatch(r"(.{1,8}?)\1+", plain)
    piece = repeated[1] if repeated else plain
    if repeated and len(piece) < 5:
        return True
    return any(piece in run or piece in run[::-1] for run in RUNS)


def _is_made_of_common_words(letters: str) -> bool:
    """Whether nothing is left when common words are taken from the front."""
    if not letters:
        return False
    ends = {0}
    for place in range(len(letters)):
        if place in ends:
            ends |= {place + len(word) for word in COMMON if letters.startswith(word, place)}
    return len(letters) in ends


@cache
def _nobodys() -> str:
    return _hasher.hash("nobody has this password")
