"""`python -m sandbox --port 8100 --data DIR`: serve the stand-ins until told to stop."""

from __future__ import annotations

import argparse
import logging
import signal
import socket
import sys
from pathlib import Path
from types import FrameType

from werkzeug.serving import make_server

from sandbox import create_app


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or Ctrl-C: 0; 2 with one sentence when the port or folder can't be used."""
    options = _options(arguments)
    signal.signal(signal.SIGTERM, _stop)
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    try:
        listener = socket.create_server((options.host, options.port), backlog=128)
        app = create_app(options.data, portal_url=options.portal_url, mail_port=options.mail_port)
    except OSError as problem:
        print(f"The sandbox can't start on {options.host}:{options.port}: {problem}", file=sys.stderr)
        return 2
    server = make_server(options.host, options.port, app, threaded=True, fd=listener.fileno())
    print(
        f"Sandbox (stand-ins for Xero, HoopAI and a mail server) at http://{options.host}:{listener.getsockname()[1]}/",
        flush=True,
    )
    try:
        server.serve_forever()
    except (KeyboardInterrupt, SystemExit):
        pass
    finally:
        server.server_close()
        app.close()
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--host", default="localhost")
    parser.add_argument("--port", type=int, default=8100)
    parser.add_argument(
        "--data", type=Path, default=None, help="folder to keep the state in; without it: memory"
    )
    parser.add_argument("--mail-port", type=int, default=None, help="where letters are taken over SMTP")
    parser.add_argument("--portal-url", default="http://localhost:8000")
    return parser.parse_args(arguments)


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    raise SystemExit(main())
