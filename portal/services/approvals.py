"""Invoices that somebody has to approve in Xero: their status is read back, so that their payments can follow.

Xero has no event that a private connection could wait for, so it is asked every ten minutes, one call for fifty
invoices, and only where payments wait (developer.xero.com, Invoices, IDs).
"""

from sqlalchemy import Select, select

from portal import bell, clock
from portal.errors import ConnectAgain, NotNow
from portal.extensions import db
from portal.models import Connection, ConnectionState, Document, Link, Operation, Payment, Push, PushState
from portal.services import organisations, outbox, readiness
from portal.services.unit import release, transaction
from portal.words import ENDED, FOR_APPROVAL
from portal.xero import replies
from portal.xero.errors import XeroError
from portal.xero.payloads import MAX_ELEMENTS

JOB = "jobs.housekeeping.read_approvals"
DRAIN = "jobs.pushes.drain"
TURNS = 10
REMOVED = "Its invoice was deleted in Xero before it was approved."


def due() -> list[int]:
    """Connections where payments wait for an approval and whose turn this minute is: each one's every ten minutes."""
    minute = int(clock.now().timestamp()) // 60
    found = db.session.scalars(
        select(Connection.id).where(
            Connection.state == ConnectionState.CONNECTED,
            Connection.id % TURNS == minute % TURNS,
            _waiting()
            .where(Link.tenant_id == Connection.tenant_id, Link.location_id == Connection.location_id)
            .exists(),
        )
    )
    return list(found)


def read(connection_id: int) -> int:
    """Ask Xero how the invoices stand whose payments wait, and keep it; how many were approved.

    Where Xero cannot be asked now nothing changes; the next turn asks again.
    """
    connection = db.session.get_one(Connection, connection_id)
    tenant_id, location_id = connection.tenant_id, connection.location_id
    ids = list(
        db.session.scalars(
            _waiting().where(Link.tenant_id == tenant_id, Link.location_id == location_id).limit(MAX_ELEMENTS)
        )
    )
    release()
    if not ids:
        return 0
    try:
        reply = organisations.ask(organisations.address_of(connection_id), lambda xero: xero.invoices(ids))
    except (NotNow, ConnectAgain, XeroError):
        return 0
    found = {str(each["InvoiceID"]): each for each in reply.data.get("Invoices") or []}
    with transaction() as session:
        outbox.guard(session, location_id)
        links = session.scalars(
            select(Link).where(
                Link.tenant_id == tenant_id, Link.location_id == location_id, Link.xero_id.in_(found)
            )
        ).all()
        for link in links:
            link.xero_status = str(found[link.xero_id].get("Status"))
            link.xero_total = replies.parse_money(found[link.xero_id].get("Total"))
            if link.xero_status in ENDED:
                _leave_out(link)
        approved = sum(link.xero_status in readiness.PAYABLE for link in links)
    if approved:
        bell.ring(DRAIN, connection_id)
    return approved


def _waiting() -> Select[str]:
    """Xero's ids of the invoices that are not approved there and have a payment that waits, the oldest first."""
    paying = (
        select(Payment.id)
        .join(Push, Push.document_id == Payment.id)
        .where(
            Payment.invoice_id == Link.document_id,
            Push.document == Document.PAYMENT,
            Push.operation == Operation.CREATE,
            Push.state == PushState.QUEUED,
        )
        .exists()
    )
    return (
        select(Link.xero_id)
        .where(Link.document == Document.INVOICE, Link.xero_status.in_(FOR_APPROVAL), paying)
        .order_by(Link.linked_at)
    )


def _leave_out(link: Link) -> None:
    session = db.session()
    pushes = session.scalars(
        select(Push)
        .join(Payment, Payment.id == Push.document_id)
        .where(
            Payment.invoice_id == link.document_id,
            Push.location_id == link.location_id,
            Push.document == Document.PAYMENT,
            Push.state == PushState.QUEUED,
        )
    )
    for push in pushes:
        outbox.leave_out(session, push, REMOVED)
