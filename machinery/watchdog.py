"""Ends the process groups of a supervisor that died without ending them itself. Run by path, alone.

Reads lines from standard input: `+GROUP` and `-GROUP` as processes start and end. End of input means
that the supervisor is gone. The kernel's parent-death signal does the same for direct children on Linux
only; this also reaches grandchildren, and other systems.
"""

import os
import signal
import sys
import time


def main() -> None:
    """Listen until the supervisor is gone, then end what it left."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: list[int] = []
    for line in sys.stdin:
        group = int(line[1:])
        if line.startswith("+"):
            groups.append(group)
        elif group in groups:
            groups.remove(group)
    _end(groups)


def _end(groups: list[int]) -> None:
    for group in groups:
        _signal(group, signal.SIGTERM)
    until = time.monotonic() + 2
    while time.monotonic() < until and any(_signal(group, 0) for group in groups):
        time.sleep(0.05)
    for group in groups:
        _signal(group, signal.SIGKILL)


def _signal(group: int, number: int) -> bool:
    try:
        os.killpg(group, number)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
