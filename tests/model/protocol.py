"""The push protocol as it is built (docs/engine.md), for one document, two workers and a hostile world.

A worker may crash or be frozen at any step, its lease may run out at any time, requests and replies get lost,
requests arrive late, and Xero may forget an idempotency key at any moment. What is assumed: a committed transaction
stays; nothing arrives after the quiet time; bytes leave within the send deadline or not at all.
"""

from collections.abc import Iterator
from typing import NamedTuple

KEYS = (0, 1, 2)
MOST_COPIES = 2
NOBODY = -1
IDLE, HELD = ("idle",), ("held",)
Phase = tuple[object, ...]


class Batch(NamedTuple):
    """The open batch. `mine`: stamped under the present lease; `quiet`: its quiet time is over; `open`: it may still
    be sent again; `again`: it was stamped more than once.
    """

    key: int
    state: str = "prepared"
    mine: bool = True
    quiet: bool = False
    open: bool = True
    again: bool = False


class State(NamedTuple):
    """Our database (`push`, `linked`, `batch`, `owner`, `leased`), Xero (`made`, `known`), the network and the workers.

    `owner` is the worker whose fencing number is the newest, `net` the copies under way as (key, who waits for it).
    """

    push: str = "queued"
    linked: bool = False
    batch: Batch | None = None
    owner: int = NOBODY
    leased: bool = False
    made: int = 0
    known: tuple[tuple[int, str], ...] = ()
    net: tuple[tuple[int, int], ...] = ()
    workers: tuple[Phase, Phase] = (IDLE, IDLE)


Steps = Iterator[tuple[str, State]]


class Protocol:
    """All steps that are possible in a state. `natural`: Xero itself keeps the document unique (invoices do, payments
    do not). `without` names one guard that is taken out.
    """

    def __init__(self, *, natural: bool, without: str | None = None) -> None:
        self.natural = natural
        self.resends = natural or without == "payment re-sent under the same key"
        self.lacks = {without}

    def steps(self, state: State) -> Steps:
        """Every step with a word for it and the state after it."""
        for word, after in self._all(state):
            yield word, _tidy(after)

    def _all(self, s: State) -> Steps:
        for who in (0, 1):
            for word, after in self._worker(s, who):
                yield f"{word} by {'AB'[who]}", after
            if s.workers[who] != IDLE:
                yield f"{'AB'[who]} crashes", self._crash(s, who)
        yield from self._time(s)
        yield from self._network(s)

    def _worker(self, s: State, who: int) -> Steps:
        phase = s.workers[who]
        if phase == IDLE and not s.leased:
            batch = s.batch and s.batch._replace(mine=False)
            taken = s._replace(owner=who, leased=True, batch=batch)
            yield "lease taken", _at(taken, who, HELD)
        if phase[0] == "stamped":
            yield from self._leave(s, who, phase)
        if phase[0] == "sent":
            yield "no answer", _at(s._replace(net=_orphaned(s.net, who)), who, ("answer", phase[1], "none"))
        if phase[0] in ("held", "answer", "looked", "checked"):
            yield from self._write(s, who, phase)

    def _write(self, s: State, who: int, phase: Phase) -> Steps:
        """What begins with looking at the fencing number."""
        if s.owner != who and "no fence" not in self.lacks:
            yield "lease lost", _at(s, who, IDLE)
        elif phase[0] == "held":
            yield from self._hold(s, who)
        elif phase[0] == "answer":
            yield "recorded", _at(self._record(s, phase), who, HELD)
        else:
            yield "decided", _at(self._decide(s, phase), who, HELD)

    def _hold(self, s: State, who: int) -> Steps:
        batch = s.batch
        yield "lease given back", _at(s._replace(leased=s.leased and s.owner != who), who, IDLE)
        if s.push == "taken":
            yield "number looked up", _at(s, who, ("checked", None, s.made > 0))
        if s.push == "queued" and batch is None:
            yield "prepared", self._prepare(s)
        if batch is None:
            return
        if batch.state == "prepared":
            yield "stamped", self._stamp(s, who, batch)
        if batch.state == "sent" and not batch.mine:
            yield "adopted", s._replace(batch=batch._replace(state="unknown"))
        if batch.state == "unknown" and self.resends and batch.open:
            yield "stamped again", self._stamp(s, who, batch._replace(again=True))
        elif batch.state == "unknown" and (batch.quiet or "no quiet time" in self.lacks):
            yield "looked up", _at(s, who, ("looked", batch.key, s.made > 0))

    def _prepare(self, s: State) -> State:
        if s.linked:
            return s._replace(push="sent")
        free = next((key for key in KEYS if key not in _in_use(s)), None)
        return s if free is None else s._replace(push="sending", batch=Batch(free))

    def _stamp(self, s: State, who: int, batch: Batch) -> State:
        stamped = batch._replace(state="sent", mine=True, quiet=False)
        if "no stamp" in self.lacks:
            stamped = batch._replace(state="prepared")
        s = s._replace(batch=stamped)
        if "acknowledged before sending" in self.lacks:
            s = s._replace(batch=None, push="sent", linked=True)
        return _at(s, who, ("stamped", batch.key, True))

    def _leave(self, s: State, who: int, phase: Phase) -> Steps:
        _, key, fresh = phase
        assert isinstance(key, int)
        if (fresh or "no send deadline" in self.lacks) and len(s.net) < MOST_COPIES:
            yield "bytes leave", _at(s._replace(net=(*s.net, (key, who))), who, ("sent", key))
        if fresh:
            yield "time passes before sending", _at(s, who, ("stamped", key, False))
        else:
            yield "too late to send", _at(s, who, ("answer", key, "not sent"))

    def _record(self, s: State, phase: Phase) -> State:
        _, key, said = phase
        batch = s.batch
        if batch is None or batch.key != key:
            return s
        if said == "made":
            return s._replace(push="sent", linked=True, batch=None)
        if said == "taken":
            return s._replace(push="taken", batch=None)
        doubtful = said == "none" or batch.again or (said == "busy" and not self.natural)
        if doubtful and "time-out taken as failure" not in self.lacks:
            return s._replace(batch=batch._replace(state="unknown"))
        return s._replace(push="queued", batch=None)

    def _decide(self, s: State, phase: Phase) -> State:
        found = phase[2]
        if phase[0] == "looked" or not found:
            s = s._replace(batch=None)
        if found:
            return s._replace(push="sent", linked=True)
        return s._replace(push="queued")

    def _crash(self, s: State, who: int) -> State:
        s = _at(s._replace(net=_orphaned(s.net, who)), who, IDLE)
        if "no write-ahead" in self.lacks and s.batch is not None and s.owner == who:
            s = s._replace(batch=None, push="queued")
        return s

    def _time(self, s: State) -> Steps:
        if s.leased:
            yield "lease runs out", s._replace(leased=False)
        batch = s.batch
        if batch is None:
            return
        if batch.open and batch.state != "prepared":
            yield "too late to send again", s._replace(batch=batch._replace(open=False))
        under_way = any(key == batch.key for key, _ in s.net)
        about_to = any(phase[:1] == ("stamped",) and phase[1:] == (batch.key, True) for phase in s.workers)
        if batch.state != "prepared" and not (batch.quiet or under_way or about_to):
            yield "quiet time over", s._replace(batch=batch._replace(quiet=True))

    def _network(self, s: State) -> Steps:
        for place, (key, who) in enumerate(s.net):
            rest = s._replace(net=s.net[:place] + s.net[place + 1 :])
            yield "request lost", _told(rest, key, who, "none")
            yield "Xero is busy", _told(rest, key, who, "busy")
            done, said = self._applied(rest, key)
            yield f"Xero says {said}", _told(done, key, who, said)
            if who != NOBODY:
                yield f"Xero does it ({said}), reply lost", _told(done, key, who, "none")
        for key, _ in s.known:
            yield "key forgotten", s._replace(known=tuple(one for one in s.known if one[0] != key))

    def _applied(self, s: State, key: int) -> tuple[State, str]:
        stored = dict(s.known).get(key)
        if stored is not None:
            return s, stored
        said = "taken" if self.natural and s.made else "made"
        known = tuple(sorted([*s.known, (key, said)]))
        return s._replace(made=s.made + (said == "made"), known=known), said


