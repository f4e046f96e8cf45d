"""A light load: requests made beforehand, written to a few kept-alive connections; answers and times counted."""

import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

CONNECTIONS = 8


@dataclass
class Outcome:
    """How many were answered 200, how long it took altogether (seconds), and each one's time (seconds, sorted)."""

    ok: int
    seconds: float
    times: list[float] = field(repr=False)

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.ok / self.seconds

    def percentile(self, share: float) -> float:
        """The time within which this share was answered, in milliseconds."""
        return 1000 * self.times[min(len(self.times) - 1, int(share * len(self.times)))]


def request(path: str, body: bytes, **headers: str) -> bytes:
    """The bytes of one POST."""
    named = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{named}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def flat_out(port: int, requests: Sequence[bytes], connections: int = CONNECTIONS) -> Outcome:
    """All requests as fast as answers come."""
    return _run(port, requests, connections, lambda _place: None)


def steady(port: int, requests: Sequence[bytes], rate: float, connections: int = CONNECTIONS) -> Outcome:
    """All requests at a fixed rate; each one's time counts from the moment at which it was due."""
    began = time.perf_counter() + 0.1
    return _run(port, requests, connections, lambda place: began + place / rate)


def _run(
    port: int, requests: Sequence[bytes], connections: int, due: Callable[[int], float | None]
) -> Outcome:
    times: list[list[float]] = [[] for _ in range(connections)]
    threads = [
        threading.Thread(target=_sender, args=(port, requests, each, connections, due, times[each]))
        for each in range(connections)
    ]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = sorted(one for each in times for one in each)
    return Outcome(len(taken), time.perf_counter() - began, taken)


def _sender(
    port: int,
    requests: Sequence[bytes],
    first: int,
    step: int,
    due: Callable[[int], float | None],
    times: list[float],
) -> None:
    line = socket.create_connection(("127.0.0.1", port))
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for place in range(first, len(requests), step):
        wanted = due(place)
        if wanted is not None and (wait := wanted - time.perf_counter()) > 0:
            time.sleep(wait)
        start = wanted if wanted is not None else time.perf_counter()
        line.sendall(requests[place])
        answer = _answer(line)
        if answer.startswith(b"HTTP/1.1 200"):
            times.append(time.perf_counter() - start)
        if b"\r\nconnection: close" in answer.lower():
            line.close()
            line = socket.create_connection(("127.0.0.1", port))
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    line.close()


def _answer(line: socket.socket) -> bytes:
    got = b""
    while b"\r\n\r\n" not in got:
        part = line.recv(65536)
        if not part:
            return b""
        got += part
    head, _, body = got.partition(b"\r\n\r\n")
    lengths = [row for row in head.lower().split(b"\r\n") if row.startswith(b"content-length:")]
    missing = int(lengths[0].partition(b":")[2]) - len(body) if lengths else 0
    while missing > 0:
        part = line.recv(65536)
        if not part:
            break
        missing -= len(part)
    return head
