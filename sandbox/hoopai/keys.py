"""The stand-in's own signing keys and the five ways a webhook may be signed."""

from __future__ import annotations

import base64
import hashlib
import hmac

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from sandbox.hoopai.books import KEYS, Books

SCHEMES = {
    "x-wl-signature": "HMAC-SHA256, hex, in x-wl-signature",
    "x-wl-signature-base64": "HMAC-SHA256, base64, in x-wl-signature",
    "x-wl-signature-sha256": "HMAC-SHA256, sha256=hex, in x-wl-signature",
    "x-hook-signature": "HMAC-SHA256, hex, in X-Hook-Signature",
    "x-ghl-signature": "Ed25519, base64, in X-GHL-Signature",
    "x-wh-signature": "RSA with SHA-256, base64, in x-wh-signature",
    "none": "not signed",
}


class Keyring:
    """Signs webhook bodies; makes its Ed25519 and RSA keys at first need and keeps them in the store."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._ed25519: Ed25519PrivateKey | None = None
        self._rsa: RSAPrivateKey | None = None

    def sign(self, body: bytes, scheme: str, secret: str) -> dict[str, str]:
        """The header that carries the signature over the raw body, as `{name: value}`; empty for `none`."""
        if scheme == "none":
            return {}
        if scheme == "x-ghl-signature":
            return {"X-GHL-Signature": base64.b64encode(self.ed25519().sign(body)).decode()}
        if scheme == "x-wh-signature":
            signature = self.rsa().sign(body, padding.PKCS1v15(), hashes.SHA256())
            return {"x-wh-signature": base64.b64encode(signature).decode()}
        digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
        if scheme == "x-hook-signature":
            return {"X-Hook-Signature": digest.hex()}
        forms = {
            "x-wl-signature-base64": base64.b64encode(digest).decode(),
            "x-wl-signature-sha256": f"sha256={digest.hex()}",
        }
        return {"x-wl-signature": forms.get(scheme, digest.hex())}

    def public(self) -> dict[str, str]:
        """Public keys: `ed25519` and `rsa` as PEM, `ed25519_spki` as the base64 text the vendor prints."""
        return {
            "ed25519": _pem(self.ed25519()),
            "ed25519_spki": "".join(_pem(self.ed25519()).splitlines()[1:-1]),
            "rsa": _pem(self.rsa()),
        }

    def ed25519(self) -> Ed25519PrivateKey:
        """The Ed25519 key, made once."""
        if self._ed25519 is None:
            with self._books.store.lock:
                key = self._kept("ed25519") or Ed25519PrivateKey.generate()
                assert isinstance(key, Ed25519PrivateKey)
                self._keep("ed25519", key)
                self._ed25519 = key
        return self._ed25519

    def rsa(self) -> RSAPrivateKey:
        """The RSA key, made once (2048 bits; the vendor's 4096 would take seconds to make)."""
        if self._rsa is None:
            with self._books.store.lock:
                key = self._kept("rsa") or generate_private_key(65537, 2048)
                assert isinstance(key, RSAPrivateKey)
                self._keep("rsa", key)
                self._rsa = key
        return self._rsa

    def _kept(self, name: str) -> object | None:
        kept = self._books.store.get(KEYS, name)
        return serialization.load_pem_private_key(kept["pem"].encode(), None) if kept else None

    def _keep(self, name: str, key: Ed25519PrivateKey | RSAPrivateKey) -> None:
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self._books.store.put(KEYS, name, {"pem": pem.decode()})


def _pem(key: Ed25519PrivateKey | RSAPrivateKey) -> str:
    public = key.public_key()
    return public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()
