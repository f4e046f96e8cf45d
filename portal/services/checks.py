"""The checklist of Troubleshooting: everything that has to be in order for an invoice to reach Xero, looked at now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from portal import bell, clock
from portal.models import (
    AuthorisationState,
    Connection,
    ConnectionState,
    Heartbeat,
    Location,
    MappingKind,
    Source,
)
from portal.services import (
    clocks,
    health,
    heartbeats,
    mappings,
    overview,
    panel,
    sources,
    standing,
)
from portal.services.heartbeats import Life
from portal.services.mappings import DEFAULT, MappingBook, Missing
from portal.services.overview import Tally
from portal.services.preflight import Organisation
from portal.services.problems import Owner

SLOW = timedelta(minutes=10)
QUIET = timedelta(days=7)
OLD = timedelta(hours=48)
FEW = 10
FEW_SECONDS, MANY_SECONDS = 5, 30


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


def run(location: Location, missing: Missing | None = None, tally: Tally | None = None) -> list[Check]:
    """Every check of a location, the bad ones first. Asks the database and Redis, not Xero.

    `missing` and `tally` are handed in where they are wanted for more than this.
    """
    connection, signs = location.connection, heartbeats.recent()
    found = [_connection(connection)]
    if connection is not None:
        found += _of_connection(location, connection, missing or mappings.missing(location.id))
    found += [
        *_webhook(sources.of(location.id)),
        _redis(),
        *processes(signs),
        _queue(tally or overview.tally(location)),
        _clock(signs),
    ]
    order = list(reversed(Verdict))
    return sorted(found, key=lambda check: order.index(check.verdict))


def connection(found: Connection | None) -> Check:
    """Whether an organisation is connected."""
    return _connection(found)


def access(found: Connection) -> list[Check]:
    """The sign-in and what Xero lets us do."""
    return [_sign_in(found), _scopes(found)]


def processes(signs: Sequence[Heartbeat] | None = None) -> list[Check]:
    """Whether the portal's own programs run, and do what they are for."""
    known = heartbeats.recent() if signs is None else signs
    return [_processes(kind, heartbeats.life(kind, known)) for kind in ("worker", "ticker")]


def webhook(source: Source | None) -> list[Check]:
    """Whether HoopAI can tell us of invoices."""
    return _webhook(source)


def mapped(location: Location) -> list[Check]:
    """Whether every category has an account that can be used."""
    missing = mappings.missing(location.id)
    return [_accounts(missing), *_health(location, missing)]


