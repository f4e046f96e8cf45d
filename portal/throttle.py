"""How often a sign-in may be tried and the API asked: counted in Redis, in this process's memory while it is away."""

import hashlib
import math
import time
from dataclasses import dataclass
from threading import Lock

from portal import bell

WINDOW = 15 * 60
MINUTE = 60
FREE_PER_PAIR = 5
FREE_PER_ACCOUNT = 60
FREE_PER_ADDRESS = 30
LONGEST_WAIT = 5 * 60
# Atomic, so that tries made side by side are all counted. Answers [tries so far, moment of the last].
TRY = """
local n = tonumber(redis.call('HGET', KEYS[1], 'n') or '0')
local at = tonumber(redis.call('HGET', KEYS[1], 'at') or '0')
local now, free, longest = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local wait = 0
if n >= free then wait = math.min(2 ^ math.min(n - free, 20), longest) end
if at + wait > now then return math.ceil(at + wait - now) end
redis.call('HSET', KEYS[1], 'n', n + 1, 'at', ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 0
"""

_memory: dict[str, tuple[int, float]] = {}
_lock = Lock()


def wait_before(account: str, address: str) -> int:
    """Seconds to wait before this sign-in may be looked at; 0 lets it through and counts it.

    Past the free tries each further one doubles the wait, up to five minutes. The tries of one address against one
    account are few, those of all addresses many: somebody who guesses does not keep the account's owner out.
    """
    name = account.strip().casefold()
    counters = (
        (f"account:{name} from {address}", FREE_PER_PAIR),
        (f"address:{address}", FREE_PER_ADDRESS),
        (f"account:{name}", FREE_PER_ACCOUNT),
    )
    for what, free in counters:
        if wait := _try(what, free):
            return wait
    return 0


def forgive(account: str, address: str) -> None:
    """Forget the tries of an account whose person has signed in from this address."""
    account = account.strip().casefold()
    names = [_name(f"account:{account} from {address}"), _name(f"account:{account}")]
    with _lock:
        for name in names:
            _memory.pop(name, None)
    try:
        bell.client().delete(*names)
    except bell.Away:
        return


def _try(what: str, free: int) -> int:
    name, now = _name(what), time.time()
    try:
        return int(bell.client().eval(TRY, 1, name, f"{now:.3f}", free, LONGEST_WAIT, WINDOW))
    except bell.Away:
        return _try_here(name, now, free)


def _try_here(name: str, now: float, free: int) -> int:
    with _lock:
        if len(_memory) > 10_000:
            _memory.clear()
        count, last = _memory.get(name, (0, 0.0))
        if now - last > WINDOW:
            count = 0
        wait = 0 if count < free else min(2 ** min(count - free, 20), LONGEST_WAIT)
        if last + wait > now:
            return math.ceil(last + wait - now)
        _memory[name] = (count + 1, now)
        return 0


def _name(what: str) -> str:
    return f"throttle:{hashlib.sha256(what.encode()).hexdigest()[:40]}"


@dataclass(frozen=True, slots=True)
class Allowance:
    """Whether one more request is let through in this minute, how many are left, and in how many seconds all are."""

    ok: bool
    limit: int
    left: int
    reset: int


def allowance(what: str, limit: int) -> Allowance:
    """Count one request of `what` in this minute; in this process's memory while Redis is away."""
    now = time.time()
    minute, reset = divmod(int(now), MINUTE)
    name = f"rate:{what}:{minute}"
    try:
        line = bell.client().pipeline()
        line.incr(name)
        line.expire(name, 2 * MINUTE)
        count = int(line.execute()[0])
    except bell.Away:
        count = _count_here(name, now)
    return Allowance(count <= limit, limit, max(0, limit - count), MINUTE - reset)


def _count_here(name: str, now: float) -> int:
    with _lock:
        if len(_memory) > 10_000:
            _memory.clear()
        count, _ = _memory.get(name, (0, now))
        _memory[name] = (count + 1, now)
        return count + 1
