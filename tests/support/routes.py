"""Routes of many apps with the same addresses: what Werkzeug compiles for one serves the next.

Every test has a portal and a sandbox of its own, and compiling their 270 routes takes longer than most tests.
"""

from collections.abc import Callable
from typing import Any

from werkzeug.routing import Rule

_real = Rule._compile_builder
_made: dict[tuple[object, ...], Callable[..., tuple[str, str]]] = {}


def remember() -> None:
    """From now on compile the builder of an address once in this process."""
    Rule._compile_builder = _remembered  # type: ignore[method-assign]


def _remembered(rule: Rule, append_unknown: bool = True) -> Any:
    """A builder reads nothing of its rule but the converters, and those it asks of the rule it is bound to."""
    if rule.defaults:
        return _real(rule, append_unknown)
    key = (rule.rule, tuple(rule._trace), append_unknown)
    if key not in _made:
        _made[key] = _real(rule, append_unknown)
    return _made[key]
