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

Kind = tuple[Document, Operation]
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
    """What may be sent now, oldest first, but for a tenth of the places, which is for the newest:

    a single new invoice or a retry does not wait for ten thousand others, and costs no call of its own. With `since`
    only what was asked for after that moment.
    """
    found = _of_kind(location_id, tenant_id, document, operation)
    if since is not None:
        found = found.where(Push.updated_at > since)
    oldest = session.scalars(found.order_by(Push.id).limit(most)).all()
    if len(oldest) == most and most >= TENTH:
        later = found.where(Push.updated_at > oldest[-1].updated_at)
        newest = session.scalars(later.order_by(Push.updated_at.desc()).limit(most // TENTH)).all()
    else:
        newest = sorted(oldest, key=lambda push: (push.updated_at, push.id))[-max(1, len(oldest) // TENTH) :]
    there = {push.id for push in newest}
    return [*newest, *[push for push in oldest if push.id not in there]][:most]


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
    return bool(due(session, location_id, tenant_id, document, operation, 1, since=since))


def fills(
    session: Session, location_id: int, tenant_id: str, document: Document, operation: Operation, many: int
) -> bool:
    """Whether at least so many of this kind may be sent now."""
    found = _of_kind(location_id, tenant_id, document, operation).with_only_columns(Push.id)
    return session.scalar(found.order_by(Push.id).offset(many - 1).limit(1)) is not None


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
    found = select(func.count()).where(
        Push.location_id == location_id,
        Push.document == document,
        Push.operation == operation,
        Push.state == PushState.QUEUED,
        on_its_way,
        ~_parent_is_there(tenant_id),
    )
    return session.scalar(found) or 0


def _of_kind(location_id: int, tenant_id: str, document: Document, operation: Operation) -> Select[Push]:
    return select(Push).where(
        Push.location_id == location_id,
        Push.document == document,
        Push.operation == operation,
        ready(clock.now(), tenant_id),
    )


def ready(moment: datetime, tenant_id: str | InstrumentedAttribute[str]) -> ColumnElement[bool]:
    """The condition that a push can go now, by state and never by `id > last`.

    It is queued or has waited long enough, is in no open batch, its parent is in Xero, and no other push of the
    same document is under way.
    """
    return and_(_wanted(moment), _parent_is_there(tenant_id), _not_under_way())


def _wanted(moment: datetime | BindParameter[Any]) -> ColumnElement[bool]:
    return and_(
        Push.state.in_((PushState.QUEUED, PushState.WAITING)),
        Push.batch_id.is_(None),
        or_(Push.state == PushState.QUEUED, Push.next_try_at <= moment),
    )


def _parent_is_there(tenant_id: str | InstrumentedAttribute[str]) -> ColumnElement[bool]:
    link = aliased(Link)
    there = (
        select(link.id)
        .where(
            link.tenant_id == tenant_id,
            link.location_id == Push.location_id,
            link.document == Push.parent_document,
            link.document_id == Push.parent_id,
            or_(Push.document != Document.PAYMENT, link.xero_status.in_(PAYABLE)),
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
