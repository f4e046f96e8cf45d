"""The one next step of a location on its way to live books, and the sentence that says why."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from portal import clock
from portal.models import Connection
from portal.services.health import Alarm
from portal.services.mappings import Missing
from portal.services.overview import Glance, Stage


@dataclass(frozen=True, slots=True)
class Step:
    """What stands in the way, if anything, since when, what it means for documents, and the button.

    `endpoint` is a page, or with `post` something that is done at once; `admins` where only who may change can.
    """

    stage: Stage
    sentence: str
    meaning: str
    label: str
    endpoint: str
    since: datetime | None = None
    post: bool = False
    admins: bool = True
    args: tuple[tuple[str, str], ...] = ()


def of(glance: Glance, missing: Missing | None, alarms: Sequence[Alarm]) -> Step:
    """The next step of a location, the most urgent one."""
    stage, connection = glance.stage, glance.connection
    if connection is None:
        return Step(
            stage, "Send invoices, contacts and payments to Xero.",
            "You sign in at Xero and choose one organisation. Only what is created after connecting is sent.",
            "Connect to Xero", "connections.connect",
        )  # fmt: skip
    waits, reason = _waits(glance), connection.reason or ""
    if stage in (Stage.DISCONNECTED, Stage.ATTENTION):
        return Step(
            stage, reason or "Nothing is sent until somebody reconnects.", waits, "Reconnect", "connections.connect",
            connection.since,
        )  # fmt: skip
    if stage == Stage.PAUSED:
        return Step(
            stage,
            reason or "Sending is paused.",
            waits,
            "Resume",
            "connections.resume",
            connection.since,
            post=True,
        )
    if stage == Stage.UNMAPPED and missing is not None:
        return Step(
            stage, "Choose accounts before the first invoice goes.", f"Still to be chosen: {missing.sentence}.",
            "Map accounts", "mappings.index",
        )  # fmt: skip
    return (
        _of_mapping(glance, missing, alarms, stage)
        or _of_the_day(connection, stage)
        or Step(
            stage,
            "Invoices, contacts and payments go to Xero by themselves.",
            "",
            "Open",
            "connections.panel",
            admins=False,
        )
    )


def _of_mapping(
    glance: Glance, missing: Missing | None, alarms: Sequence[Alarm], stage: Stage
) -> Step | None:
    if alarms:
        return Step(
            stage, alarms[0].sentence, alarms[0].depends, "Choose another account", "mappings.index",
            args=(("only", "stale"),),
        )  # fmt: skip
    if missing is not None and not missing.complete:
        return Step(
            stage, f"Choose {missing.sentence}.", "Documents that need them wait until then.", "Map accounts",
            "mappings.index", args=(("only", "unmapped"),),
        )  # fmt: skip
    if glance.needs_you:
        count = glance.needs_you
        what = "1 document needs" if count == 1 else f"{count:,} documents need"
        return Step(
            stage, f"{what} you before going to Xero.", "Everything else is sent meanwhile.", "See what to do",
            "troubleshooting.index", admins=False,
        )  # fmt: skip
    return None


def _of_the_day(connection: Connection, stage: Stage) -> Step | None:
    if connection.day_used(clock.now()) is None:
        return None
    return Step(
        stage, "Today's calls to Xero are used, but for a share that is kept.",
        "What waits goes by itself later. New invoices and what you retry by hand still go.", "See when",
        "connections.panel", admins=False,
    )  # fmt: skip


def _waits(glance: Glance) -> str:
    count = glance.on_its_way + glance.needs_you
    if not count:
        return "Nothing waits yet. What comes meanwhile is kept and sent then."
    what = "1 document waits" if count == 1 else f"{count:,} documents wait"
    return f"{what} here; nothing is lost and all of it is sent then."
