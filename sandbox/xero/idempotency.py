"""The idempotency store: an answer is kept for 6 minutes from the key's first use, errors too
(developer.xero.com, Idempotent requests).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta

from sandbox.xero.books import Books
from sandbox.xero.dates import parse_moment, stamp
from sandbox.xero.errors import KeyClash
from sandbox.xero.wire import Answer, Asked

KEPT = timedelta(minutes=6)
LONGEST = 128


def once(
    books: Books, asked: Asked, app: str, now: datetime, serve: Callable[[], Answer]
) -> tuple[Answer, bool]:
    """The answer, and whether it is a replay. KeyClash when the key is too long or belongs to another request."""
    key = asked.header("Idempotency-Key")
    if not key or asked.method not in ("POST", "PUT", "PATCH"):
        return serve(), False
    if len(key) > LONGEST:
        raise KeyClash(f"Idempotency Key is too long. The maximum length is {LONGEST} characters.")
    _forget_old(books, now)
    row, print_ = books.idempotency.get(f"{app}:{key}"), _fingerprint(asked)
    if row is not None:
        if row["print"] != print_:
            raise KeyClash(f"Idempotency Key: {key} is used with a different request.")
        return Answer(row["status"], row["body"].encode(), row["type"]), True
    answer = serve()
    kept = {"status": answer.status, "body": answer.body.decode(), "type": answer.content_type}
    books.idempotency.put({"key": f"{app}:{key}", "print": print_, "at": stamp(now)} | kept)
    return answer, False


def _fingerprint(asked: Asked) -> str:
    told = [asked.method, asked.path, asked.raw_query, asked.header("xero-tenant-id"), ""]
    return hashlib.sha256("\n".join(told).encode() + asked.body).hexdigest()


def _forget_old(books: Books, now: datetime) -> None:
    for row in books.idempotency.all():
        if now - parse_moment(row["at"]) < KEPT:
            break
        books.idempotency.delete(row["key"])
