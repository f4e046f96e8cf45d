"""A bad wire: a proxy between the portal and Xero's stand-in that cuts, slows and slices single calls."""

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.support.ports import free_port

TOXICS = {
    "down": "nobody listens",
    "cut before the head": "closed when the call has come, before a byte of it went on",
    "cut in the head": "half of the headers go on, then both ends are closed",
    "cut in the body": "half of the body goes on, then both ends are closed",
    "reset in the body": "the same with a reset",
    "cut after the body": "all goes on and is done, the caller's end is closed without an answer",
    "reset after the body": "the same with a reset",
    "cut in the reply's head": "half of the answer's headers come back",
    "cut in the reply": "half of the answer's body comes back",
    "reset in the reply": "the same with a reset",
    "hang in the reply": "half of the answer comes back, then nothing, and nobody closes",
    "latency": "call and answer come late",
    "slices": "call and answer come in small pieces",
    "slow close": "the answer comes whole, the end stays open for a while",
}
HALF_OPEN = 0.8
PIECE = 97


@dataclass
class _Toxic:
    kind: str
    method: str
    path: str


@dataclass
class Proxy:
    """Forwards calls one by one. `spoil` sets what becomes of the next call that matches."""

    upstream: tuple[str, int]
    port: int = field(default_factory=free_port)
    _toxics: list[_Toxic] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _ear: socket.socket | None = None

    @property
    def url(self) -> str:
        """Where the portal is to call."""
        return f"http://localhost:{self.port}"

    def spoil(self, kind: str, path: str, method: str = "*") -> None:
        """Let the next call of this method whose path holds `path` go wrong this way."""
        assert kind in TOXICS, kind
        with self._lock:
            self._toxics.append(_Toxic(kind, method, path))

    def waiting(self) -> int:
        """How many calls that are to go wrong have not come yet."""
        with self._lock:
            return len(self._toxics)

    def heal(self) -> None:
        """No call goes wrong any more."""
        with self._lock:
            self._toxics.clear()
        self.up()

    def up(self) -> None:
        """Listen (again)."""
        if self._ear is None:
            self._ear = socket.create_server(("127.0.0.1", self.port), backlog=64)
            threading.Thread(target=self._accept, args=(self._ear,), daemon=True).start()

    def down(self) -> None:
        """Listen no more: whoever calls is refused."""
        ear, self._ear = self._ear, None
        if ear is not None:
            with suppress(OSError):
                ear.shutdown(socket.SHUT_RDWR)
            ear.close()

    def _accept(self, ear: socket.socket) -> None:
        with suppress(OSError):
            while True:
                caller, _ = ear.accept()
                threading.Thread(target=self._carry, args=(caller,), daemon=True).start()

    def _carry(self, caller: socket.socket) -> None:
        """One call and its answer; the connection is not kept, as the stand-in keeps none either."""
        with caller, suppress(OSError):
            head, body = _message(caller)
            if not head:
                return
            toxic = self._take(head)
            asked, said = _cut(toxic, head, body)
            if toxic == "cut before the head":
                return
            with socket.create_connection(self.upstream, 30) as xero:
                _pour(xero, asked, toxic)
                if asked != head + body:
                    return _end(caller, toxic)
                if said == "none":
                    _message(xero)
                    return _end(caller, toxic)
                self._answer(caller, *_message(xero), toxic)

    def _answer(self, caller: socket.socket, head: bytes, body: bytes, toxic: str) -> None:
        whole = head + body
        upto = {
            "cut in the reply's head": len(head) // 2, "cut in the reply": len(head) + len(body) // 2,
            "reset in the reply": len(head) + len(body) // 2, "hang in the reply": len(head) + len(body) // 2,
        }.get(toxic, len(whole))  # fmt: skip
        _pour(caller, whole[:upto], toxic)
        if toxic in ("hang in the reply", "slow close"):
            time.sleep(HALF_OPEN)
        _end(caller, toxic)

    def _take(self, head: bytes) -> str:
        method, path = head.split(b" ", 2)[:2]
        with self._lock:
            for toxic in self._toxics:
                if toxic.method in ("*", method.decode()) and toxic.path.lower() in path.decode().lower():
                    self._toxics.remove(toxic)
                    return toxic.kind
        return ""


@contextmanager
def proxy(url: str) -> Iterator[Proxy]:
    """A proxy in front of the server at `url`, listening."""
    parts = urlsplit(url)
    made = Proxy((parts.hostname or "localhost", parts.port or 80))
    made.up()
    yield made
    made.down()


def _cut(toxic: str, head: bytes, body: bytes) -> tuple[bytes, str]:
    """What of a call goes on, and whether an answer is wanted."""
    if toxic == "cut in the head":
        return head[: len(head) // 2], "none"
    if toxic in ("cut in the body", "reset in the body"):
        return head + body[: len(body) // 2], "none"
    return head + body, "none" if toxic in ("cut after the body", "reset after the body") else "all"


def _pour(line: socket.socket, data: bytes, toxic: str) -> None:
    if toxic == "latency":
        time.sleep(0.15)
    if toxic != "slices":
        line.sendall(data)
        return
    for start in range(0, len(data), PIECE):
        line.sendall(data[start : start + PIECE])
        time.sleep(0.002)


def _end(line: socket.socket, toxic: str) -> None:
    if toxic.startswith("reset"):
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    else:
        with suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)
    line.close()


def _message(line: socket.socket) -> tuple[bytes, bytes]:
    """Head and body of one HTTP message: by its length, without one to the end of the stream."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = line.recv(65536)
        if not more:
            return data, b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    head += b"\r\n\r\n"
    length = _length(head)
    while length is None or len(body) < length:
        more = line.recv(65536)
        if not more:
            break
        body += more
    return head, body


def _length(head: bytes) -> int | None:
    first, *lines = head.split(b"\r\n")
    for each in lines:
        name, _, value = each.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    return None if first.startswith(b"HTTP/") else 0
