"""Look at every state that a protocol can reach, breadth first, so that a counter-example is as short as possible."""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

S = TypeVar("S", bound=Hashable)
Step = tuple[str, S]


@dataclass(frozen=True)
class Finding(Generic[S]):
    """How many states there are and, where a promise is broken, which one and by which steps."""

    states: int
    broken: str | None = None
    story: list[str] = field(default_factory=list)


def explore(
    start: S,
    steps: Callable[[S], Iterable[tuple[str, S]]],
    promises: dict[str, Callable[[S], bool]],
    settled: Callable[[S], bool],
) -> Finding[S]:
    """Visit all states. The first that breaks a promise ends it; so does one from which no settled one is reachable."""
    came_from: dict[S, tuple[str, S] | None] = {start: None}
    order: list[S] = [start]
    before: dict[S, list[S]] = {start: []}
    for state in order:
        for word, after in steps(state):
            if after not in came_from:
                came_from[after] = (word, state)
                order.append(after)
                before[after] = []
                if broken := next((name for name, holds in promises.items() if not holds(after)), None):
                    return Finding(len(order), broken, _story(after, came_from))
            before[after].append(state)
    stuck = _never(order, before, settled)
    if stuck is not None:
        return Finding(len(order), "live", _story(stuck, came_from))
    return Finding(len(order))


def _never(order: list[S], before: dict[S, list[S]], settled: Callable[[S], bool]) -> S | None:
    can = {state for state in order if settled(state)}
    to_do = list(can)
    while to_do:
        for earlier in before[to_do.pop()]:
            if earlier not in can:
                can.add(earlier)
                to_do.append(earlier)
    return next((state for state in order if state not in can), None)


def _story(state: S, came_from: dict[S, tuple[str, S] | None]) -> list[str]:
    words: list[str] = []
    while (step := came_from[state]) is not None:
        words.append(step[0])
        state = step[1]
    return words[::-1]
