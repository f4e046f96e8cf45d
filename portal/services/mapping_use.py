"""What HoopAI's categories and payment methods carried lately, and what waits for them: a query each."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import BigInteger, Numeric, func, select, type_coerce

from portal import clock
from portal.extensions import db
from portal.models import Invoice, Line, Payment, Push, PushState

FEW = 100
USED_WITHIN = timedelta(days=90)


class Use:
    """How many invoices and how much money by currency one category carried in 90 days."""

    __slots__ = ("invoices", "money")

    def __init__(self) -> None:
        self.invoices = 0
        self.money: dict[str, Decimal] = {}


def waiting(location_id: int) -> dict[str, int]:
    """How many documents each cause holds back."""
    rows = db.session.execute(
        select(Push.cause, func.count())
        .where(Push.location_id == location_id, Push.state == PushState.BLOCKED, Push.cause.is_not(None))
        .group_by(Push.cause)
    )
    return {str(cause): count for cause, count in rows}


def of(location_id: int, keys: Sequence[str]) -> dict[str, Use]:
    """What these categories carried lately, untaxed; those that carried nothing are left out."""
    exact = db.engine.dialect.name == "sqlite"
    kind = BigInteger() if exact else Numeric()
    sums = func.sum(type_coerce(Line.quantity, kind) * type_coerce(Line.unit_amount, kind))
    rows = db.session.execute(
        select(
            Line.category_key, Invoice.currency, func.count(Invoice.id.distinct()), type_coerce(sums, kind)
        )
        .join(Invoice, Invoice.id == Line.invoice_id)
        .where(
            *([Line.category_key.in_(keys)] if len(keys) <= FEW else []),
            Invoice.location_id == location_id,
            Invoice.created_at >= clock.now() - USED_WITHIN,
        )
        .group_by(Line.category_key, Invoice.currency)
        .order_by(Invoice.currency)
    )
    found: dict[str, Use] = {}
    for key, currency, count, total in rows:
        use = found.setdefault(key, Use())
        use.invoices += count
        use.money[currency] = Decimal(str(total or 0)) / (100_000_000 if exact else 1)
    return found


def methods(location_id: int) -> set[str]:
    """The payment methods that occur, found by skipping along their index instead of reading every payment."""
    mine = Payment.location_id == location_id
    first = select(func.min(Payment.method).label("method")).where(mine)
    seen = first.cte("seen", recursive=True)
    following = select(func.min(Payment.method)).where(mine, Payment.method > seen.c.method).scalar_subquery()
    seen = seen.union_all(select(following).where(seen.c.method.is_not(None)))
    return {method for method in db.session.scalars(select(seen.c.method)) if method is not None}
