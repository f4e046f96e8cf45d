"""The checklist of Troubleshooting: everything that has to be in order for an invoice to reach Xero, looked at now."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from portal import bell, clock
from portal.models import (
    AuthorisationState,
    Connection,
    ConnectionState,
    Location,
    MappingKind,
    PushState,
    Source,
)
from portal.services import activity, connections, health, heartbeats, mappings, panel, sources, standing
from portal.services.mappings import DEFAULT, MappingBook, Missing
from portal.services.problems import Owner

SLOW = timedelta(minutes=10)
QUIET = timedelta(days=7)
FEW = 10


class Verdict(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: what is, what it means for invoices, who can do something, the button."""

    name: str
    verdict: Verdict
    sentence: str
    meaning: str = ""
    owner: Owner | None = None
    label: str | None = None
    endpoint: str | None = None


def run(location: Location) -> list[Check]:
    """Every check of a location, the bad ones first. Asks the database and Redis, not Xero."""
    connection = connections.of(location.id)
    found = [_connection(connection)]
    if connection is not None:
        found += _of_connection(location, connection)
    found += [
        *_webhook(sources.of(location.id)),
        _redis(),
        _processes("worker"),
        _processes("ticker"),
        _queue(location),
    ]
    order = list(reversed(Verdict))
    return sorted(found, key=lambda check: order.index(check.verdict))


def _of_connection(location: Location, connection: Connection) -> list[Check]:
    missing, book = mappings.missing(location.id), mappings.book(location.id)
    return [
        _sign_in(connection),
        _scopes(connection),
        _accounts(missing),
        *_health(location),
        _taxes(missing),
        _payments(book),
        _quota(connection),
    ]


def _connection(connection: Connection | None) -> Check:
    name = "Connection"
    if connection is None:
        return Check(
            name, Verdict.BAD, "No Xero organisation is connected.", "Nothing is sent.", Owner.YOU,
            "Connect to Xero", "integrations.index",
        )  # fmt: skip
    if connection.state == ConnectionState.CONNECTED:
        return Check(name, Verdict.OK, f"{connection.name} is connected.")
    if connection.state == ConnectionState.PAUSED:
        return Check(
            name, Verdict.WARN, connection.reason or "Sending is paused.", "Everything waits until it is resumed.",
            Owner.YOU, "Resume", "connections.panel",
        )  # fmt: skip
    return Check(
        name, Verdict.BAD, connection.reason or f"{connection.name} is {connection.state}.",
        "Nothing is sent; everything waits here.", Owner.YOU, "Reconnect", "connections.panel",
    )  # fmt: skip


def _sign_in(connection: Connection) -> Check:
    permit = connection.authorisation
    if permit.state == AuthorisationState.LOST:
        return Check(
            "Sign-in at Xero", Verdict.BAD, "Xero no longer honours the sign-in of the person who connected.",
            "Nothing is sent until somebody reconnects.", Owner.YOU, "Reconnect", "connections.panel",
        )  # fmt: skip
    return Check("Sign-in at Xero", Verdict.OK, "The sign-in is valid and is renewed by itself.")


def _scopes(connection: Connection) -> Check:
    if lacking := standing.missing(connection.authorisation.scopes):
        return Check(
            "Permissions", Verdict.BAD, f"Xero does not let us {standing.in_words(lacking)}.",
            "What needs this permission is refused.", Owner.YOU, "Reconnect", "connections.panel",
        )  # fmt: skip
    return Check("Permissions", Verdict.OK, "Xero lets us write invoices, contacts and payments.")


def _accounts(missing: Missing) -> Check:
    if missing.categories:
        return Check(
            "Account mapping", Verdict.BAD, f"No account is chosen for {_listed(missing.categories)}.",
            "Invoices with these categories wait.", Owner.YOU, "Choose accounts", "mappings.index",
        )  # fmt: skip
    return Check("Account mapping", Verdict.OK, "Every category has an account.")


def _health(location: Location) -> list[Check]:
    name = "Accounts still in use"
    alarms = health.alarms(location.id)
    if not alarms:
        return [Check(name, Verdict.OK, "Every chosen account and tax rate can be used in Xero.")]
    return [
        Check(
            name, Verdict.BAD, alarm.sentence, f"{alarm.depends} What needs it waits.", Owner.YOU,
            "Choose another", "mappings.index",
        )
        for alarm in alarms
    ]  # fmt: skip


