"""A small real HTTP server that answers as a test tells it to, well or badly."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Heard:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass
class Says:
    """One answer. `cut` closes after so many bytes, `hang` waits first, `silent` closes without a word."""

    status: int = 200
    body: Any = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    hang: float = 0.0
    silent: bool = False

    @property
    def raw(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "Server"

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.heard.append(Heard(self.command, parts.path, query, headers, body))
        says = self.server.next_answer()
        time.sleep(says.hang)
        if says.silent:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(says.status)
        for name, value in says.headers.items():
            self.send_header(name, value)
        if says.status != 304:
            self.send_header("Content-Length", str(len(says.raw)))
        self.end_headers()
        self.wfile.write(says.raw if says.cut is None else says.raw[: says.cut])
        if says.cut is not None:
            self.close_connection = True

    do_GET = do_PUT = do_POST = do_DELETE = _any

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.heard: list[Heard] = []
        self.answers: list[Says] = []
        self._lock = threading.Lock()

    def says(self, *answers: Says) -> None:
        self.answers = list(answers)

    def next_answer(self) -> Says:
        with self._lock:
            return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *_: object) -> None:
        pass


@contextmanager
def speaking() -> Iterator[Server]:
    """A server on a free port of this machine, gone again at the end."""
    one = Server()
    thread = threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    one.says(Says())
    try:
        yield one
    finally:
        one.shutdown()
        one.server_close()
        thread.join(5)
