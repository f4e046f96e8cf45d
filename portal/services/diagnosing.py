"""The three questions of the product's own documentation, answered from this location's data, step by step."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import func, select

from portal import clock
from portal.errors import NotFoundHere
from portal.extensions import db
from portal.models import (
    Connection,
    ConnectionState,
    Document,
    EventState,
    InboundEvent,
    Invoice,
    Location,
    Operation,
    Push,
    PushState,
)
from portal.services import checks, connections, miscoded, outbox, sources, troubleshooting
from portal.services.checks import Check, Verdict
from portal.services.miscoded import Miscoded
from portal.services.problems import Owner
from portal.services.troubleshooting import Group

LATELY = timedelta(days=30)
WEEK = timedelta(days=7)
MOST_REASONS = 5


@dataclass(slots=True)
class Diagnosis:
    """One question, what was found on the way, and the answer. `groups` and `miscoded` are what can be mended here."""

    question: str
    answer: str
    found: list[Check]
    owner: Owner | None = None
    label: str | None = None
    endpoint: str | None = None
    groups: list[Group] = field(default_factory=list)
    miscoded: list[Miscoded] = field(default_factory=list)


def of(location: Location, topic: str) -> Diagnosis:
    """The diagnosis of one of TOPICS, from what is known now. Raises NotFoundHere for anything else."""
    if topic not in TOPICS:
        raise NotFoundHere("There is no such question.")
    return _HOW[topic](location)


def _not_appearing(location: Location) -> Diagnosis:
    connection = connections.of(location.id)
    found = [
        checks.connection(connection), *_deliveries(location), *checks.processes(),
        _became(location, connection), *checks.webhook(sources.of(location.id)),
    ]  # fmt: skip
    groups = troubleshooting.groups(location)
    return _concluded(TOPICS["not-appearing"], found, groups, _nothing_wrong(location))


def _broken_connection(location: Location) -> Diagnosis:
    connection = connections.of(location.id)
    found = [checks.connection(connection)]
    if connection is not None:
        found += [
            *checks.access(connection),
            _last_success(connection),
            _waiting_meanwhile(location, connection),
        ]
    fine = (
        "The connection is in order by all that is known here. Run the checks now to have Xero asked again."
    )
    return _concluded(TOPICS["connection"], found, [], fine)


def _wrong_account(location: Location) -> Diagnosis:
    wrong = miscoded.found(location.id)
    found = [_by_default(location), *checks.mapped(location)]
    told = Diagnosis(TOPICS["wrong-account"], "", found, miscoded=wrong)
    if wrong:
        lines, invoices = (
            sum(each.lines for each in wrong),
            len({one for each in wrong for one in each.invoice_ids}),
        )
        told.answer = (
            f"{_many(lines, 'line')} of {_many(invoices, 'invoice')} in Xero {'is' if lines == 1 else 'are'} in "
            "another account than today's mapping says."
        )
        told.owner = Owner.YOU
        return told
    bad = next((each for each in found if each.verdict != Verdict.OK), None)
    if bad is not None:
        return _first(told, bad)
    told.answer = (
        "Every line that was sent lately is in the account that today's mapping says. If that is the wrong account, "
        "choose another one for its category; what is in Xero can be moved then."
    )
    told.owner, told.label, told.endpoint = Owner.YOU, "Account Mapping", "mappings.index"
    return told


TOPICS = {
    "not-appearing": "Invoices do not appear in Xero",
    "connection": "The connection shows an error, or the token has expired",
    "wrong-account": "Revenue is in the wrong account",
}
_HOW: dict[str, Callable[[Location], Diagnosis]] = {
    "not-appearing": _not_appearing,
    "connection": _broken_connection,
    "wrong-account": _wrong_account,
}


def _concluded(question: str, found: list[Check], groups: Sequence[Group], fine: str) -> Diagnosis:
    told = Diagnosis(question, fine, found, groups=list(groups))
    bad = next((each for each in found if each.verdict == Verdict.BAD), None)
    if bad is not None:
        return _first(told, bad)
    if groups:
        biggest = groups[0]
        told.answer = (
            f"{_many(sum(group.count for group in groups), 'document')} wait for a person, most of them for this: "
            f"{biggest.title}."
        )
        told.owner, told.label, told.endpoint = (
            biggest.advice.owner,
            biggest.advice.label,
            biggest.advice.endpoint,
        )
        return told
    odd = next((each for each in found if each.verdict == Verdict.WARN), None)
    return _first(told, odd) if odd is not None else told


def _first(told: Diagnosis, check: Check) -> Diagnosis:
    told.answer = f"{check.sentence} {check.meaning}".strip()
    told.owner, told.label, told.endpoint = check.owner, check.label, check.endpoint
    return told


def _deliveries(location: Location) -> list[Check]:
    """What HoopAI delivered in a week, and what became of it."""
    rows = db.session.execute(
        select(InboundEvent.state, func.count())
        .where(InboundEvent.location_id == location.id, InboundEvent.received_at > clock.now() - WEEK)
        .group_by(InboundEvent.state)
    )
    counts = {EventState(state): count for state, count in rows}
    total = sum(counts.values())
    lost = counts.get(EventState.BROKEN, 0) + counts.get(EventState.QUARANTINED, 0)
    used = counts.get(EventState.APPLIED, 0)
    said = f"HoopAI delivered {_many(total, 'event')} in 7 days, {used:,} of which changed something here."
    if not total:
        return []
    if lost:
        return [Check("Deliveries", Verdict.WARN, f"{said} {lost} could not be used.",
                      "What they told of is not here.", Owner.YOU, "Show the deliveries", "sources.index")]  # fmt: skip
    return [Check("Deliveries", Verdict.OK, said)]


def _became(location: Location, connection: Connection | None) -> Check:
    """Where the invoices of the last 30 days are."""
    rows = db.session.execute(
        select(Push.state, func.count())
        .join(Invoice, Invoice.id == Push.document_id)
        .where(
            Push.location_id == location.id, Push.document == Document.INVOICE, Push.operation == Operation.CREATE,
            Invoice.created_at > clock.now() - LATELY,
        )
        .group_by(Push.state)
    )  # fmt: skip
    counts = {PushState(state): count for state, count in rows}
    moving = sum(counts.get(state, 0) for state in (PushState.QUEUED, PushState.SENDING, PushState.WAITING))
    left = counts.get(PushState.SKIPPED, 0) + counts.get(PushState.CANCELLED, 0)
    total = sum(counts.values())
    if not total:
        return Check("Invoices of 30 days", Verdict.WARN, "HoopAI told of no invoice in 30 days.",
                     "If some were made there, their deliveries did not arrive.", Owner.YOU, "Look at the webhook",
                     "sources.index")  # fmt: skip
    said = (
        f"Of {_many(total, 'invoice')} of 30 days {counts.get(PushState.SENT, 0)} are in Xero, {moving} on their way, "
        f"{counts.get(PushState.BLOCKED, 0)} need somebody, {left} are not sent{_why_left(location)}."
    )
    return Check("Invoices of 30 days", Verdict.OK, said)


def _why_left(location: Location) -> str:
    rows = db.session.execute(
        select(Push.message, func.count().label("number"))
        .join(Invoice, Invoice.id == Push.document_id)
        .where(
            Push.location_id == location.id, Push.document == Document.INVOICE, Push.operation == Operation.CREATE,
            Push.state.in_((PushState.SKIPPED, PushState.CANCELLED)), Invoice.created_at > clock.now() - LATELY,
        )
        .group_by(Push.message)
        .order_by(func.count().desc())
        .limit(MOST_REASONS)
    ).all()  # fmt: skip
    reasons = [f"{number}: {(message or 'no reason kept').rstrip('.')}" for message, number in rows]
    return f" ({'; '.join(reasons)})" if reasons else ""


def _nothing_wrong(location: Location) -> str:
    counts = outbox.counts(location.id)
    moving = counts[PushState.QUEUED] + counts[PushState.SENDING] + counts[PushState.WAITING]
    if moving:
        verb = "is" if moving == 1 else "are"
        return f"Nothing is wrong: {_many(moving, 'document')} {verb} on the way. Ask by the number of one you miss."
    return "Nothing holds invoices back. Ask by the number of the one that you miss."


def _last_success(connection: Connection) -> Check:
    name, last = "Xero answers", connection.last_success_at
    if last is None:
        return Check(name, Verdict.WARN, "Xero has not answered us over this connection yet.")
    hours = (clock.now() - last).total_seconds() / 3600
    said = f"Xero last answered us {_ago(hours)}."
    return Check(name, Verdict.OK if hours < 48 else Verdict.WARN, said)


def _ago(hours: float) -> str:
    return (
        "within the hour"
        if hours < 1
        else f"{int(hours)} hours ago"
        if hours < 48
        else f"{int(hours // 24)} days ago"
    )


def _waiting_meanwhile(location: Location, connection: Connection) -> Check:
    counts = outbox.counts(location.id)
    waiting = counts[PushState.QUEUED] + counts[PushState.WAITING] + counts[PushState.BLOCKED]
    name, said = "What waits", f"{_many(waiting, 'document')} {'waits' if waiting == 1 else 'wait'} here."
    if waiting and connection.state != ConnectionState.CONNECTED:
        return Check(name, Verdict.WARN, said, "Nothing is lost: they go out once the connection is mended.",
                     None, "Show them", "pushes.index")  # fmt: skip
    return Check(name, Verdict.OK, said)


def _by_default(location: Location) -> Check:
    """How many categories have no account of their own."""
    following, label = miscoded.followers(location.id)
    name = "Default account"
    if label is None:
        return Check(
            name, Verdict.OK, "No default account is chosen, so every category has its own or waits."
        )
    if not following:
        return Check(name, Verdict.OK, f"Every category has an account of its own; nothing follows {label}.")
    shown = ", ".join(following[:3]) + (f" and {len(following) - 3} more" if len(following) > 3 else "")
    return Check(
        name,
        Verdict.OK,
        f"{shown} {'has' if len(following) == 1 else 'have'} no account of their own and go to {label}.",
    )


def _many(count: int, one: str) -> str:
    return f"{count:,} {one if count == 1 else one + 's'}"
