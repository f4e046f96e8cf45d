"""Points at which a test may kill, freeze or break this process; without PORTAL_FAILPOINT they do nothing.

PORTAL_FAILPOINT is `NAME:ACTION[:PASS]`: at the PASS-th time (default the first) that NAME is reached, `kill` ends
the process as `kill -9` does, `stop` freezes it until somebody sends SIGCONT, and `raise` breaks what it is doing.
"""

import os
import signal
import threading

VARIABLE = "PORTAL_FAILPOINT"
_SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}
_lock = threading.Lock()
_passed: dict[str, int] = {}


class Tripped(RuntimeError):
    """A fail point broke the work here, as it was asked to."""


def here(name: str) -> None:
    """Do what the environment asks for at this point, nothing in normal life. Raises Tripped.

    The signal goes to this very thread, which therefore does not come one step further.
    """
    wish = os.environ.get(VARIABLE)
    if wish and wish.split(":", 1)[0] == name:
        _trip(name, *wish.split(":")[1:])


def _trip(name: str, action: str, nth: str = "1") -> None:
    with _lock:
        _passed[name] = _passed.get(name, 0) + 1
        if _passed[name] != int(nth):
            return
    if action == "raise":
        raise Tripped(name)
    signal.pthread_kill(threading.get_ident(), _SIGNALS[action])
