"""Whether a delivery really comes from HoopAI: the documented signature schemes, over the raw bytes."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

_HEX = re.compile(r"^[0-9a-fA-F]{64}$")

# The vendor's public keys, base64 of the SubjectPublicKeyInfo. The Ed25519 one belongs to HighLevel's current
# header and is known from third parties; the RSA one is on the vendor's page on webhook authentication.
ED25519_KEY = "MCowBQYDK2VwAyEAi2HR1srL4o18O8BRa7gVJY7G7bupbN3H9AwJrHCDiOg="
RSA_KEY = (
    "MIICIjANBgkqhkiG9w0BAQEFAAOCAg8AMIICCgKCAgEAokvo/r9tVgcfZ5DysOSCFrm602qYV0MaAiNnX9O8KxMbiyRKWeL9JpCpVpt4XHIcBOK4u3cL"
    "SqJGOLaPuXw6dO0t6Q/ZVdAV5Phz+ZtzPL16iCGeK9po6D6JHBpbi989mmzMryUnQJezlYJ3DVfBcsedpinheNnyYeFXolrJvcsjDtfAeRx5ByHQmTnS"
    "dFUzuAnC9/GepgLT9SM4nCpvuxmZMxrJt5Rw+VUaQ9B8JSvbMPpez4peKaJPZHBbU3OdeCVx5klVXXZQGNHOs8gF3kvoV5rTnXV0IknLBXlcKKAQLZcY"
    "/Q9rG6Ifi9c+5vqlvHPCUJFT5XUGG5RKgOKUJ062fRtN+rLYZUV+BjafxQauvC8wSWeYja63VSUruvmNj8xkx2zE/Juc+yjLjTXpIocmaiFeAO6fUtNj"
    "DeFVkhf5LNb59vECyrHD2SQIrhgXpO4Q3dVNA5rw576PwTzNh/AMfHKIjE4xQA1SZuYJmNnmVZLIZBlQAF9Ntd03rfadZ+yDiOXCCs9FkHibELhCHULg"
    "CsnuDJHcrGNd5/Ddm5hxGQ0ASitgHeMZ0kcIOwKDOzOU53lDza6/Y09T7sYJPQe7z0cvj7aE4B+Ax1ZoZGPzpJlZtGXCsu9aTEGEnKzmsFqwcSsnw3JB"
    "31IGKAykT1hhTiaCeIY/OwwwNUY2yvcCAwEAAQ=="
)  # fmt: skip


class Scheme(StrEnum):
    """A way of signing, named by its header."""

    WL = "x-wl-signature"
    GHL = "x-ghl-signature"
    WH = "x-wh-signature"
    HOOK = "x-hook-signature"


class Headers(Protocol):
    """What a delivery's headers have to be able to do, a dictionary's or a web server's."""

    def get(self, name: str, /) -> str | None:
        """What the header of this name says."""

    def items(self) -> Iterable[tuple[str, str]]:
        """All of them."""


@dataclass(frozen=True)
class Verdict:
    """`reason` is "ok", "missing", "malformed", "mismatch", "no-secret" or "unknown-scheme"."""

    ok: bool
    reason: str


def verify(
    scheme: Scheme | str,
    secrets: Sequence[str],
    body: bytes,
    headers: Headers,
    *,
    ed25519_key: str = ED25519_KEY,
    rsa_key: str = RSA_KEY,
) -> Verdict:
    """Judge `body`, the raw bytes as received, by the header of `scheme` and no other.

    x-wl-signature and x-hook-signature are HMAC-SHA256 under any of `secrets` (several while one is being
    replaced), written in hex, base64 or base64url, with or without "sha256=". x-ghl-signature is Ed25519
    and x-wh-signature RSA with SHA-256, both in base64, under the vendor's keys (base64 or PEM; ValueError
    if one is no such key). A missing header is never forgiven.
    """
    try:
        scheme = Scheme(scheme)
    except ValueError:
        return Verdict(False, "unknown-scheme")
    said = _header(headers, scheme.value)
    if not said or said.upper() == "N/A":
        return Verdict(False, "missing")
    if scheme in (Scheme.WL, Scheme.HOOK):
        return _by_secret([one for one in secrets if one], body, said)
    return _by_public_key(scheme, ed25519_key if scheme is Scheme.GHL else rsa_key, body, said)


def is_key(scheme: Scheme | str, text: str) -> bool:
    """Whether `text` (base64 or PEM) is a public key that `scheme` can be judged by."""
    try:
        key = _public_key(text)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return isinstance(key, Ed25519PublicKey if scheme == Scheme.GHL else RSAPublicKey)


def others(scheme: Scheme | str, headers: Headers) -> list[str]:
    """Headers of the other schemes that a delivery carries; they never count, but tell what to choose."""
    names = {name.lower() for name, value in headers.items() if value.strip().upper() not in ("", "N/A")}
    return [each.value for each in Scheme if each != scheme and each.value in names]


def sign(secret: str, body: bytes) -> str:
    """The hex HMAC-SHA256 HoopAI would put into x-wl-signature."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _header(headers: Headers, name: str) -> str:
    """What the header says, in whatever case it is named; a web server's headers know no case by themselves."""
    said = headers.get(name) or next((value for each, value in headers.items() if each.lower() == name), "")
    return said.strip()


def _by_secret(secrets: Sequence[str], body: bytes, said: str) -> Verdict:
    if not secrets:
        return Verdict(False, "no-secret")
    given = _digest(said)
    if given is None:
        return Verdict(False, "malformed")
    matches = [hmac.compare_digest(hmac.digest(one.encode(), body, "sha256"), given) for one in secrets]
    return Verdict(True, "ok") if any(matches) else Verdict(False, "mismatch")


def _digest(said: str) -> bytes | None:
    if said[:7].lower() == "sha256=":
        said = said[7:].strip()
    if _HEX.match(said):
        return bytes.fromhex(said)
    raw = _base64(said)
    return raw if raw is not None and len(raw) == 32 else None


def _by_public_key(scheme: Scheme, key_text: str, body: bytes, said: str) -> Verdict:
    key = _public_key(key_text)
    signature = _base64(said)
    if signature is None:
        return Verdict(False, "malformed")
    try:
        if scheme is Scheme.GHL and isinstance(key, Ed25519PublicKey):
            key.verify(signature, body)
        elif scheme is Scheme.WH and isinstance(key, RSAPublicKey):
            key.verify(signature, body, PKCS1v15(), SHA256())
        else:
            raise ValueError(f"The public key is not one for {scheme.value}.")
    except InvalidSignature:
        return Verdict(False, "mismatch")
    return Verdict(True, "ok")


def _public_key(text: str) -> object:
    lines = [line for line in text.strip().splitlines() if not line.startswith("-----")]
    raw = _base64("".join(lines))
    if raw is None:
        raise ValueError("The public key is not base64.")
    return load_der_public_key(raw)


def _base64(text: str) -> bytes | None:
    plain = text.strip().replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