def _of_connection(location: Location, connection: Connection, missing: Missing) -> list[Check]:
    return [
        _sign_in(connection),
        _scopes(connection),
        _accounts(missing),
        *_health(location, missing),
        _taxes(missing),
        _payments(missing.book),
        _locks(connection),
        _facts(connection),
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
    if permit.failing_reason:
        ours = permit.failing_reason == "app"
        said = (
            "Xero does not accept the portal's own settings."
            if ours
            else "Xero's sign-in does not answer; it is tried again by itself."
        )
        return Check(
            "Sign-in at Xero", Verdict.BAD if ours else Verdict.WARN, said,
            "Nothing is sent once the present token has run out.", Owner.US if ours else Owner.NOBODY,
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


def _health(location: Location, missing: Missing) -> list[Check]:
    name = "Accounts still in use"
    alarms = health.alarms(location.id, missing.book, missing.category_names)
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


def _locks(connection: Connection) -> Check:
    books = Organisation.of(connection.organisation)
    if books.locked_to is None:
        return Check("Lock dates", Verdict.OK, f"The books of {connection.name} are not locked.")
    day = f"{books.locked_to:%-d %B %Y}"
    if books.locked_to < clock.now().date() - timedelta(days=7):
        return Check("Lock dates", Verdict.OK, f"The books of {connection.name} are locked up to {day}.")
    return Check(
        "Lock dates", Verdict.WARN, f"The books of {connection.name} are locked up to {day}.",
        "Invoices and payments dated up to then are stopped, or go as Sync options say.", Owner.BOOKKEEPER,
        "Sync options", "sync_options.index",
    )  # fmt: skip


def _facts(connection: Connection) -> Check:
    name, read = "What we know of Xero", connection.facts_fetched_at
    if read is not None and read > clock.now() - OLD:
        return Check(name, Verdict.OK, "Accounts, tax rates, currencies and lock dates were read lately.")
    return Check(
        name, Verdict.WARN, "Accounts, tax rates and lock dates were not read from Xero for two days.",
        "What was changed there since is not known here.", Owner.YOU, "Test connection", "connections.panel",
    )  # fmt: skip


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
    return [_arriving(source), _signatures(source), _token(source)]


def _arriving(source: Source) -> Check:
    if source.last_delivery_at is None:
        return Check(
            "Webhook", Verdict.WARN, "HoopAI has not delivered anything yet.",
            "Enter the address in HoopAI unless it is there already; the first invoice then comes by itself.",
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
        name, Verdict.BAD, f"The newest delivery was refused. {source.refused_reason}",
        "Invoices are turned away until HoopAI signs them as is chosen here.", Owner.YOU,
        "Look at the signature", "sources.index",
    )  # fmt: skip


def _token(source: Source) -> Check:
    name = "HoopAI API token"
    if source.api_token_sealed is None:
        return Check(
            name, Verdict.WARN, "No HoopAI API token is entered.",
            "Lost webhooks and refunds stay unseen, and payments come without method and date.", Owner.YOU,
            "Enter a token", "sources.index",
        )  # fmt: skip
    if source.api_refused_reason:
        return Check(
            name, Verdict.BAD, source.api_refused_reason, "Nothing is read from HoopAI; webhooks still count.",
            Owner.YOU, "Enter a token", "sources.index",
        )  # fmt: skip
    if source.api_lacks:
        return Check(
            name, Verdict.WARN, f"HoopAI's API token lacks {', '.join(source.api_lacks)}.",
            "What needs this scope is not read.", Owner.YOU, "Enter a token", "sources.index",
        )  # fmt: skip
    return Check(name, Verdict.OK, "HoopAI accepts the API token.")


def _clock(signs: Sequence[Heartbeat]) -> Check:
    name, skew = "Clock", clocks.worst(signs)
    if skew is None:
        return Check(name, Verdict.OK, "Xero has not told the time yet; it does with the next call.")
    off = abs(skew.seconds)
    if off < FEW_SECONDS:
        return Check(name, Verdict.OK, "The portal's clocks agree with Xero's.")
    way = "ahead of" if skew.seconds > 0 else "behind"
    return Check(
        name, Verdict.BAD if off >= MANY_SECONDS else Verdict.WARN,
        f"The clock of {skew.process} is {off:,.0f} seconds {way} Xero's.",
        "Times shown are off, and sending may wait too long or not long enough.", Owner.US,
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


def _processes(kind: str, life: Life) -> Check:
    name = kind.capitalize()
    alive = f"{life.alive} {kind}{'s are' if life.alive > 1 else ' is'} alive"
    if life.failing:
        which = "" if life.failing == life.alive else f" of {life.failing} of them"
        return Check(
            name, Verdict.WARN if which else Verdict.BAD, f"{alive}, but the last {life.most} jobs{which} failed.",
            "What they were to do is not done until that is mended; the portal's log says why.", Owner.US,
        )  # fmt: skip
    if life.alive:
        return Check(name, Verdict.OK, f"{alive}.")
    meaning = "Nothing is sent." if kind == "worker" else "What waits for a time is not picked up by itself."
    return Check(name, Verdict.BAD, f"No {kind} has given a sign of life lately.", meaning, Owner.US)


def _queue(tally: Tally) -> Check:
    oldest = tally.queued_since
    if oldest is None or oldest > clock.now() - SLOW:
        return Check("Queue", Verdict.OK, "Nothing has been waiting for more than 10 minutes.")
    return Check(
        "Queue", Verdict.WARN, f"The oldest document has been queued for {_minutes(oldest)}.",
        "Something above holds it back.", Owner.NOBODY, "Show what waits", "pushes.index",
    )  # fmt: skip


def _minutes(since: datetime) -> str:
    minutes = int((clock.now() - since).total_seconds() // 60)
    hours = minutes // 60
    return f"{minutes} minutes" if hours < 2 else f"{hours} hours" if hours < 48 else f"{hours // 24} days"


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
