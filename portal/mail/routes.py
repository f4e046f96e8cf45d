"""MAIL_URL read: where letters go and who sends them."""

from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

EXPECTED = "log:// (prints letters), smtp://user:password@host:587 or smtps://user:password@host"
PORTS = {"smtp": 587, "smtps": 465}
LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True, slots=True)
class Route:
    """A mail server, or the log where `host` is empty. `sender` is empty where the address names none."""

    host: str
    port: int = 0
    encrypted: bool = False
    user: str = ""
    password: str = field(default="", repr=False)
    sender: str = ""

    @property
    def prints(self) -> bool:
        """Whether letters only go to the log."""
        return not self.host

    @property
    def near(self) -> bool:
        """Whether the server is on this machine, where nobody listens on the way."""
        return self.host in LOOPBACK


def read(url: str) -> Route:
    """`smtp://user:password@host:port?from=address` → Route. Raises ValueError that never holds the password."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("it is no address") from None
    if parts.scheme == "log":
        return Route("")
    if parts.scheme not in PORTS or not parts.hostname or parts.path.strip("/"):
        raise ValueError("its scheme, host or path is not one of these")
    user = unquote(parts.username or "")
    sender = parse_qs(parts.query).get("from", [user if "@" in user else ""])[0]
    return Route(
        parts.hostname,
        port or PORTS[parts.scheme],
        parts.scheme == "smtps",
        user,
        unquote(parts.password or ""),
        sender,
    )
