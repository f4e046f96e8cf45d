"""A process of its own that wants a token refreshed: `python -m tests.support.contender MODE AUTHORISATION THREADS`.

MODE `race`: as many threads as said wait for a line on standard input, start together and print what they got.
MODE `die`: ends itself with SIGKILL after Xero's answer and before it is saved. Settings come from the environment.
"""

import hashlib
import json
import os
import signal
import sys
import threading

from portal.config import Settings
from portal.services import tokens
from tests.support import portal


def main(mode: str, authorisation_id: int, threads: int) -> None:
    """Do what MODE says."""
    app = portal.ground_floor(Settings.from_env(), lines=8)
    if mode == "die":
        with app.app_context():
            tokens._save = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[assignment]
            tokens.access_token(authorisation_id)
    got: list[str] = []
    begin = threading.Event()

    def want() -> None:
        with app.app_context():
            begin.wait()
            try:
                got.append(hashlib.sha256(tokens.access_token(authorisation_id).encode()).hexdigest())
            except Exception as error:
                got.append(f"{type(error).__name__}: {error}")

    running = [threading.Thread(target=want) for _ in range(threads)]
    for thread in running:
        thread.start()
    print("ready", flush=True)
    sys.stdin.readline()
    begin.set()
    for thread in running:
        thread.join()
    print(json.dumps(got))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
