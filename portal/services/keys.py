"""Keys that are shown once: made of 256 random bits, kept only as their hash."""

import hashlib
import secrets


def fresh() -> str:
    """A new key, safe in an address."""
    return secrets.token_urlsafe(32)


def kept(key: str) -> str:
    """What is kept of a key: its SHA-256, so that a stolen table opens nothing."""
    return hashlib.sha256(key.encode()).hexdigest()
