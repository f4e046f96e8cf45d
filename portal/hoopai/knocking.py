"""Sends a delivery as HoopAI would, so that an address can be tried out."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import requests

TIMEOUT = (5.0, 10.0)  # HoopAI waits ten seconds for an answer (help.hoopai.com, webhooks overview).
MOST_TEXT = 300


@dataclass(frozen=True)
class Answered:
    """What came back: the HTTP status (None without an answer), the text, and how long it took (milliseconds)."""

    status: int | None
    text: str
    took: int


def knock(url: str, body: bytes, headers: Mapping[str, str]) -> Answered:
    """POST the body once, following nothing; never raises for what the network does."""
    began = time.monotonic()
    with requests.Session() as session:
        session.trust_env = False
        try:
            answer = session.post(
                url,
                data=body,
                headers={"Content-Type": "application/json", "User-Agent": "hoopai-xero-portal", **headers},
                timeout=TIMEOUT,
                allow_redirects=False,
            )
            status, text = answer.status_code, answer.text[:MOST_TEXT].strip()
        except requests.RequestException as error:
            status, text = None, type(error).__name__
    return Answered(status, text, round((time.monotonic() - began) * 1000))
