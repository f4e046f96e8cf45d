"""What the portal's operator needs to help: versions, ids, states, attempts, checks; nothing secret, nobody's name.

Of people there are ids only, of invoices their numbers. Texts are left out unless they are ours and fixed, or Xero's
own words about something that is not known to us, from which names and addresses are taken out.
"""

import platform
import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import simplejson
from sqlalchemy import inspect, select, text
from sqlalchemy.orm import Session

from portal import clock
from portal.extensions import db
from portal.models import Attempt, Connection, Contact, InboundEvent, Invoice, Location, Push, Source
from portal.services import checks, document_pages, invoices, outbox, papers, problems, troubleshooting
from portal.services.papers import Paper

VERSION = "0.1.0"
MOST = 20
ADDRESS = re.compile(r"[^\s@<>\"']+@[^\s@<>\"']+\.[^\s@<>\"']+")
Facts = dict[str, Any]


def bundle(location: Location, kind: str = "", document_id: int = 0, group: str = "") -> Facts:
    """Everything about a location, and about one document or one problem where it is named. Raises NotFoundHere."""
    session = db.session()
    found: Facts = {
        "about": "HoopAI to Xero portal: details for support",
        "made_at": clock.now(),
        "versions": _versions(session),
        "location": _location(session, location),
        "checks": {check.name: str(check.verdict) for check in checks.run(location)},
        "documents": {str(state): count for state, count in outbox.counts(location.id).items() if count},
        "problems": [_problem(group) for group in troubleshooting.groups(location)],
    }
    if group:
        ids = troubleshooting.members(location, MOST).get(group, [])
        pushes = session.scalars(select(Push).where(Push.id.in_(ids)).order_by(Push.id)).all()
        found["problem"] = [_push(push, _customer(session, push)) for push in pushes]
    if kind:
        found["document"] = _document(session, location, papers.one(location, kind, document_id))
    return found


def as_json(found: Facts) -> str:
    """The bundle as JSON."""
    return simplejson.dumps(found, indent=2, use_decimal=True, default=_plain)


def as_text(found: Facts) -> str:
    """The bundle line by line, as it is pasted into a message."""
    return "\n".join(_lines("", simplejson.loads(as_json(found), use_decimal=True)))


def _versions(session: Session) -> Facts:
    schema = session.scalar(text("SELECT version_num FROM alembic_version")) if _has_schema(session) else None
    return {
        "portal": VERSION,
        "schema": schema,
        "python": platform.python_version(),
        "database": session.get_bind().dialect.name,
    }


def _has_schema(session: Session) -> bool:
    return inspect(session.get_bind()).has_table("alembic_version")


def _location(session: Session, location: Location) -> Facts:
    connection = session.scalar(select(Connection).where(Connection.location_id == location.id))
    source = session.scalar(select(Source).where(Source.location_id == location.id))
    return {
        "hoop_id": location.hoop_id,
        "timezone": location.timezone,
        "connection": _connection(connection) if connection else None,
        "webhook": _webhook(source) if source else None,
    }


def _connection(connection: Connection) -> Facts:
    names = (
        "id", "tenant_id", "xero_connection_id", "state", "since", "cut_off", "facts_fetched_at", "contacts_fetched_at",
        "last_success_at", "checked_at", "doubted_at", "rest_until", "rest_reason", "day_used_at",
        "day_used_until", "stumbles", "fence",
    )  # fmt: skip
    permit = connection.authorisation
    return {name: getattr(connection, name) for name in names} | {
        "sign_in": {
            "state": permit.state, "refreshed_at": permit.refreshed_at, "expires_at": permit.expires_at,
            "failing_since": permit.failing_since, "failing_reason": permit.failing_reason, "scopes": permit.scopes,
        }
    }  # fmt: skip


def _webhook(source: Source) -> Facts:
    return {
        "scheme": source.scheme, "last_delivery_at": source.last_delivery_at, "refused_count": source.refused_count,
        "refused_at": source.refused_at, "api_token": source.api_token_sealed is not None,
        "api_token_refused": source.api_refused_reason is not None, "api_lacks": source.api_lacks,
    }  # fmt: skip


def _problem(group: troubleshooting.Group) -> Facts:
    return {
        "kind": group.failure, "cause": _word(group.cause), "count": group.count, "oldest": group.oldest,
        "code": group.advice.code,
    }  # fmt: skip


