"""Texts as Xero accepts them, and the marks by which we know our own payments again."""

from __future__ import annotations

import hashlib
import re
from urllib.parse import urlsplit

_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_SCATTER = 0x2C1B3C6D | 1
_APART = re.compile(r"[\s<>]+")
_WORDS = re.compile(r"[A-Z0-9-]+")
_EMAIL = re.compile(r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$")


def contact_name(text: str) -> str:
    """`text` as a contact's Name: no angle brackets or control characters, single spaces, at most 255
    characters.

    Empty if nothing is left (developer.xero.com, Contacts).
    """
    if not text.isprintable():
        text = "".join(char if char.isprintable() else " " for char in text)
    return _APART.sub(" ", text).strip()[:255].rstrip()


def contact_email(text: str | None) -> str | None:
    """`text` if Xero takes it as an e-mail address (plain letters only, at most 255), else None."""
    clean = (text or "").strip()
    return clean if len(clean) <= 255 and _EMAIL.match(clean) else None


def invoice_number_problem(number: str) -> str | None:
    """Why Xero would not keep `number` as it is, or None if it would."""
    if not number.strip():
        return "The invoice has no number."
    if len(number) > 255:
        return "The invoice number is longer than 255 characters."
    if not (number.isascii() and number.isprintable()) or number != number.strip():
        return "The invoice number has characters Xero does not accept."
    return None


def link_back(url: str | None) -> str | None:
    """`url` if Xero accepts it on a document: absolute and without the word "xero" in it; else None."""
    if not url or "xero" in url.lower() or len(url) > 2000:
        return None
    parts = urlsplit(url)
    return url if parts.scheme in ("http", "https") and parts.hostname else None


def cut(text: str | None, most: int) -> str | None:
    """`text` without outer spaces and NULs, shortened to `most` characters with an ellipsis; None stays
    None.
    """
    if text is None:
        return None
    clean = text.replace("\x00", "").strip()
    return clean if len(clean) <= most else clean[: most - 1] + "…"


def payment_mark(push_id: int | str) -> str:
    """The short mark of one push, like "H-7K3Q9P", for a payment's Reference.

    Whole numbers below 2**30 give six letters and never the same ones twice; larger numbers and other texts
    give more. The letters are Crockford's base 32, which has no I, L, O or U to misread.
    """
    if isinstance(push_id, int):
        return "H-" + _number_letters(push_id)
    digest = int.from_bytes(hashlib.sha256(push_id.encode()).digest()[:8], "big") >> 4
    return "H-" + _letters(digest, 12)


def mark_in(reference: str | None, mark: str) -> bool:
    """Whether `reference` carries `mark` as a word of its own, in any case."""
    return mark.upper() in _WORDS.findall((reference or "").upper())


def _number_letters(number: int) -> str:
    if number < 0:
        raise ValueError("A push id is not negative.")
    if number < 2**30:
        return _letters(number * _SCATTER % 2**30, 6)
    return _letters(number, 7)


def _letters(number: int, least: int) -> str:
    letters = ""
    while number or len(letters) < least:
        number, rest = divmod(number, 32)
        letters = _LETTERS[rest] + letters
    return letters
