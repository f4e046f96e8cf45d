"""Which contact of the organisation is which of ours: looked up in a local directory, never one search an invoice.

Order: our own ContactNumber, then the exact name. What is ambiguous or archived waits for a person.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from portal import clock
from portal.extensions import db
from portal.models import Connection, Contact, DirectoryContact, Failure
from portal.services import calling, leases
from portal.services.preflight import Blocked
from portal.services.unit import release, transaction
from portal.xero import payloads, replies
from portal.xero.client import XeroClient

FRESH = timedelta(minutes=5)
OVERLAP = timedelta(minutes=2)
PAGE = 500


def folded(name: str) -> str:
    """A name as Xero compares names: cleaned, without regard to case."""
    return payloads.contact_name(name).casefold()


def refresh(client: XeroClient, connection_id: int, fence: int, *, force: bool = False) -> int:
    """Fetch the contacts changed since last time into the directory, if it is not fresh; calls made.

    Raises NotNow, LeaseLost and the errors of Xero.
    """
    fetched = db.session.get_one(Connection, connection_id).contacts_fetched_at
    release()
    began = clock.now()
    if fetched and not force and began - fetched < FRESH:
        return 0
    since = fetched - OVERLAP if fetched else None
    page, full = 0, True
    while full:
        page += 1
        facts = _fetch(client, since, page)
        full = len(facts) >= PAGE
        _store(connection_id, fence, facts, None if full else began)
    return page


def _fetch(client: XeroClient, since: datetime | None, page: int) -> list[replies.ContactFact]:
    reply = calling.ask(client.tenant_id, lambda: client.contacts_changed_since(since, page, PAGE))
    return replies.contact_facts(reply.data.get("Contacts") or [])


def _store(
    connection_id: int, fence: int, facts: Sequence[replies.ContactFact], complete: datetime | None
) -> None:
    """Keep a page; only with the last one is the directory complete up to that moment."""
    with transaction() as session:
        row = leases.hold(session, connection_id, fence)
        row.lease_until = leases.until()
        row.contacts_fetched_at = complete or row.contacts_fetched_at
        remember(session, connection_id, facts)


def remember(session: Session, connection_id: int, facts: Iterable[replies.ContactFact]) -> None:
    """Bring the directory up to date with these contacts."""
    by_id = {fact.contact_id: fact for fact in facts}
    known = session.scalars(
        select(DirectoryContact).where(
            DirectoryContact.connection_id == connection_id, DirectoryContact.contact_id.in_(by_id)
        )
    )
    rows = {row.contact_id: row for row in known}
    for contact_id, fact in by_id.items():
        row = rows.get(contact_id) or DirectoryContact(connection_id=connection_id, contact_id=contact_id)
        row.name, row.name_folded = fact.name[:255], folded(fact.name)
        row.email = fact.email.casefold()[:255] if fact.email else None
        row.contact_number, row.status, row.merged_into = fact.contact_number, fact.status, fact.merged_into
        session.add(row)


@dataclass(slots=True)
class Directory:
    """The part of the directory that a handful of contacts may match."""

    by_number: dict[str, DirectoryContact] = field(default_factory=dict)
    by_name: dict[str, list[DirectoryContact]] = field(default_factory=dict)
    by_id: dict[str, DirectoryContact] = field(default_factory=dict)

    @classmethod
    def read(cls, session: Session, connection_id: int, contacts: Sequence[Contact]) -> "Directory":
        """Everything whose number or name is that of one of these contacts."""
        names = {folded(contact.display_name) for contact in contacts}
        numbers = {number_of(contact) for contact in contacts}
        found = session.scalars(
            select(DirectoryContact).where(
                DirectoryContact.connection_id == connection_id,
                or_(DirectoryContact.name_folded.in_(names), DirectoryContact.contact_number.in_(numbers)),
            )
        )
        directory = cls()
        for row in found:
            directory.by_id[row.contact_id] = row
            directory.by_name.setdefault(row.name_folded, []).append(row)
            if row.contact_number:
                directory.by_number[row.contact_number] = row
        return directory

    def find(self, contact: Contact) -> str | None:
        """The Xero id of this contact, None when it has to be created. Raises Blocked when a person must decide."""
        own = self.by_number.get(number_of(contact))
        if own is not None and own.merged_into:
            return own.merged_into
        if own is not None and own.status == "ACTIVE":
            return own.contact_id
        if own is not None:
            raise self._archived(contact)
        return self._by_name(contact)

    def _by_name(self, contact: Contact) -> str | None:
        same = self.by_name.get(folded(contact.display_name), [])
        active = [row for row in same if row.status == "ACTIVE"]
        if not active:
            if any(row.status == "ARCHIVED" and not row.merged_into for row in same):
                raise self._archived(contact)
            return None
        if _another_of_ours(active[0], contact):
            raise Blocked(
                Failure.CONFLICT,
                f"contact:{contact.id}",
                f"Two contacts in HoopAI are called {contact.display_name}, with different e-mail addresses, and "
                "Xero allows each name once. Rename one of them in HoopAI, then retry.",
            )
        return active[0].contact_id

    def _archived(self, contact: Contact) -> Blocked:
        return Blocked(
            Failure.CONFLICT,
            f"contact:{contact.id}",
            f"{contact.display_name} is archived in Xero. Restore the contact in Xero, then retry.",
        )


def number_of(contact: Contact) -> str:
    """Our own key for a contact in Xero (ContactNumber, at most 50 characters)."""
    return f"hoop-{contact.hoop_id}"[:50]


def _another_of_ours(row: DirectoryContact, contact: Contact) -> bool:
    other = bool(row.contact_number) and str(row.contact_number).startswith("hoop-")
    mail = (contact.email or "").casefold()
    return other and bool(row.email) and bool(mail) and row.email != mail