def safe(s: State) -> bool:
    """Never twice in Xero."""
    return s.made <= 1


def truthful(s: State) -> bool:
    """What we call sent is in Xero."""
    return s.push != "sent" or s.made >= 1


def settled(s: State) -> bool:
    """Sent, and nothing is open."""
    return s.push == "sent" and s.batch is None


def _at(s: State, who: int, phase: Phase) -> State:
    workers = (phase, s.workers[1]) if who == 0 else (s.workers[0], phase)
    return s._replace(workers=workers)


def _told(s: State, key: int, who: int, said: str) -> State:
    return s if who == NOBODY else _at(s, who, ("answer", key, said))


def _orphaned(net: tuple[tuple[int, int], ...], who: int) -> tuple[tuple[int, int], ...]:
    return tuple((key, NOBODY if waits == who else waits) for key, waits in net)


def _in_use(s: State) -> set[object]:
    held = {phase[1] for phase in s.workers if len(phase) > 1}
    return (
        held | {key for key, _ in s.known} | {key for key, _ in s.net} | ({s.batch.key} if s.batch else set())
    )


def _tidy(s: State) -> State:
    """Keys by first appearance and workers in order, so that states that differ in names only are one."""
    if _rank(s.workers[1]) < _rank(s.workers[0]):
        swap = {0: 1, 1: 0, NOBODY: NOBODY}
        net = tuple((key, swap[who]) for key, who in s.net)
        s = s._replace(workers=s.workers[::-1], owner=swap[s.owner], net=net)
    names: dict[object, int] = {}
    for key in [*([s.batch.key] if s.batch else []), *(p[1] for p in s.workers if len(p) > 1)]:
        if key is not None:
            names.setdefault(key, len(names))
    for key, _ in sorted([*s.net, *s.known], key=str):
        names.setdefault(key, len(names))
    if all(key == name for key, name in names.items()):
        return s._replace(net=tuple(sorted(s.net)))
    first, second = ((p[0], names.get(p[1]), *p[2:]) if len(p) > 1 else p for p in s.workers)
    return s._replace(
        batch=s.batch and s.batch._replace(key=names[s.batch.key]),
        net=tuple(sorted((names[key], who) for key, who in s.net)),
        known=tuple(sorted((names[key], said) for key, said in s.known)),
        workers=(first, second),
    )


def _rank(phase: Phase) -> tuple[str, ...]:
    return tuple(str(part) for place, part in enumerate(phase) if place != 1)
