"""Which contact of the organisation is which of ours: looked up in a local directory, never one search an invoice.

Order: our own ContactNumber, the exact name, the exact e-mail address where the location wants that. What is
ambiguous or archived waits for a person; a contact that was merged in Xero is followed to where it went.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Select, and_, insert, or_, select, update
from sqlalchemy.orm import Session

from portal import clock
from portal.extensions import db
from portal.models import Connection, Contact, DirectoryContact, Document, Failure, Link
from portal.services import calling, leases
from portal.services.preflight import Blocked
from portal.services.unit import release, transaction
from portal.xero import payloads, replies
from portal.xero.client import XeroClient
from portal.xero.limits import Share

FRESH = timedelta(minutes=5)
OVERLAP = timedelta(minutes=2)
PAGE = 500


def folded(name: str) -> str:
    """A name as Xero compares names: cleaned, without regard to case."""
    return payloads.contact_name(name).casefold()


def refresh(
    client: XeroClient, connection_id: int, fence: int, *, share: Share = Share.BACKLOG, force: bool = False
) -> int:
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
        facts = _fetch(client, since, page, share)
        full = len(facts) >= PAGE
        _store(connection_id, fence, facts, None if full else began)
    return page


def _fetch(client: XeroClient, since: datetime | None, page: int, share: Share) -> list[replies.ContactFact]:
    reply = calling.ask(
        client.tenant_id, lambda: client.contacts_changed_since(since, page, PAGE), share=share
    )
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
    """Bring the directory up to date with these contacts; links of merged ones lead to where they went."""
    by_id = {fact.contact_id: fact for fact in facts}
    known = session.scalars(
        select(DirectoryContact).where(
            DirectoryContact.connection_id == connection_id, DirectoryContact.contact_id.in_(by_id)
        )
    )
    rows = {row.contact_id: row for row in known}
    for contact_id, row in rows.items():
        for name, value in _entry(by_id[contact_id]).items():
            setattr(row, name, value)
    new = [
        {"connection_id": connection_id, "contact_id": contact_id, **_entry(fact)}
        for contact_id, fact in by_id.items()
        if contact_id not in rows
    ]
    if new:
        session.execute(insert(DirectoryContact), new)
    for contact_id, fact in by_id.items():
        if fact.merged_into:
            _repoint(session, connection_id, contact_id, fact.merged_into)


def _entry(fact: replies.ContactFact) -> dict[str, str | None]:
    return {
        "name": fact.name[:255],
        "name_folded": folded(fact.name),
        "email": fact.email.casefold()[:255] if fact.email else None,
        "contact_number": fact.contact_number,
        "status": fact.status,
        "merged_into": fact.merged_into,
    }


def _repoint(session: Session, connection_id: int, merged: str, into: str) -> None:
    """Links to a merged contact lead to the one it went into, which the portal did not make."""
    connection = session.get_one(Connection, connection_id)
    session.execute(
        update(Link)
        .where(
            Link.tenant_id == connection.tenant_id, Link.document == Document.CONTACT, Link.xero_id == merged
        )
        .values(xero_id=into, ours=False)
    )


@dataclass(slots=True)
class Directory:
    """The part of the directory that a handful of contacts may match."""

    by_number: dict[str, DirectoryContact] = field(default_factory=dict)
    by_name: dict[str, list[DirectoryContact]] = field(default_factory=dict)
    by_email: dict[str, list[DirectoryContact]] = field(default_factory=dict)
    match_by_email: bool = False

    @classmethod
    def read(
        cls,
        session: Session,
        connection_id: int,
        contacts: Sequence[Contact],
        *,
        match_by_email: bool = False,
    ) -> "Directory":
        """Everything whose number, name or e-mail address is that of one of these contacts."""
        directory = cls(match_by_email=match_by_email)
        for row in session.scalars(alike(connection_id, contacts)):
            directory.by_name.setdefault(row.name_folded, []).append(row)
            if row.email:
                directory.by_email.setdefault(row.email, []).append(row)
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
        return self._by_name(contact) or (None if contact.xero_name else self._by_email(contact))

    def _by_name(self, contact: Contact) -> str | None:
        name = contact.name_sent
        same = self.by_name.get(folded(name), [])
        active = [row for row in same if row.status == "ACTIVE"]
        if not active:
            if not contact.xero_name and any(
                row.status == "ARCHIVED" and not row.merged_into for row in same
            ):
                raise self._archived(contact)
            return None
        if contact.xero_name:
            raise _asks(
                contact, f"Xero has a contact called {name} by now. Choose another name, or use that one."
            )
        if len(active) > 1:
            raise _asks(contact, f"{len(active)} contacts in Xero are called {name}. Say which one it is.")
        if _another_of_ours(active[0], contact):
            raise _asks(
                contact,
                f"Two contacts in HoopAI are called {name}, with different e-mail addresses, and Xero allows each "
                "name once. Use that contact, or choose another name for this one.",
            )
        return active[0].contact_id

    def _by_email(self, contact: Contact) -> str | None:
        """The one contact with this very address, where the location wants them matched so."""
        same = self.by_email.get((contact.email or "").casefold(), []) if self.match_by_email else []
        active = [row for row in same if row.status == "ACTIVE" and not _made_for_another(row)]
        if len(active) > 1:
            raise _asks(contact, f"{len(active)} contacts in Xero have the e-mail address {contact.email}.")
        return active[0].contact_id if active else None

    def _archived(self, contact: Contact) -> Blocked:
        return _asks(
            contact, f"{contact.name_sent} is archived in Xero. Restore the contact there, or make a new one."
        )


def alike(connection_id: int, contacts: Sequence[Contact]) -> Select[DirectoryContact]:
    """The contacts of the organisation whose number, name or e-mail address is that of one of these."""
    names = {folded(name) for contact in contacts for name in (contact.name_sent, contact.display_name)}
    numbers = {number_of(contact) for contact in contacts}
    emails = {contact.email.casefold() for contact in contacts if contact.email}
    mine = DirectoryContact.connection_id == connection_id
    return select(DirectoryContact).where(
        or_(
            and_(mine, DirectoryContact.name_folded.in_(names)),
            and_(mine, DirectoryContact.contact_number.in_(numbers)),
            and_(mine, DirectoryContact.email.in_(emails)),
        )
    )


def _asks(contact: Contact, sentence: str) -> Blocked:
    return Blocked(Failure.CONFLICT, f"contact:{contact.id}", sentence)


def number_of(contact: Contact) -> str:
    """Our own key for a contact in Xero (ContactNumber, at most 50 characters)."""
    return f"hoop-{contact.hoop_id}"[:50]


def _another_of_ours(row: DirectoryContact, contact: Contact) -> bool:
    mail = (contact.email or "").casefold()
    return _made_for_another(row) and bool(row.email) and bool(mail) and row.email != mail


def _made_for_another(row: DirectoryContact) -> bool:
    """Whether a portal made it for a HoopAI contact; that one itself is known by its number before."""
    return str(row.contact_number or "").startswith("hoop-")
