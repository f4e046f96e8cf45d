"""Asked to end: remembered here, acted on between steps, so that no half-started process is forgotten."""

import signal
import time
from types import FrameType

from machinery.messages import Stopped

_asked = 0


def listen() -> None:
    """Take Ctrl-C, SIGTERM and a closed terminal as the wish to stop everything."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _remember)


def times_asked() -> int:
    """How often we were asked to end; twice means: at once."""
    return _asked


def pause(seconds: float) -> None:
    """Wait, and raise Stopped as soon as we are asked to end."""
    end = time.monotonic() + seconds
    while True:
        if _asked:
            raise Stopped
        left = end - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(left, 0.05))


def _remember(number: int, frame: FrameType | None) -> None:
    global _asked
    _asked += 1
