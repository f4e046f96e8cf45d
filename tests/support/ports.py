"""Ports for servers that a test starts."""

import itertools
import os
import random
import socket

# Below the range from which the kernel takes ports for outgoing connections.
_FIRST, _LAST = 20_000, 31_000
_next = itertools.count(random.Random(os.getpid()).randrange(_FIRST, _LAST))


def free_port() -> int:
    """A port on 127.0.0.1 that nobody listens on; each call gives another one."""
    while True:
        port = _FIRST + (next(_next) - _FIRST) % (_LAST - _FIRST)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
