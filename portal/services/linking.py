"""Remember which document is which in Xero."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, bindparam, insert, select
from sqlalchemy.orm import Session, load_only

from portal import clock
from portal.models import Document, Link
from portal.models.among import among

LINKS: Table = Link.metadata.tables["links"]


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one document in Xero; what is None leaves an earlier link as it was."""

    document_id: int
    xero_id: str
    number: str | None = None
    status: str | None = None
    total: Decimal | None = None
    content_hash: str | None = None
    content: Any = None


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


def of(
    session: Session,
    tenant_id: str,
    location_id: int,
    document: Document,
    ids: Iterable[int],
    *,
    brief: bool = False,
) -> dict[int, Link]:
    """The links of many documents in one organisation; `brief` ones come without what Xero holds of each."""
    asked = {"tenant_id": tenant_id, "location_id": location_id, "document": document, "ids": list(ids)}
    return {link.document_id: link for link in session.scalars(_links(brief), asked)}


def by_xero_ids(tenant_id: str, location_id: int, xero_ids: Iterable[str]) -> tuple[ColumnElement[bool], ...]:
    """The condition for the location's links to these in Xero; asked so that SQLite takes the index by Xero's ids."""
    mine = Link.location_id + 0 == location_id
    return Link.tenant_id == tenant_id, Link.xero_id.in_(list(xero_ids)), mine


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
) -> None:
    """Write down, or bring up to date, that this document is that one in Xero."""
    known = Known(document_id, xero_id, number, status, total, content_hash, content)
    put_all(session, tenant_id, location_id, document, [known], ours=ours)


def put_all(
    session: Session,
    tenant_id: str,
    location_id: int,
    document: Document,
    all_known: Sequence[Known],
    *,
    ours: bool = True,
) -> None:
    """The same of many documents of one kind, in two statements where they are new. A link keeps its Xero id."""
    links = of(session, tenant_id, location_id, document, [known.document_id for known in all_known])
    moment = clock.now()
    common = {
        "tenant_id": tenant_id, "location_id": location_id, "document": document, "ours": ours,
        "linked_at": moment,
    }  # fmt: skip
    new = [common | _row(known) for known in all_known if known.document_id not in links]
    if new:
        session.execute(insert(LINKS), new)
    for known in all_known:
        if known.document_id in links:
            _bring_up_to_date(links[known.document_id], known)
            links[known.document_id].linked_at = moment
    session.flush()


@cache
def _links(brief: bool) -> Select[Link]:
    found = select(Link).where(
        Link.tenant_id == bindparam("tenant_id"),
        Link.location_id == bindparam("location_id"),
        Link.document == bindparam("document"),
        among(Link.document_id, "ids"),
    )
    needed = load_only(Link.document_id, Link.xero_id, Link.xero_status, Link.xero_total)
    return found.options(needed) if brief else found


def _row(known: Known) -> dict[str, Any]:
    return {
        "document_id": known.document_id, "xero_id": known.xero_id, "xero_number": known.number,
        "xero_status": known.status, "xero_total": known.total, "sent_hash": known.content_hash,
        "content": known.content,
    }  # fmt: skip


def _bring_up_to_date(link: Link, known: Known) -> None:
    link.xero_number = known.number or link.xero_number
    link.xero_status = known.status or link.xero_status
    link.xero_total = link.xero_total if known.total is None else known.total
    link.sent_hash = known.content_hash or link.sent_hash
    link.content = known.content or link.content
