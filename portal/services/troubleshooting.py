"""Troubleshooting: what is checked right now, what needs a person, and why one invoice is not in Xero."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import func, select

from portal import clock
from portal.extensions import db
from portal.models import (
    Category,
    EventState,
    Failure,
    HoopTax,
    InboundEvent,
    Invoice,
    LedgerAccount,
    Location,
    Push,
    PushState,
)
from portal.services import invoices, problems, stories
from portal.services.mapping_history import method_name
from portal.services.problems import Advice, Owner

MOST_EACH = 500


@dataclass(frozen=True, slots=True)
class Group:
    """Blocked pushes that one act mends. `subject` names the category, tax, account or currency concerned."""

    failure: Failure
    cause: str
    advice: Advice
    subject: str
    message: str
    count: int
    money: dict[str, Decimal]
    oldest: datetime
    push_ids: list[int]


@dataclass(frozen=True, slots=True)
class Answer:
    """Why an invoice is or is not in Xero, in one sentence; what to do, who, and where."""

    sentence: str
    invoice: Invoice | None = None
    meaning: str = ""
    owner: Owner | None = None
    label: str | None = None
    endpoint: str | None = None


def groups(location: Location) -> list[Group]:
    """What needs a person, grouped by cause, the largest first."""
    pushes = db.session.scalars(
        select(Push)
        .where(Push.location_id == location.id, Push.state == PushState.BLOCKED)
        .order_by(Push.updated_at, Push.id)
    ).all()
    gathered: dict[tuple[str, str], list[Push]] = {}
    for push in pushes:
        gathered.setdefault((str(push.failure or Failure.BUG), _cause(push)), []).append(push)
    names = _names(location.id)
    found = [_group(Failure(failure), cause, many, names) for (failure, cause), many in gathered.items()]
    return sorted(found, key=lambda group: (-group.count, group.oldest))


def why_not(location: Location, number: str) -> Answer:
    """Why the invoice with this number (or HoopAI id) is not in Xero."""
    wanted = number.strip().lstrip("#")
    found = db.session.scalars(
        select(Invoice)
        .where(
            Invoice.location_id == location.id,
            (func.lower(Invoice.number) == wanted.lower()) | (Invoice.hoop_id == wanted),
        )
        .order_by(Invoice.id.desc())
        .limit(1)
    ).first()
    if found is None:
        return _unknown(location, wanted)
    return _why(stories.story(location, found.hoop_id))


def _cause(push: Push) -> str:
    cause = push.cause or ""
    return cause if ":" in cause or cause else f"message:{push.message or ''}"


def _group(failure: Failure, cause: str, pushes: Sequence[Push], names: dict[str, str]) -> Group:
    money: dict[str, Decimal] = {}
    for push in pushes:
        if push.amount is not None and push.currency:
            money[push.currency] = money.get(push.currency, Decimal(0)) + push.amount
    return Group(
        failure=failure,
        cause=cause,
        advice=problems.advice(failure, cause),
        subject=_subject(cause, names),
        message=pushes[0].message or "",
        count=len(pushes),
        money=money,
        oldest=min(push.updated_at for push in pushes),
        push_ids=[push.id for push in pushes[:MOST_EACH]],
    )


def _subject(cause: str, names: dict[str, str]) -> str:
    kind, _, key = cause.partition(":")
    if kind == "payment":
        return method_name(key)
    return key if kind == "currency" else names.get(cause, "")


def _names(location_id: int) -> dict[str, str]:
    categories = db.session.execute(
        select(Category.key, Category.name).where(Category.location_id == location_id)
    )
    taxes = db.session.execute(select(HoopTax.key, HoopTax.name).where(HoopTax.location_id == location_id))
    mine = invoices.connection_id_of(location_id)
    accounts = db.session.scalars(select(LedgerAccount).where(LedgerAccount.connection_id == mine))
    return {
        **{f"category:{key}": name for key, name in categories},
        **{f"tax:{key}": name for key, name in taxes},
        "tax:none": "No tax",
        **{f"account:{account.account_id}": account.label for account in accounts},
    }


def _unknown(location: Location, number: str) -> Answer:
    recent = clock.now() - timedelta(days=7)
    broken = db.session.scalar(
        select(func.count()).where(
            InboundEvent.location_id == location.id,
            InboundEvent.state.in_((EventState.BROKEN, EventState.QUARANTINED)),
            InboundEvent.received_at > recent,
        )
    )
    extra = f" {broken} deliveries of the last 7 days could not be used." if broken else ""
    return Answer(
        f"HoopAI has not told us of an invoice {number}.{extra}",
        meaning="It cannot reach Xero before HoopAI's webhook has brought it here. Check the number and the webhook.",
        owner=Owner.YOU,
        label="Look at the webhook",
        endpoint="integrations.index",
    )


def _why(story: stories.Story) -> Answer:
    invoice, push = story.invoice, story.push
    if push is None:
        return Answer(f"Invoice {invoice.number} has not asked to be sent yet.", invoice)
    if push.state == PushState.SENT:
        return Answer(f"Invoice {invoice.number} is in Xero.", invoice)
    if push.state in (PushState.SKIPPED, PushState.CANCELLED):
        return Answer(
            f"Invoice {invoice.number} is not sent: {push.message or 'a person decided so.'}", invoice
        )
    if push.state == PushState.BLOCKED:
        advice = problems.advice(push.failure, push.cause)
        sentence = push.message or f"{advice.title}."
        return Answer(sentence, invoice, advice.meaning, advice.owner, advice.label, advice.endpoint)
    if push.state == PushState.WAITING:
        advice = problems.advice(push.failure, push.cause)
        return Answer(push.message or f"{advice.title}.", invoice, advice.meaning, Owner.NOBODY)
    return Answer(f"Invoice {invoice.number} is on its way to Xero.", invoice, "", Owner.NOBODY)
