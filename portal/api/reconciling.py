"""Reconciliation for programs: begin one, see how far it is and what it found."""

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from portal.api import door, shapes, telling
from portal.api.problems import Refusal
from portal.api.routes import route
from portal.errors import ChooseAgain
from portal.models import DifferenceKind, Document, Reconciliation, RunStage, RunState
from portal.security import here
from portal.services import reconciled, reconciliation, tallies


class ProgressShape(shapes.Shape):
    """How far it has come: what is being done, documents seen of all, calls to Xero so far."""

    stage: RunStage
    percent: int
    seen: int
    total: int
    calls: int


class SideShape(shapes.Shape):
    """What one side holds."""

    count: int
    value: shapes.Amount


class MonthShape(shapes.Shape):
    """One month, kind of document and currency: HoopAI beside Xero."""

    month: str
    document: Document
    currency: str
    hoopai: SideShape
    xero: SideShape
    agrees: bool


class AccountShape(shapes.Shape):
    """One account: HoopAI beside Xero."""

    account: str
    document: Document
    currency: str
    hoopai: shapes.Amount
    xero: shapes.Amount
    agrees: bool


class DifferenceShape(shapes.Shape):
    """One difference, with what to do about it."""

    id: int
    kind: DifferenceKind
    title: str
    document: Document
    number: str
    date: date | None
    hoop_id: str | None
    xero_id: str | None
    push_id: int | None
    hoopai: str | None
    xero: str | None
    reason: str | None
    next_step: str
    url: str | None


class RunShape(shapes.Shape):
    """A reconciliation. `agrees` is null until it is done; `as_of` is when Xero's books were read."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, serialize_by_alias=True)

    id: int
    state: RunState
    first: date = Field(alias="from")
    last: date = Field(alias="to")
    message: str | None
    progress: ProgressShape
    as_of: datetime
    finished_at: datetime | None
    next_try_at: datetime | None
    agrees: bool | None
    differing: int
    waiting_or_left_out: int
    only_others: int


class WholeRunShape(RunShape):
    """The same with both sides by month and account, and a page of the differences."""

    months: list[MonthShape]
    accounts: list[AccountShape]
    differences: list[DifferenceShape]
    next_cursor: str | None


class RunWish(BaseModel):
    """The days to reconcile; without them from the first of the month before last until today."""

    model_config = ConfigDict(extra="forbid")

    first: date | None = Field(default=None, alias="from")
    last: date | None = Field(default=None, alias="to")


NAMES = {"first": "from", "last": "to"}


@route("POST", "/reconciliation", answer=RunShape, status=202, body=RunWish, body_needed=False, fails=(409,))
def begin_reconciliation(body: RunWish) -> RunShape:
    """Begin to reconcile; or the one that goes on already, for there is one at a time."""
    try:
        run_id = reconciliation.start(here().id, door.actor(), body.first, body.last)
    except ChooseAgain as refusal:
        if not refusal.fields:
            raise Refusal("not-connected", str(refusal)) from refusal
        errors = [{"pointer": f"#/{NAMES[name]}", "detail": text} for name, text in refusal.fields.items()]
        raise Refusal("invalid", str(refusal), errors) from refusal
    return RunShape(**_run(reconciliation.one(here().id, run_id)))


@route("GET", "/reconciliation/<int:run_id>", answer=WholeRunShape, query=shapes.PageQuery, fails=(404,))
def read_reconciliation(run_id: int, query: shapes.PageQuery) -> WholeRunShape:
    """How far a reconciliation is, and what it found; its differences go by pages."""
    run = reconciliation.one(here().id, run_id)
    page = reconciled.feed(run, query.cursor, query.limit)
    return WholeRunShape(
        **_run(run),
        months=[_month(total) for total in tallies.by_month(run.tallies)],
        accounts=[_account(total) for total in tallies.by_account(run.tallies)],
        differences=[_difference(row) for row in page.items],
        next_cursor=page.next,
    )


def _run(run: Reconciliation) -> dict[str, Any]:
    progress = ProgressShape(
        stage=run.stage, percent=run.percent, seen=run.seen, total=run.total, calls=run.calls
    )
    return {
        "id": run.id, "state": run.state, "first": run.first, "last": run.last, "message": run.message,
        "progress": progress, "as_of": run.started_at, "finished_at": run.finished_at, "next_try_at": run.next_at,
        "agrees": run.agrees, "differing": run.differing, "waiting_or_left_out": run.open_count,
        "only_others": run.foreign,
    }  # fmt: skip


def _month(total: tallies.Total) -> MonthShape:
    ours, theirs = (
        SideShape(count=count, value=telling.amount(value, total.currency))
        for count, value in ((total.our_count, total.our_value), (total.their_count, total.their_value))
    )
    return MonthShape(
        month=total.period, document=Document(total.document), currency=total.currency, hoopai=ours, xero=theirs,
        agrees=total.agrees,
    )  # fmt: skip


def _account(total: tallies.AccountTotal) -> AccountShape:
    return AccountShape(
        account=total.account, document=Document(total.document), currency=total.currency,
        hoopai=telling.amount(total.our_value, total.currency), xero=telling.amount(total.their_value, total.currency),
        agrees=total.agrees,
    )  # fmt: skip


def _difference(row: reconciled.Row) -> DifferenceShape:
    one = row.difference
    return DifferenceShape(
        id=one.id, kind=one.kind, title=row.words.title, document=one.document, number=one.number, date=one.day,
        hoop_id=one.hoop_id, xero_id=one.xero_id, push_id=one.push_id, hoopai=one.ours, xero=one.theirs,
        reason=one.message, next_step=row.words.next_step, url=row.url,
    )  # fmt: skip
