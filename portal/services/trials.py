"""Running all checks now: Xero and HoopAI are really asked, step by step, each answer kept as it comes."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import select

from portal import clock
from portal.errors import ChooseAgain, ConnectAgain, NotNow
from portal.extensions import db
from portal.models import Location, Run, RunKind, User
from portal.services import audit, connections, deliveries, hoop_reader, panel, runs, sources
from portal.services.checks import Check, Verdict
from portal.services.problems import Owner
from portal.services.runs import Progress
from portal.services.unit import release, transaction

Found = list[Check]
NOT_KNOWN = "Not known at the moment: {reason}"


def begin(location: Location, user: User) -> int:
    """Start to run the checks; the run's id. Nothing is asked before the first `step`."""
    with transaction() as session:
        run = Run(
            location_id=location.id,
            user_id=user.id,
            kind=RunKind.CHECKS,
            title="All checks",
            items=list(STEPS),
        )
        session.add(run)
        audit.note(session, user, location.id, "checks.run")
        session.flush()
        return run.id


def step(location: Location, run_id: int) -> bool:
    """Do the next step; whether there is another one. Two people pressing at once do no harm. Raises NotFoundHere."""
    run = runs.one(location.id, run_id, RunKind.CHECKS)
    if not _going(run):
        return False
    place = len(run.results)
    found = [_kept(check) for check in STEPS[run.items[place]](location)]
    release()
    with transaction() as session:
        run = session.get_one(Run, run_id, with_for_update=True, populate_existing=True)
        if len(run.results) == place and _going(run):
            run.results = [*run.results, found]
            run.finished_at = clock.now() if len(run.results) == len(run.items) else None
        return _going(run)


def finish(location: Location, run_id: int) -> None:
    """Do all steps that are left; for browsers that cannot go on by themselves."""
    while step(location, run_id):
        continue


def cancel(location: Location, run_id: int) -> None:
    """Leave out the steps that are left. Raises NotFoundHere."""
    runs.one(location.id, run_id, RunKind.CHECKS)
    with transaction() as session:
        run = session.get_one(Run, run_id, with_for_update=True, populate_existing=True)
        run.cancelled_at = run.cancelled_at or clock.now()


def progress(run: Run) -> Progress:
    """How far the checks are, and which one is next."""
    done, going = len(run.results), _going(run)
    left_out = f"Stopped; {len(run.items) - done} left out." if run.cancelled_at else "Done."
    return Progress(
        total=len(run.items),
        done=done,
        what="steps settled",
        now=f"{run.items[done]} …" if going else left_out,
        going=going,
    )


def latest(location_id: int) -> Run | None:
    """The newest run of the checks of this location."""
    return db.session.scalar(
        select(Run)
        .where(Run.location_id == location_id, Run.kind == RunKind.CHECKS)
        .order_by(Run.id.desc())
        .limit(1)
    )


def results(run: Run) -> list[Check]:
    """What was found so far, the bad ones first."""
    found = [_read(each) for part in run.results for each in part]
    order = list(reversed(Verdict))
    return sorted(found, key=lambda check: order.index(check.verdict))


def _going(run: Run) -> bool:
    return run.finished_at is None and run.cancelled_at is None and len(run.results) < len(run.items)


def _connection(location: Location) -> Found:
    try:
        found = panel.look(location)
    except (ChooseAgain, ConnectAgain, NotNow) as refusal:
        return [_bad("Connection", str(refusal), "Nothing is sent.", "Connect to Xero", "integrations.index")]
    return [_of_xero(check) for check in found]


def _books(location: Location) -> Found:
    connection = connections.of(location.id)
    return [_of_xero(panel.fetch(connection.id))] if connection is not None else []


def _token(location: Location) -> Found:
    name = "HoopAI API token"
    try:
        lacking = hoop_reader.try_token(location.id)
    except NotNow as wait:
        return [Check(name, Verdict.WARN, NOT_KNOWN.format(reason=wait))]
    if lacking is None:
        return [Check(name, Verdict.WARN, "No API token is entered.", "Lost webhooks stay unseen.", Owner.YOU,
                      "Enter a token", "sources.index")]  # fmt: skip
    if lacking:
        told = f"HoopAI does not let us use {', '.join(lacking)} with the API token."
        return [
            _bad(name, told, "What needs this is not read from HoopAI.", "Enter a token", "sources.index")
        ]
    return [Check(name, Verdict.OK, "HoopAI has just accepted the API token.")]


def _address(location: Location) -> Found:
    source = sources.of(location.id)
    if source is None:
        return []
    tried = deliveries.send_test(location, source)
    if tried.ok:
        return [Check("Webhook address", Verdict.OK, tried.sentence)]
    return [
        Check("Webhook address", Verdict.BAD, tried.sentence, "HoopAI's deliveries do not arrive.", Owner.US)
    ]


STEPS: dict[str, Callable[[Location], Found]] = {
    "Asking Xero about the sign-in, the organisation and what we may do there": _connection,
    "Reading accounts, tax rates, currencies and lock dates from Xero": _books,
    "Asking HoopAI whether it accepts the API token": _token,
    "Sending a test delivery to our own webhook address": _address,
}


def _of_xero(check: connections.Check) -> Check:
    if check.ok:
        return Check(check.name, Verdict.OK, check.sentence)
    if check.ok is None:
        return Check(check.name, Verdict.WARN, check.sentence)
    return _bad(
        check.name, check.sentence, "Nothing is sent until this is mended.", "Reconnect", "connections.panel"
    )


def _bad(name: str, sentence: str, meaning: str, label: str, endpoint: str) -> Check:
    return Check(name, Verdict.BAD, sentence, meaning, Owner.YOU, label, endpoint)


def _kept(check: Check) -> dict[str, Any]:
    return {name: getattr(check, name) for name in Check.__slots__ if name != "owner"} | {
        "owner": check.owner.name if check.owner else None
    }


def _read(kept: dict[str, Any]) -> Check:
    owner = Owner[kept["owner"]] if kept["owner"] else None
    return Check(**{**kept, "verdict": Verdict(kept["verdict"]), "owner": owner})
