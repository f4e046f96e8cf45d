"""Which pushes can go now, asked by state; nothing here changes one.

A push can go when it is queued or has waited long enough, stands in no open batch, its parent is in Xero, and no other
push of the same document is under way. Never by `id > last`, which would miss rows that commit late.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from itertools import compress
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Select, and_, bindparam, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from portal import clock
from portal.models import Connection, Document, Link, Operation, Push, PushState
from portal.models.base import Moment
from portal.words import ENDED

Kind = tuple[Document, Operation]
WANTED = (PushState.QUEUED, PushState.WAITING)
TENTH = 10
PAYABLE = ("AUTHORISED", "PAID")


def due(
    session: Session,
    location_id: int,
    tenant_id: str,
    document: Document,
    operation: Operation,
    most: int,
    *,
    since: datetime | None = None,
) -> Sequence[Push]:
    """What may be sent now, the longest waiting first, but for a tenth of the places, which is for the newest:

    a single new invoice or a retry does not wait for ten thousand others, and costs no call of its own. With `since`
    only what was asked for after that moment.
    """
    facts = _facts(location_id, tenant_id, document, operation, since) | {"most": most}
    found = [push for state in WANTED for push in session.scalars(_oldest(state, since is not None), facts)]
    oldest = sorted(found, key=_age)[:most]
    if len(oldest) == most and most >= TENTH:
        facts |= {"since": oldest[-1].updated_at, "most": most // TENTH}
        newest = session.scalars(_newest(), facts).all()
    else:
        newest = oldest[-max(1, len(oldest) // TENTH) :]
    there = {push.id for push in newest}
    return [*newest, *[push for push in oldest if push.id not in there]][:most]


def _age(push: Push) -> tuple[datetime, int]:
    return push.updated_at, push.id


def any_due(
    session: Session,
    location_id: int,
    tenant_id: str,
    document: Document,
    operation: Operation,
    *,
    since: datetime | None = None,
) -> bool:
    """Whether anything of this kind may be sent now."""
    facts = _facts(location_id, tenant_id, document, operation, since)
    return session.scalar(_nth(since is not None), facts | {"before": 0}) is not None


def fills(
    session: Session, location_id: int, tenant_id: str, document: Document, operation: Operation, many: int
) -> bool:
    """Whether at least so many of this kind may be sent now."""
    facts = _facts(location_id, tenant_id, document, operation)
    return session.scalar(_nth(False), facts | {"before": many - 1}) is not None


def kinds_wanted(
    session: Session, location_id: int, kinds: tuple[Kind, ...], since: datetime | None = None
) -> set[Kind]:
    """Those kinds of which something is wanted now, whether or not its parent is in Xero."""
    facts = {"location_id": location_id, "moment": clock.now(), "since": since}
    return set(compress(kinds, session.execute(_asked(kinds, since is not None), facts).one()))


@cache
def _asked(kinds: tuple[Kind, ...], late_only: bool) -> Select[*tuple[bool, ...]]:
    """One question for each kind, in one statement, which is made once."""
    mine, moment = bindparam("location_id", type_=Push.location_id.type), bindparam("moment", type_=Moment)
    late = [Push.updated_at > bindparam("since", type_=Moment)] if late_only else []
    asked = [
        select(Push.id)
        .where(
            Push.location_id == mine,
            Push.document == document,
            Push.operation == operation,
            _wanted(moment),
            *late,
        )
        .exists()
        for document, operation in kinds
    ]
    return select(*asked)


def coming(
    session: Session, location_id: int, tenant_id: str, document: Document, operation: Operation
) -> int:
    """How many of this kind wait for a parent that is itself on its way to Xero or about to go."""
    return session.scalar(_coming(), _facts(location_id, tenant_id, document, operation)) or 0


def _facts(
    location_id: int, tenant_id: str, document: Document, operation: Operation, since: datetime | None = None
) -> dict[str, Any]:
    return {
        "location_id": location_id, "tenant_id": tenant_id, "document": document, "operation": operation,
        "moment": clock.now(), "since": since,
    }  # fmt: skip


def _of_kind() -> Select[Push]:
    """The pushes of a location and kind; the statements that begin with it are made once."""
    return select(Push).where(
        Push.location_id == bindparam("location_id"),
        Push.document == bindparam("document"),
        Push.operation == bindparam("operation"),
    )


@cache
def _ready(late_only: bool, states: tuple[PushState, ...] = WANTED) -> Select[Push]:
    found = _of_kind().where(
        Push.state.in_(states), ready(bindparam("moment", type_=Moment), bindparam("tenant_id"))
    )
    return found.where(Push.updated_at > bindparam("since", type_=Moment)) if late_only else found


@cache
def _oldest(state: PushState, late_only: bool) -> Select[Push]:
    """One state at a time, in the order of its index: what has been sent since the first day is never passed over."""
    return _ready(late_only, (state,)).order_by(Push.updated_at, Push.id).limit(bindparam("most"))


@cache
def _newest() -> Select[Push]:
    late = _ready(True, (PushState.QUEUED,))
    return late.order_by(Push.updated_at.desc(), Push.id.desc()).limit(bindparam("most"))


@cache
def _nth(late_only: bool) -> Select[int]:
    """The one behind so many others, if there is one; in no order, as it is only whether there is."""
    return _ready(late_only).with_only_columns(Push.id).offset(bindparam("before")).limit(1)


@cache
def _coming() -> Select[int]:
    parent = aliased(Push)
    on_its_way = (
        select(parent.id)
        .where(
            parent.location_id == Push.location_id,
            parent.document == Push.parent_document,
            parent.document_id == Push.parent_id,
            parent.operation == Operation.CREATE,
            parent.state.in_((PushState.QUEUED, PushState.SENDING)),
        )
        .exists()
    )
    there = _parent_is_there(bindparam("tenant_id"))
    waiting = _of_kind().where(Push.state == PushState.QUEUED, on_its_way, ~there)
    return waiting.with_only_columns(func.count(), maintain_column_froms=True)


def ready(
    moment: datetime | BindParameter[Any], tenant_id: BindParameter[Any] | InstrumentedAttribute[str]
) -> ColumnElement[bool]:
    """The condition that a push can go now, by state and never by `id > last`.

    It is queued or has waited long enough, is in no open batch, its parent is in Xero, and no other push of the
    same document is under way.
    """
    return and_(_wanted(moment), _parent_is_there(tenant_id), _not_under_way())


def _wanted(moment: datetime | BindParameter[Any]) -> ColumnElement[bool]:
    return and_(
        Push.state.in_(WANTED),
        Push.batch_id.is_(None),
        or_(Push.state == PushState.QUEUED, Push.next_try_at <= moment),
    )


def _parent_is_there(tenant_id: BindParameter[Any] | InstrumentedAttribute[str]) -> ColumnElement[bool]:
    link = aliased(Link)
    there = (
        select(link.id)
        .where(
            link.tenant_id == tenant_id,
            link.location_id == Push.location_id,
            link.document == Push.parent_document,
            link.document_id == Push.parent_id,
            or_(
                Push.document != Document.PAYMENT,
                link.xero_status.in_(PAYABLE),
                # Its payment goes no further than to the desk, where it is told so.
                and_(link.document == Document.INVOICE, link.xero_status.in_(ENDED)),
            ),
        )
        .correlate(Push, Connection)
        .exists()
    )
    return or_(Push.parent_id.is_(None), there)


def _not_under_way() -> ColumnElement[bool]:
    other = aliased(Push)
    return ~(
        select(other.id)
        .where(
            other.location_id == Push.location_id,
            other.document == Push.document,
            other.document_id == Push.document_id,
            other.batch_id.is_not(None),
        )
        .exists()
    )
