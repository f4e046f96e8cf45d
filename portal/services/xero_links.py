"""Addresses that open our documents in Xero."""

from collections.abc import Iterable

from sqlalchemy import select

from portal.config import DEFAULTS, settings
from portal.extensions import db
from portal.models import Connection, Document, Link
from portal.models.among import among
from portal.xero import links

REAL = "https://go.xero.com"


def of_documents(
    connection: Connection | None, location_id: int, document: Document, ids: Iterable[int]
) -> dict[int, Link]:
    """The links of these documents into the connected organisation, by document id."""
    if connection is None:
        return {}
    found = db.session.scalars(
        select(Link).where(
            Link.tenant_id == connection.tenant_id,
            Link.location_id == location_id,
            Link.document == document,
            among(Link.document_id, ids),
        )
    )
    return {link.document_id: link for link in found}


def address(connection: Connection | None, link: Link | None) -> str | None:
    """Where a person opens the linked invoice, credit note or contact in Xero; None for what has no page of its own."""
    if connection is None or link is None:
        return None
    code = str(connection.organisation.get("short_code") or "")
    if link.document == Document.INVOICE:
        return _here(links.invoice_url(code, link.xero_id))
    if link.document == Document.CREDIT_NOTE:
        return _here(links.credit_note_url(code, link.xero_id))
    return _here(links.contact_url(code, link.xero_id)) if link.document == Document.CONTACT else None


def invoice_address(connection: Connection, xero_id: str) -> str:
    """Where a person opens an invoice in Xero that is not linked to one of ours."""
    return _here(links.invoice_url(str(connection.organisation.get("short_code") or ""), xero_id))


def contact_address(connection: Connection, xero_id: str) -> str:
    """Where a person opens a contact in Xero."""
    return _here(links.contact_url(str(connection.organisation.get("short_code") or ""), xero_id))


def _here(url: str) -> str:
    """The same page in the stand-in Xero where the portal is pointed at one."""
    api = settings().xero_api_url
    return url if api == DEFAULTS["XERO_API_URL"] else url.replace(REAL, api, 1)
