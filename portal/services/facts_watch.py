"""What changed in Xero's books between two readings of them, told where the mapping depends on it.

An account or a tax rate that was renamed is followed by its id; one that can no longer be used is told before
invoices fail of it.
"""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.models import Connection, LedgerAccount, Mapping, MappingKind, TaxRate
from portal.services import standing

NEXT = "Choose another in Account Mapping."


@dataclass(frozen=True, slots=True)
class _Thing:
    label: str
    revenue: bool
    payments: bool
    status: str
    rate: str = ""


Known = dict[str, _Thing]


def known(session: Session, connection_id: int) -> Known:
    """The books as they were last read, by AccountID and tax type."""
    accounts = session.scalars(select(LedgerAccount).where(LedgerAccount.connection_id == connection_id))
    rates = session.scalars(select(TaxRate).where(TaxRate.connection_id == connection_id))
    return {
        row.account_id: _Thing(row.label, row.takes_revenue, row.takes_payments, row.status)
        for row in accounts
    } | {
        row.tax_type: _Thing(row.name, row.usable, False, row.status, f"{row.rate.normalize():f} %")
        for row in rates
    }


def tell(session: Session, connection: Connection, before: Known) -> list[str]:
    """Write into the connection's history what happened to chosen accounts and tax rates; the sentences."""
    session.flush()
    now = known(session, connection.id)
    told = []
    for value, count, for_payments in _chosen(session, connection):
        was, becomes = before.get(value), now.get(value)
        if was is not None and becomes is not None and was != becomes:
            told.append(_sentence(was, becomes, count, for_payments))
    for sentence in filter(None, told):
        standing.tell(session, connection.location_id, sentence)
    return [sentence for sentence in told if sentence]


def _sentence(was: _Thing, becomes: _Thing, count: int, for_payments: bool) -> str:
    lost = (was.payments and not becomes.payments) if for_payments else (was.revenue and not becomes.revenue)
    depend = f"{count:,} choice{' depends' if count == 1 else 's depend'} on it."
    if lost:
        how = {"ARCHIVED": "was archived in Xero", "DELETED": "is no longer in Xero"}.get(
            becomes.status,
            "no longer takes payments in Xero" if for_payments else "can no longer be used for sales",
        )
        return f"{was.label} {how}. {depend} {NEXT}"
    if was.rate != becomes.rate:
        return f"{was.label} was {was.rate} and is {becomes.rate} in Xero now. {depend} {NEXT}"
    if was.label != becomes.label:
        return f"{was.label} is called {becomes.label} in Xero now; the mapping follows."
    return f"{becomes.label} can be used again in Xero." if was.status != becomes.status else ""


def _chosen(session: Session, connection: Connection) -> list[tuple[str, int, bool]]:
    """Each chosen account or tax type, how many choices name it, and whether it is for payments."""
    value = func.coalesce(Mapping.account_id, Mapping.tax_type)
    payments = Mapping.kind == MappingKind.PAYMENT
    rows = session.execute(
        select(value, func.count(), payments)
        .where(Mapping.location_id == connection.location_id, Mapping.tenant_id == connection.tenant_id)
        .group_by(value, payments)
        .order_by(value)
    )
    return [(str(value), count, bool(for_payments)) for value, count, for_payments in rows]
