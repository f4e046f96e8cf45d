"""The engine with one guard taken out, for showing that the fault runs notice. Applied inside a worker process only."""

from collections.abc import Callable

from portal.services import batching, recording, sending
from portal.services import leases as leases_


def become(name: str) -> None:
    """Take out the guard of this name for the rest of this process's life."""
    MUTANTS[name]()


MUTANTS: dict[str, Callable[[], None]] = {}
_ = (batching, recording, sending, leases_)
