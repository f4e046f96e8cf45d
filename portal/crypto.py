"""Secrets at rest: AES-256-GCM, bound to the row they belong to."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import secrets
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION = "v1"
_KEY_ID = re.compile(r"^[A-Za-z0-9_.-]{1,32}$")


class BadKeys(ValueError):
    """The text of the keys is not what is expected. The message never holds a key."""


class SealBroken(Exception):
    """A sealed text can't be opened: other row, other key, or changed."""


class Sealer:
    """Seals with its first key and opens with any.

    A sealed text reads `v1:key id:nonce:ciphertext`. It opens only for the row it was sealed for, so rows
    can't be swapped; a row is a text like "authorisations:7".
    """

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        if not keys or any(len(key) != 32 or not _KEY_ID.match(name) for name, key in keys.items()):
            raise BadKeys("At least one key of 32 bytes is needed, each with a short plain id.")
        self._boxes = {name: AESGCM(key) for name, key in keys.items()}
        self.first = next(iter(keys))

    def __repr__(self) -> str:
        return f"Sealer(ids={list(self._boxes)!r})"

    @classmethod
    def from_text(cls, text: str) -> Sealer:
        """Keys from `id:base64,id:base64,…`, each 256 bits; BadKeys tells what is wrong."""
        keys: dict[str, bytes] = {}
        for entry in filter(None, (part.strip() for part in text.split(","))):
            name, colon, value = entry.partition(":")
            if not colon or not _KEY_ID.match(name):
                raise BadKeys(
                    "Each key is written as id:base64, the id in letters, digits, dot, dash or underscore."
                )
            if name in keys:
                raise BadKeys(f"The key id {name} is there twice.")
            keys[name] = _key_bytes(name, value)
        return cls(keys)

    def seal(self, plain: str, row: str) -> str:
        """`plain` sealed for `row` under the first key."""
        nonce = os.urandom(12)
        sealed = self._boxes[self.first].encrypt(nonce, plain.encode(), _bound(self.first, row))
        return ":".join((_VERSION, self.first, _b64(nonce), _b64(sealed)))

    def open(self, sealed: str, row: str) -> str:
        """The text sealed for `row`; SealBroken if it was not sealed for it, by us, or is damaged."""
        try:
            version, name, nonce, text = sealed.split(":")
            if version != _VERSION:
                raise ValueError(version)
            box = self._boxes[name]
            return box.decrypt(_raw(nonce), _raw(text), _bound(name, row)).decode()
        except (KeyError, ValueError, InvalidTag):
            raise SealBroken("A stored secret can't be opened with the keys at hand.") from None

    def reseal(self, sealed: str, row: str) -> str:
        """The same secret under the first key; the very same text if it is under it already."""
        plain = self.open(sealed, row)
        return sealed if self.is_current(sealed) else self.seal(plain, row)

    def is_current(self, sealed: str) -> bool:
        """Whether `sealed` is under the first key."""
        return sealed.startswith(f"{_VERSION}:{self.first}:")


def new_key(name: str = "k1") -> str:
    """A fresh key as `from_text` reads it."""
    return f"{name}:{base64.b64encode(secrets.token_bytes(32)).decode()}"


def fingerprint(secret: str) -> str:
    """Twelve letters by which two copies of a long random secret can be compared without showing it."""
    return hashlib.sha256(b"fingerprint\x00" + secret.encode()).hexdigest()[:12]


def _key_bytes(name: str, value: str) -> bytes:
    try:
        key = base64.b64decode(value.strip().replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        raise BadKeys(f"The key {name} is not base64.") from None
    if len(key) != 32:
        raise BadKeys(f"The key {name} has {len(key)} bytes; 32 are needed.")
    return key


def _bound(name: str, row: str) -> bytes:
    if not row:
        raise ValueError("A sealed text belongs to a row.")
    return f"{_VERSION}|{name}|{row}".encode()


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _raw(text: str) -> bytes:
    raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if _b64(raw) != text:
        raise ValueError("written in another way than it is sealed")
    return raw
