"""The least of SMTP (RFC 5321) that a sender needs: greet, name sender and recipients, hand over, leave."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable

from sandbox.mail.box import Box

LONGEST_LINE = 4096
LARGEST = 5 * 1024 * 1024
SECONDS = 30


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    box: Box


class Receiver:
    """Listens on this machine until it is closed."""

    def __init__(self, box: Box, port: int) -> None:
        self._server = _Server(("127.0.0.1", port), _Talk)
        self._server.box = box
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True, name="smtp"
        )
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


class _Talk(socketserver.StreamRequestHandler):
    """One sender's visit."""

    timeout = SECONDS

    def handle(self) -> None:
        self._sender, self._to = "", list[str]()
        verbs: dict[str, Callable[[str], bool]] = {
            "HELO": self._greet, "EHLO": self._greet, "MAIL": self._mail, "RCPT": self._rcpt, "DATA": self._data,
            "RSET": self._reset, "NOOP": lambda _: self._say("250 fine"), "QUIT": self._quit,
        }  # fmt: skip
        try:
            self._say("220 sandbox ESMTP, nothing leaves this machine")
            while line := self.rfile.readline(LONGEST_LINE):
                verb, _, rest = line.decode("utf-8", "replace").strip().partition(" ")
                known = verbs.get(verb.upper())
                if not (known(rest) if known else self._say("502 not known here")):
                    return
        except (OSError, TimeoutError):
            return

    def _say(self, line: str) -> bool:
        self.wfile.write(f"{line}\r\n".encode())
        return True

    def _greet(self, _: str) -> bool:
        return self._say("250-sandbox") and self._say("250-8BITMIME") and self._say(f"250 SIZE {LARGEST}")

    def _mail(self, rest: str) -> bool:
        self._sender, self._to = _address(rest), []
        return self._say("250 fine")

    def _rcpt(self, rest: str) -> bool:
        self._to.append(_address(rest))
        return self._say("250 fine")

    def _data(self, _: str) -> bool:
        if not self._to:
            return self._say("503 to whom?")
        self._say("354 go on")
        lines: list[bytes] = []
        while (line := self.rfile.readline(LARGEST)) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b".") else line)
        return self._decide(b"".join(lines))

    def _decide(self, data: bytes) -> bool:
        refusal = self.server.box.refusal()  # type: ignore[attr-defined]
        if refusal and refusal[0]:
            return self._say(f"{refusal[0]} {refusal[1]}")
        self.server.box.put(self._sender, self._to, data)  # type: ignore[attr-defined]
        return not refusal and self._say("250 taken")

    def _reset(self, _: str) -> bool:
        self._sender, self._to = "", []
        return self._say("250 fine")

    def _quit(self, _: str) -> bool:
        self._say("221 bye")
        return False


def _address(rest: str) -> str:
    """`FROM:<ana@agency.example> SIZE=12` → the address."""
    return rest.partition("<")[2].partition(">")[0]
