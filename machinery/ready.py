"""Is it there yet? One short question each, asked again until the answer is yes."""

import contextlib
import http.client
import json
import socket
from pathlib import Path
from typing import Any


def answers_ping(path: Path) -> bool:
    """True when a Redis or Valkey on this socket has loaded its data and answers PONG."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as line:
        line.settimeout(1)
        line.connect(str(path))
        line.sendall(b"PING\r\n")
        return line.recv(64).startswith(b"+PONG")
    return False


def answers_ok(port: int, path: str) -> bool:
    """True when a web server on this machine answers 200."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        return ask(port, "GET", path)[0] == 200
    return False


def ask(port: int, method: str, path: str, body: Any = None) -> tuple[int, str]:
    """One request to a server on this machine: status and text. Raises OSError when nobody answers."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    headers = {"Host": f"localhost:{port}", "Content-Type": "application/json"}
    with contextlib.closing(line):
        line.request(method, path, None if body is None else json.dumps(body), headers)
        answer = line.getresponse()
        return answer.status, answer.read().decode(errors="replace")


def is_free(port: int) -> str | None:
    """None when a server could listen on this port, else the reason why not."""
    with socket.socket(socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError:
            return "may not be used by this user"
        except OSError:
            return "is used by another program"
    return None


def any_port() -> int:
    """A port on this machine that nobody listens on just now."""
    with socket.socket(socket.AF_INET) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
