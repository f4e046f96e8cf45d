"""What changed in Xero's books between two readings of them, told where the mapping depends on it.

An account or a tax rate that was renamed is followed by its id; one that can no longer be used is told before
invoices fail of it.
"""

from dataclasses import dataclass

from sqlalchemy import case, func, literal, select
from sqlalchemy.orm import Session

from portal.models import Connection, LedgerAccount, Mapping, MappingKind, TaxRate, TrackingOption
from portal.services import standing

NEXT = "Choose another in Account Mapping."


@dataclass(frozen=True, slots=True)
class _Thing:
    """An account, tax rate or tracking option: for which kinds of choice it is good, and its percentage."""

    label: str
    good_for: frozenset[MappingKind]
    status: str
    rate: str = ""


Known = dict[str, _Thing]
TAX = frozenset({MappingKind.TAX})
TRACKED = frozenset({MappingKind.TRACKING})
NOTHING: frozenset[MappingKind] = frozenset()


def known(session: Session, connection_id: int) -> Known:
    """The books as they were last read, by AccountID, tax type and TrackingOptionID."""
    accounts = session.scalars(select(LedgerAccount).where(LedgerAccount.connection_id == connection_id))
    rates = session.scalars(select(TaxRate).where(TaxRate.connection_id == connection_id))
    options = session.scalars(select(TrackingOption).where(TrackingOption.connection_id == connection_id))
    tracked = {
        row.option_id: _Thing(row.label, TRACKED if row.usable else NOTHING, row.standing) for row in options
    }
    return (
        tracked
        | {row.account_id: _Thing(row.label, _uses(row), row.status) for row in accounts}
        | {
            row.tax_type: _Thing(
                row.name, TAX if row.usable else NOTHING, row.status, f"{row.rate.normalize():f} %"
            )
            for row in rates
        }
    )


def tell(session: Session, connection: Connection, before: Known) -> list[str]:
    """Write into the connection's history what happened to chosen accounts and tax rates; the sentences."""
    session.flush()
    now = known(session, connection.id)
    told = []
    for value, count, kind in _chosen(session, connection):
        was, becomes = before.get(value), now.get(value)
        if was is not None and becomes is not None and was != becomes:
            told.append(_sentence(was, becomes, count, kind))
    for sentence in filter(None, told):
        standing.tell(session, connection.location_id, sentence)
    return [sentence for sentence in told if sentence]


def _uses(account: LedgerAccount) -> frozenset[MappingKind]:
    uses = {
        MappingKind.CATEGORY: account.takes_lines,
        MappingKind.DEFAULT: account.takes_lines,
        MappingKind.PAYMENT: account.takes_payments,
        MappingKind.ROUNDING: account.takes_rounding,
    }
    return frozenset(kind for kind, good in uses.items() if good)


def _sentence(was: _Thing, becomes: _Thing, count: int, kind: MappingKind) -> str:
    depend = f"{count:,} choice{' depends' if count == 1 else 's depend'} on it."
    if kind in was.good_for - becomes.good_for:
        how = {"ARCHIVED": "was archived in Xero", "DELETED": "is no longer in Xero"}.get(
            becomes.status,
            "no longer takes payments in Xero"
            if kind == MappingKind.PAYMENT
            else "can no longer be used for sales",
        )
        return f"{was.label} {how}. {depend} {NEXT}"
    if was.rate != becomes.rate:
        return f"{was.label} was {was.rate} and is {becomes.rate} in Xero now. {depend} {NEXT}"
    if was.label != becomes.label:
        return f"{was.label} is called {becomes.label} in Xero now; the mapping follows."
    return f"{becomes.label} can be used again in Xero." if was.status != becomes.status else ""


def _chosen(session: Session, connection: Connection) -> list[tuple[str, int, MappingKind]]:
    """Each chosen account, tax type or option, how many choices of a kind name it, and that kind; revenue is one."""
    value = func.coalesce(Mapping.account_id, Mapping.tax_type, Mapping.option_id)
    kind = case((Mapping.kind == MappingKind.DEFAULT, literal(MappingKind.CATEGORY)), else_=Mapping.kind)
    rows = session.execute(
        select(value, func.count(), kind)
        .where(Mapping.location_id == connection.location_id, Mapping.tenant_id == connection.tenant_id)
        .group_by(value, kind)
        .order_by(value)
    )
    return [(str(value), count, MappingKind(kind)) for value, count, kind in rows]