def _taxes(missing: Missing) -> Check:
    if missing.taxes:
        return Check(
            "Tax rates", Verdict.BAD, f"No fitting Xero tax rate is chosen for {_listed(missing.taxes)}.",
            "Invoices with these taxes wait.", Owner.YOU, "Choose tax rates", "mappings.index",
        )  # fmt: skip
    return Check("Tax rates", Verdict.OK, "Every tax that HoopAI uses has a Xero tax rate.")


def _payments(book: MappingBook) -> Check:
    chosen = {key: value for (kind, key), value in book.chosen.items() if kind == MappingKind.PAYMENT}
    if DEFAULT not in chosen:
        return Check(
            "Payment account", Verdict.BAD, "No account is chosen for payments.",
            "Invoices are sent, their payments wait.", Owner.YOU, "Choose an account", "mappings.index",
        )  # fmt: skip
    accounts = [book.accounts.get(value) for value in chosen.values()]
    if any(account is None or not account.takes_payments for account in accounts):
        return Check(
            "Payment account", Verdict.BAD, "A chosen payment account can no longer be used in Xero.",
            "Payments that need it wait.", Owner.YOU, "Choose another account", "mappings.index",
        )  # fmt: skip
    return Check("Payment account", Verdict.OK, "Payments have an account in Xero.")


def _quota(connection: Connection) -> Check:
    left = panel.quota(connection)
    if left is None:
        return Check("Calls to Xero", Verdict.OK, "Nothing suggests that today's calls run short.")
    sentence = f"{left.left:,} of {left.limit:,} calls are left today."
    if left.percent < FEW:
        return Check(
            "Calls to Xero",
            Verdict.WARN,
            sentence,
            "When they are used up, sending goes on tomorrow.",
            Owner.NOBODY,
        )
    return Check("Calls to Xero", Verdict.OK, sentence)


def _webhook(source: Source | None) -> list[Check]:
    if source is None:
        return [
            Check(
                "Webhook", Verdict.BAD, "This location has no webhook address.", "HoopAI cannot tell us of invoices.",
                Owner.US,
            )
        ]  # fmt: skip
    return [_arriving(source), _signatures(source)]


def _arriving(source: Source) -> Check:
    if source.last_delivery_at is None:
        return Check(
            "Webhook", Verdict.WARN, "HoopAI has not delivered anything yet.", "No invoice can arrive here.",
            Owner.YOU, "Show the address", "integrations.index",
        )  # fmt: skip
    if source.last_delivery_at < clock.now() - QUIET:
        return Check(
            "Webhook", Verdict.WARN, "HoopAI has not delivered anything for a week.",
            "If invoices were made since, the webhook is broken.", Owner.YOU, "Show the address", "integrations.index",
        )  # fmt: skip
    return Check("Webhook", Verdict.OK, "HoopAI delivers to our address.")


def _signatures(source: Source) -> Check:
    name = "Signatures"
    if not source.refused_at or source.refused_at < (source.last_delivery_at or source.created_at):
        return Check(name, Verdict.OK, "The newest delivery carried a good signature.")
    return Check(
        name, Verdict.BAD, f"The newest delivery was refused: {source.refused_reason}.",
        "Invoices are turned away until the secret in HoopAI is the one shown here.", Owner.YOU,
        "Show the secret", "integrations.ask_secret",
    )  # fmt: skip


def _redis() -> Check:
    if bell.alive():
        return Check("Redis", Verdict.OK, "Redis answers.")
    return Check(
        "Redis",
        Verdict.WARN,
        "Redis does not answer.",
        "Sending goes on, a little later than usual.",
        Owner.US,
    )


def _processes(kind: str) -> Check:
    name = kind.capitalize()
    count = heartbeats.alive(kind)
    if count:
        return Check(name, Verdict.OK, f"{count} {kind}{'s are' if count > 1 else ' is'} alive.")
    meaning = "Nothing is sent." if kind == "worker" else "What waits for a time is not picked up by itself."
    return Check(name, Verdict.BAD, f"No {kind} has given a sign of life lately.", meaning, Owner.US)


def _queue(location: Location) -> Check:
    oldest = activity.oldest(location.id, (PushState.QUEUED,))
    if oldest is None or oldest > clock.now() - SLOW:
        return Check("Queue", Verdict.OK, "Nothing has been waiting for more than 10 minutes.")
    return Check(
        "Queue", Verdict.WARN, f"The oldest document has been queued for {_minutes(oldest)}.",
        "Something above holds it back.", Owner.NOBODY, "Show what waits", "pushes.index",
    )  # fmt: skip


def _minutes(since: datetime) -> str:
    minutes = int((clock.now() - since).total_seconds() // 60)
    return f"{minutes} minutes" if minutes < 120 else f"{minutes // 60} hours"


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
