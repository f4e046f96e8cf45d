"""Remember which document is which in Xero."""

from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.models import Document, Link


def find(
    session: Session, tenant_id: str, location_id: int, document: Document, document_id: int
) -> Link | None:
    """The link of a document in one organisation."""
    return session.scalar(
        select(Link).where(
            Link.tenant_id == tenant_id,
            Link.location_id == location_id,
            Link.document == document,
            Link.document_id == document_id,
        )
    )


def put(
    session: Session,
    tenant_id: str,
    location_id: int,
    document: Document,
    document_id: int,
    xero_id: str,
    *,
    number: str | None = None,
    status: str | None = None,
    total: Decimal | None = None,
    content_hash: str | None = None,
    ours: bool = True,
    content: dict[str, Any] | None = None,
) -> Link:
    """Write down, or bring up to date, that this document is that one in Xero."""
    link = find(session, tenant_id, location_id, document, document_id)
    if link is None:
        link = Link(
            tenant_id=tenant_id, location_id=location_id, document=document, document_id=document_id,
            xero_id=xero_id, ours=ours,
        )  # fmt: skip
        session.add(link)
    link.xero_number = number or link.xero_number
    link.xero_status = status or link.xero_status
    link.xero_total = link.xero_total if total is None else total
    link.sent_hash = content_hash or link.sent_hash
    link.content = content or link.content
    link.linked_at = clock.now()
    session.flush()
    return link
