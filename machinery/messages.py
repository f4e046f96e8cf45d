"""What the machine room says to the person who started it."""

import contextlib
import sys
import time
from collections.abc import Iterator

STARTED = time.monotonic()


class Trouble(Exception):
    """The surroundings are not fit to start; its text is one sentence for a person. Exit code 2."""


class Failed(Exception):
    """Something of ours did not work; its text says what and where to read on. Exit code 1."""


class Stopped(Exception):
    """A person or the system asked us to end. Exit code 0."""


def say(text: str = "", end: str = "\n") -> None:
    """Print to the screen at once; a closed screen is no reason to stop."""
    with contextlib.suppress(OSError, ValueError):
        print(text, end=end, flush=True)


def complain(text: str) -> None:
    """Print one sentence to standard error."""
    with contextlib.suppress(OSError, ValueError):
        print(text, file=sys.stderr, flush=True)


def elapsed() -> float:
    """Seconds since the machine room was entered."""
    return time.monotonic() - STARTED


@contextlib.contextmanager
def step(title: str) -> Iterator[None]:
    """Say what is being done, then how long it took, on one line."""
    began = time.monotonic()
    say(f"  {title} ...", end="")
    try:
        yield
    except Stopped:
        say(" stopped")
        raise
    except BaseException:
        say(" failed")
        raise
    say(f" {time.monotonic() - began:.1f} s")
