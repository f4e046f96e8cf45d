"""Reading invoices back before they are changed: what was paid or altered in Xero meanwhile decides what can be."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from sqlalchemy import select

from portal import clock
from portal.extensions import db
from portal.models import Document, Link, Operation
from portal.services import leases, linking, looking, preferences, readiness, seen, writing_changes
from portal.services.unit import release, transaction
from portal.services.work import Work
from portal.xero import payloads, replies

MOST = payloads.MAX_ELEMENTS * 5
CHANGES = (Operation.UPDATE, Operation.RECODE, Operation.VOID)


def read(work: Work, operation: Operation) -> None:
    """Keep what Xero says now of the invoices that are about to be changed or voided, one call for fifty.

    Raises NotNow, LeaseLost and Xero's errors.
    """
    wanted = _wanted(work, operation)
    for start in range(0, len(wanted), payloads.MAX_ELEMENTS):
        part = wanted[start : start + payloads.MAX_ELEMENTS]
        reply = looking.ask(work, partial(work.client.invoices, part))
        _keep(work, part, {str(each["InvoiceID"]): each for each in reply.data.get("Invoices") or []})


def _wanted(work: Work, operation: Operation) -> list[str]:
    session = db.session()
    due = readiness.due(session, work.location_id, work.tenant_id, Document.INVOICE, operation, MOST)
    wishes = preferences.of(session, work.location_id) if due else None
    links = session.scalars(
        select(Link).where(
            Link.tenant_id == work.tenant_id,
            Link.location_id == work.location_id,
            Link.document == Document.INVOICE,
            Link.document_id.in_([push.document_id for push in due]),
        )
    ).all()
    always = operation == Operation.RECODE
    found = [link.xero_id for link in links if wishes and (always or writing_changes.must_look(link, wishes))]
    release()
    return found


def _keep(work: Work, ids: Sequence[str], found: dict[str, dict[str, Any]]) -> None:
    with transaction() as session:
        leases.hold(session, work.connection_id, work.fence)
        links = session.scalars(
            select(Link).where(
                *linking.by_xero_ids(work.tenant_id, work.location_id, ids), Link.document == Document.INVOICE
            )
        )
        for link in links:
            told = found.get(link.xero_id)
            link.seen = {"fence": work.fence, "at": clock.now().isoformat(), **seen.invoice(told)}
            if told is not None:
                link.xero_status, link.xero_total = (
                    str(told.get("Status")),
                    replies.parse_money(told.get("Total")),
                )
