"""Payments as people read them."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from portal.extensions import db
from portal.models import Connection, Document, Invoice, Link, Location, Operation, Payment, Push
from portal.services import paging, stories, xero_links
from portal.services.mapping_history import method_name
from portal.services.paging import Page


@dataclass(frozen=True, slots=True)
class Row:
    """One payment, its push, and its links into Xero."""

    payment: Payment
    method: str
    push: Push | None
    link: Link | None
    invoice_url: str | None
    waits: str | None


def listing(location: Location, number: int = 1) -> Page[Row]:
    """One page of payments, newest first, in a fixed number of queries."""
    total = db.session.scalar(select(func.count()).where(Payment.location_id == location.id)) or 0
    number = min(max(1, number), max(1, -(-total // paging.SIZE)))
    found = db.session.scalars(
        select(Payment)
        .where(Payment.location_id == location.id)
        .options(joinedload(Payment.invoice).joinedload(Invoice.contact))
        .order_by(Payment.id.desc())
        .offset((number - 1) * paging.SIZE)
        .limit(paging.SIZE)
    ).all()
    return Page(_rows(location.id, list(found)), number, total)


def _rows(location_id: int, found: list[Payment]) -> list[Row]:
    ids = [payment.id for payment in found]
    connection = db.session.scalar(select(Connection).where(Connection.location_id == location_id))
    links = xero_links.of_documents(connection, location_id, Document.PAYMENT, ids)
    invoices = xero_links.of_documents(
        connection, location_id, Document.INVOICE, {payment.invoice_id for payment in found}
    )
    pushes = {
        push.document_id: push
        for push in db.session.scalars(
            select(Push)
            .where(
                Push.location_id == location_id,
                Push.document == Document.PAYMENT,
                Push.document_id.in_(ids),
                Push.operation == Operation.CREATE,
            )
            .order_by(Push.id)
        )
    }
    return [
        Row(
            payment,
            "–" if payment.method == "default" else method_name(payment.method),
            pushes.get(payment.id),
            links.get(payment.id),
            xero_links.address(connection, invoices.get(payment.invoice_id)),
            stories.waits(pushes.get(payment.id), invoices.get(payment.invoice_id)),
        )
        for payment in found
    ]
