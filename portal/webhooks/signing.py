"""How a webhook is signed: HMAC-SHA256 over the moment, a point, and the exact body."""

import hashlib
import hmac
from collections.abc import Sequence

SIGNATURE = "HoopXero-Signature"
EVENT = "HoopXero-Event"
DELIVERY = "HoopXero-Delivery"


def signature(secrets: Sequence[str], moment: int, body: bytes) -> str:
    """The value of the signature's header: `t=` seconds since 1970, then a `v1=` for each secret that counts."""
    signed = b"%d." % moment + body
    marks = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets]
    return ",".join([f"t={moment}", *(f"v1={mark}" for mark in marks)])
