"""What our payments come to in Xero, by invoice: asked by the payments' ids, however many others there are."""

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from functools import cache

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session

from portal.models import Document, Link, Operation, Payment, Push
from portal.models.among import among


def paid(
    session: Session, tenant_id: str, location_id: int, invoice_ids: Iterable[int]
) -> dict[int, Decimal]:
    """The sum of each invoice's payments that the portal made; an overpayment pays for no invoice."""
    rows = session.execute(_payments(), {"invoices": list(invoice_ids)})
    invoice_of: dict[int, int] = {payment_id: invoice_id for payment_id, invoice_id in rows}
    sums: dict[int, Decimal] = defaultdict(Decimal)
    for payment_id, total in totals(session, tenant_id, location_id, Document.PAYMENT, invoice_of).items():
        sums[invoice_of[payment_id]] += total
    return sums


def totals(
    session: Session, tenant_id: str, location_id: int, document: Document, ids: Iterable[int]
) -> dict[int, Decimal]:
    """What these documents are worth in Xero, without those that are not there or were deleted."""
    asked = {"tenant_id": tenant_id, "location_id": location_id, "document": document, "ids": list(ids)}
    rows = session.execute(_links(), asked)
    return {document_id: total for document_id, total in rows if total is not None}


@cache
def _payments() -> Select[*tuple[int, int]]:
    overpays = select(Push.id).where(
        Push.location_id == Payment.location_id,
        Push.document == Document.PAYMENT,
        Push.document_id == Payment.id,
        Push.operation == Operation.OVERPAY,
    )
    of_them = among(Payment.invoice_id, "invoices")
    return select(Payment.id, Payment.invoice_id).where(of_them, ~overpays.exists())


@cache
def _links() -> Select[*tuple[int, Decimal | None]]:
    return select(Link.document_id, Link.xero_total).where(
        Link.tenant_id == bindparam("tenant_id"),
        Link.location_id == bindparam("location_id"),
        Link.document == bindparam("document"),
        among(Link.document_id, "ids"),
        Link.xero_status.is_distinct_from("DELETED"),
    )
