"""Logs: one JSON line an event, a constant name plus ids; a request or job id runs through all of it."""

import logging
import re
import sys
from contextvars import ContextVar
from datetime import UTC, datetime

import simplejson

trace: ContextVar[str | None] = ContextVar("trace", default=None)

SECRET = re.compile(
    r"(?i)(bearer\s+|(?:access_token|refresh_token|client_secret|code|password|secret)[\"']?\s*[=:]\s*[\"']?)[^\s\"'&,}]+"
)
OWN = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
QUIET = ("requests_oauthlib", "oauthlib", "urllib3", "rq.worker", "alembic")


class JsonLine(logging.Formatter):
    """One record as one line of JSON; anything that looks like a secret is blacked out."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without a newline in it."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "logger": record.name,
            "trace": trace.get(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in OWN}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return scrub(simplejson.dumps(line, default=str, ignore_nan=True))


def scrub(text: str) -> str:
    """The text with tokens, codes, passwords and secrets blacked out."""
    return SECRET.sub(r"\1•••", text)


def configure() -> None:
    """Send the log of this process to standard error, one JSON line an event."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLine())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
