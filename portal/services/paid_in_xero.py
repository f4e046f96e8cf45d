"""What our payments come to in Xero, by invoice: asked by the payments' ids, however many others there are."""

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from functools import cache

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from portal.models import Document, Operation, Payment, Push
from portal.models.among import among
from portal.services import linking


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
    links = linking.of(session, tenant_id, location_id, document, ids, brief=True)
    return {
        document_id: link.xero_total
        for document_id, link in links.items()
        if link.xero_total is not None and link.xero_status != "DELETED"
    }


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