def _document(session: Session, location: Location, paper: Paper) -> Facts:
    row, link = paper.row, paper.link
    contact = row if isinstance(row, Contact) else paper.invoice.contact if paper.invoice else None
    pushes = document_pages.pushes_of(location.id, paper.kind, row.id)
    if isinstance(row, Invoice):
        pushes = invoices.pushes_of(row)
    return {
        "kind": paper.kind,
        "id": row.id,
        "hoop_id": row.hoop_id,
        "invoice": _invoice(paper.invoice) if paper.invoice else None,
        "xero": {
            "id": link.xero_id, "status": link.xero_status, "total": link.xero_total, "ours": link.ours,
            "linked_at": link.linked_at, "seen_at": (link.seen or {}).get("at"),
        } if link else None,
        "pushes": [_push(push, contact) for push in pushes],
        "events": _events(session, location, paper.invoice) if paper.invoice else [],
    }  # fmt: skip


def _customer(session: Session, push: Push) -> Contact | None:
    row = session.get(papers.TABLES[push.document], push.document_id)
    if isinstance(row, Contact):
        return row
    invoice = row if isinstance(row, Invoice) else getattr(row, "invoice", None)
    return invoice.contact if invoice is not None else None


def _invoice(invoice: Invoice) -> Facts:
    return {
        "number": invoice.number, "sent_as": invoice.number_sent, "status": invoice.status, "total": invoice.total,
        "paid": invoice.amount_paid, "currency": invoice.currency, "live_mode": invoice.live_mode,
        "created_at": invoice.created_at, "updated_at": invoice.updated_at, "revision": invoice.revision,
        "lines": len(invoice.lines), "held": invoice.held,
    }  # fmt: skip


def _push(push: Push, contact: Contact | None) -> Facts:
    names = (
        "id", "document", "document_id", "operation", "state", "failure", "revision", "tries", "looks", "next_try_at",
        "batch_id", "parent_document", "parent_id", "created_at", "updated_at", "settled_at", "settled_by_id",
    )  # fmt: skip
    return {name: getattr(push, name) for name in names} | {
        "cause": _word(push.cause or ""),
        "attempts": [_attempt(attempt, contact) for attempt in push.attempts[:MOST]],
    }


def _attempt(attempt: Attempt, contact: Contact | None) -> Facts:
    code = problems.code_of(attempt.message)
    return {
        "id": attempt.id, "at": attempt.at, "outcome": attempt.outcome, "http_status": attempt.http_status,
        "duration_ms": attempt.duration_ms, "correlation_id": attempt.correlation_id, "batch_id": attempt.batch_id,
        "idempotency_key": attempt.idempotency_key, "code": code,
        "xero_said": None if code else without_names(attempt.message, contact),
    }  # fmt: skip


def without_names(said: str | None, contact: Contact | None) -> str | None:
    """Xero's words without e-mail addresses and without anything that is known of the customer."""
    if not said:
        return None
    shown = ADDRESS.sub("[address]", said)
    if contact is not None:
        known = (contact.company, contact.name, contact.xero_name, contact.email, contact.phone)
        for each in sorted({one for one in known if one}, key=len, reverse=True):
            shown = re.sub(re.escape(each), "[customer]", shown, flags=re.IGNORECASE)
    return shown


def _events(session: Session, location: Location, invoice: Invoice) -> list[Facts]:
    found = session.scalars(
        select(InboundEvent)
        .where(InboundEvent.location_id == location.id, InboundEvent.hoop_id == invoice.hoop_id)
        .order_by(InboundEvent.id.desc())
        .limit(MOST)
    )
    return [
        {
            "id": each.id,
            "event": each.event,
            "shape": each.shape,
            "state": each.state,
            "received_at": each.received_at,
        }
        for each in found
    ]


def _word(cause: str) -> str:
    """The cause without what it names: that may be somebody's name."""
    return cause.partition(":")[0]


def _plain(value: object) -> object:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    return str(value)


def _lines(name: str, value: Any) -> Iterator[str]:
    items: Iterable[tuple[str, Any]]
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = ((str(place), each) for place, each in enumerate(value))
    else:
        yield f"{name}: {'–' if value is None else value}"
        return
    for key, each in items:
        yield from _lines(f"{name}.{key}" if name else key, each)
