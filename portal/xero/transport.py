"""One way out to one host: no retries, no redirects, no cookies, no surprises from the environment.

The connection itself notes the moment before its first byte, so "nothing left this machine" is a fact and
not a guess.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.util.retry import Retry

from portal.xero.errors import NoAnswer, NotSent, XeroError
from portal.xero.left import LimitsLeft

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
MAX_ANSWER_BYTES = 64_000_000


@dataclass(frozen=True)
class Answer:
    """A complete HTTP answer of any status."""

    status: int
    raw: bytes
    headers: Mapping[str, str]
    duration_ms: int
    correlation_id: str | None


@dataclass(frozen=True)
class Exchange:
    """One call as it may be logged or counted: no body, no token. `outcome` is the status or the error's
    name, `limits` what the answer's headers said is left.
    """

    method: str
    path: str
    status: int | None
    outcome: str
    duration_ms: int
    correlation_id: str | None
    key: str | None
    bytes_out: int
    bytes_in: int
    limits: LimitsLeft = field(default_factory=LimitsLeft)


OnRequest = Callable[[Exchange], None]


@dataclass
class _Moment(threading.local):
    left: bool = False
    not_after: float | None = None


_moment = _Moment()


class TooLate(Exception):
    """The time allowed between deciding to send and sending had passed."""


def _about_to_send() -> None:
    if not _moment.left and _moment.not_after is not None and time.time() > _moment.not_after:
        raise TooLate
    _moment.left = True


class _Plain(HTTPConnection):
    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        _about_to_send()
        super().send(data)


class _Secure(HTTPSConnection):
    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        _about_to_send()
        super().send(data)


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _Secure


class OnceAdapter(HTTPAdapter):
    """An adapter that sends a request once and never again by itself."""

    def __init__(self, pool: int = 8) -> None:
        super().__init__(
            pool_connections=2,
            pool_maxsize=pool,
            max_retries=Retry(0, read=False, redirect=False, respect_retry_after_header=False),
        )

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make pools whose connections note their first byte."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}


def careful(session: requests.Session) -> requests.Session:
    """Take from `session` everything that could resend, redirect, remember or read the environment; return
    it.
    """
    session.trust_env = False
    session.max_redirects = 0
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.mount("https://", OnceAdapter())
    session.mount("http://", OnceAdapter())
    return session


def checked_base(url: str) -> str:
    """`url` without its last slash; ValueError unless it is https, or http on this very machine."""
    parts = urlsplit(url)
    if not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ValueError("The address must be a plain https address.")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(url)):
        raise ValueError("The address must start with https://; http:// is only for this machine.")
    return url.rstrip("/")


def is_loopback(url: str) -> bool:
    """Whether the host of `url` is this machine by name or number."""
    return (urlsplit(url).hostname or "") in LOOPBACK


@dataclass
class Transport:
    """Sends to one base address with one bearer token. Safe to share between threads.

    `timeout` is (connect, read) in seconds; a whole answer may take twice the read time.
    """

    base: str
    token: str = field(repr=False)
    timeout: tuple[float, float] = (5.0, 60.0)
    on_request: OnRequest | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.base = checked_base(self.base)
        self._session = careful(requests.Session())

    def close(self) -> None:
        """Close the kept connections."""
        self._session.close()

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        key: str | None = None,
        not_after: float | None = None,
    ) -> Answer:
        """Send once and read the whole answer, whatever its status.

        `not_after` (seconds since 1970): if the first byte would leave later than that, nothing is sent.
        Raises NotSent when no byte left, NoAnswer when some may have and the answer is missing, cut or
        absurd.
        """
        url = self.url_of(path, query)
        started = time.monotonic()
        _moment.left, _moment.not_after = False, not_after
        try:
            answer = self._exchange(method, url, dict(headers or {}), body, started)
        except XeroError as error:
            error.duration_ms = _ms_since(started)
            self._tell(method, path, key, body, None, error)
            raise
        self._tell(method, path, key, body, answer, None)
        return answer

    def url_of(self, path: str, query: Mapping[str, str] | None = None) -> str:
        """The full address of `path` below the base; ValueError if it would lead anywhere else."""
        clean = path.lstrip("/")
        if not clean or any(bad in clean for bad in ("//", "..", "\\", "?", "#", " ", "\r", "\n", "@")):
            raise ValueError("Not a path below the configured address.")
        url = f"{self.base}/{clean}" + (f"?{urlencode(query)}" if query else "")
        if urlsplit(url).netloc != urlsplit(self.base).netloc:
            raise ValueError("Not a path below the configured address.")
        return url

    def _exchange(
        self, method: str, url: str, headers: dict[str, str], body: bytes | None, started: float
    ) -> Answer:
        headers = {"Accept": "application/json", "Authorization": f"Bearer {self.token}", **headers}
        try:
            with self._session.request(
                method,
                url,
                headers=headers,
                data=body,
                timeout=self.timeout,
                allow_redirects=False,
                stream=True,
            ) as response:
                raw = self._read(response, started)
        except TooLate:
            raise NotSent("Too much time passed before sending, so nothing was sent.") from None
        except (requests.RequestException, HTTPError, OSError) as error:
            raise _lost(error) from None
        return Answer(
            status=response.status_code,
            raw=raw,
            headers=dict(response.headers),
            duration_ms=_ms_since(started),
            correlation_id=response.headers.get("Xero-Correlation-Id"),
        )

    def _read(self, response: requests.Response, started: float) -> bytes:
        limit = self.timeout[0] + 2 * self.timeout[1]
        chunks, size = [], 0
        for chunk in response.iter_content(65536):
            size += len(chunk)
            if size > MAX_ANSWER_BYTES or time.monotonic() - started > limit:
                raise NoAnswer("The answer was too long or too slow to read.", status=response.status_code)
            chunks.append(chunk)
        return b"".join(chunks)

    def _tell(
        self,
        method: str,
        path: str,
        key: str | None,
        body: bytes | None,
        answer: Answer | None,
        error: XeroError | None,
    ) -> None:
        if self.on_request is None:
            return
        status = answer.status if answer else error.status if error else None
        self.on_request(
            Exchange(
                method=method,
                path=path,
                status=status,
                outcome=type(error).__name__ if error else str(status),
                duration_ms=answer.duration_ms if answer else (error and error.duration_ms) or 0,
                correlation_id=answer.correlation_id if answer else None,
                key=key,
                bytes_out=len(body or b""),
                bytes_in=len(answer.raw) if answer else 0,
                limits=LimitsLeft.from_headers(answer.headers) if answer else LimitsLeft(),
            )
        )


def _lost(error: Exception) -> XeroError:
    if not _moment.left:
        return NotSent(f"Could not reach Xero ({_name(error)}); nothing was sent.")
    return NoAnswer(f"No complete answer came from Xero ({_name(error)}).")


def _name(error: Exception) -> str:
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return type(reason or error).__name__


def _ms_since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
