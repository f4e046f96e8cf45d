"""Posting to an address that somebody has typed in, without being led into our own network.

The name is looked up once, every address it has must be a public one, and the connection goes to the address that was
looked at. No redirect is followed, and all of it takes ten seconds at most.
"""

import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

SECONDS = 10.0
KEPT = 500
LONGEST = 500
# Addresses of version 6 that lead to one of version 4, which may be anybody's.
TRANSLATED = tuple(
    IPv6Network(text)
    for text in ("::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")
)
Address = tuple[str, int]


class NotDelivered(Exception):
    """Nobody took it; the message is a sentence for a person."""


class BadAddress(NotDelivered):
    """The address is none that webhooks may go to."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status, and the beginning of the body."""

    status: int
    text: str

    @property
    def ok(self) -> bool:
        """Whether it was taken."""
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class _Target:
    host: str
    port: int
    path: str
    secure: bool


def check(url: str, *, loopback: bool) -> None:
    """Raise BadAddress unless webhooks may go to an address written like this; its name is not looked up yet.

    `loopback` lets this machine itself be meant, without https, for development and tests.
    """
    _target(url, loopback)


def post(url: str, body: bytes, headers: Mapping[str, str], *, loopback: bool) -> Answer:
    """Post the body once. Raises NotDelivered where no answer came, BadAddress where nothing was sent at all."""
    target = _target(url, loopback)
    address = _public(target, loopback)
    line: list[socket.socket] = []
    end = threading.Timer(SECONDS, _hang_up, [line])
    end.daemon = True
    end.start()
    try:
        return _send(target, address, body, headers, line)
    except (OSError, HTTPException, ValueError) as error:
        raise NotDelivered(_sentence(error)) from None
    finally:
        end.cancel()
        _hang_up(line)


def _target(url: str, loopback: bool) -> _Target:
    if len(url) > LONGEST or not url.isascii() or any(char <= " " or char == "\x7f" for char in url):
        raise BadAddress(f"An address is at most {LONGEST} plain letters without spaces.")
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        raise BadAddress("This is not an address.") from None
    if not host or "@" in parts.netloc or parts.fragment:
        raise BadAddress(
            "Enter an address such as https://example.com/hooks, without a name or password in it."
        )
    secure = parts.scheme == "https"
    if not secure and not (loopback and parts.scheme == "http" and host in ("localhost", "127.0.0.1", "::1")):
        raise BadAddress("Webhooks go to https addresses only.")
    path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    return _Target(host, port or (443 if secure else 80), path, secure)


def _public(target: _Target, loopback: bool) -> Address:
    """The first address of the name, once all of them have been found fit."""
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NotDelivered(f"The name {target.host} cannot be looked up.") from None
    addresses = [str(entry[4][0]) for entry in found]
    if not addresses or not all(_fit(text, loopback) for text in addresses):
        raise BadAddress(
            f"{target.host} is an address inside a private network. Webhooks go to public ones only."
        )
    return addresses[0], target.port


def _fit(text: str, loopback: bool) -> bool:
    address = ip_address(text.partition("%")[0])
    if loopback and address.is_loopback:
        return True
    return address.is_global and not address.is_multicast and not _translated(address)


def _translated(address: IPv4Address | IPv6Address) -> bool:
    return isinstance(address, IPv6Address) and any(address in net for net in TRANSLATED)


def _send(
    target: _Target, address: Address, body: bytes, headers: Mapping[str, str], line: list[socket.socket]
) -> Answer:
    plain = socket.create_connection(address, timeout=SECONDS)
    line.append(plain)
    if target.secure:
        secured = ssl.create_default_context().wrap_socket(
            plain, server_hostname=target.host, do_handshake_on_connect=False
        )
        line[0] = plain = secured
        secured.do_handshake()
    letter = HTTPConnection(target.host, target.port, timeout=SECONDS)
    letter.sock = plain
    shown = f"[{target.host}]" if ":" in target.host else target.host
    usual = target.port == (443 if target.secure else 80)
    host = shown if usual else f"{shown}:{target.port}"
    letter.request("POST", target.path, body, {**headers, "Host": host, "Connection": "close"})
    answer = letter.getresponse()
    return Answer(answer.status, answer.read(KEPT * 4).decode(errors="replace")[:KEPT])


def _hang_up(line: list[socket.socket]) -> None:
    for each in line:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()


def _sentence(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"Its certificate is not trusted: {error.verify_message}."
    if isinstance(error, ssl.SSLError):
        return "No secure connection could be made."
    if isinstance(error, ConnectionRefusedError):
        return "Nobody listens at this address."
    if isinstance(error, TimeoutError):
        return f"No answer within {SECONDS:.0f} seconds."
    return "The connection ended without an answer."
