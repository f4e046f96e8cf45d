"""Contacts that a person has to decide about: which contact in Xero is meant, or a new one under which name."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from portal import bell, clock
from portal.errors import ChooseAgain, NotFoundHere
from portal.extensions import db
from portal.models import (
    Connection,
    Contact,
    DirectoryContact,
    Document,
    Location,
    Operation,
    Push,
    PushState,
    User,
)
from portal.services import audit, linking, matching, outbox, xero_links
from portal.services.unit import transaction

DRAIN = "jobs.pushes.drain"
MOST = 100
ALREADY = "This was decided meanwhile."
NAME_TAKEN = "Xero has an active contact of this name, and allows each name once. Type another name."
NO_NAME = "Type the name under which Xero shall know this contact."


@dataclass(frozen=True, slots=True)
class Candidate:
    """One contact in Xero that may be meant; `same` says by what."""

    row: DirectoryContact
    same: tuple[str, ...]
    url: str

    @property
    def usable(self) -> bool:
        """Whether invoices may be addressed to it: Xero takes none for archived or merged contacts."""
        return self.row.status == "ACTIVE" and not self.row.merged_into


@dataclass(frozen=True, slots=True)
class Case:
    """One contact of HoopAI that waits for a decision, with what may be meant and how many invoices wait with it."""

    push: Push
    contact: Contact
    candidates: list[Candidate]
    invoices: int

    @property
    def name_free(self) -> bool:
        """Whether a new contact may have the name it has in HoopAI."""
        return not any(each.usable and "name" in each.same for each in self.candidates)


def cases(location: Location) -> list[Case]:
    """Contacts that wait for a person, the longest waiting first; in a fixed number of queries."""
    session = db.session()
    connection = _connection(session, location.id)
    if connection is None:
        return []
    pushes = session.scalars(_waiting(location.id).order_by(Push.updated_at, Push.id).limit(MOST)).all()
    ids = [push.document_id for push in pushes]
    contacts = {each.id: each for each in session.scalars(select(Contact).where(Contact.id.in_(ids)))}
    rows = session.scalars(matching.alike(connection.id, list(contacts.values()))).all() if contacts else []
    held = _held(session, location.id, ids)
    return [
        Case(push, contact, _candidates(connection, contact, rows), held.get(contact.id, 0))
        for push in pushes
        if (contact := contacts.get(push.document_id)) is not None
    ]


def use(location: Location, push_id: int, contact_id: str, user: User) -> str:
    """This contact in Xero is meant. Raises NotFoundHere, ChooseAgain where it cannot be used."""
    with transaction() as session:
        connection, push, contact = _open(session, location, push_id)
        rows = session.scalars(matching.alike(connection.id, [contact])).all()
        row = next((row for row in rows if row.contact_id == contact_id), None)
        if row is None or row.status != "ACTIVE" or row.merged_into:
            raise ChooseAgain("This contact cannot be used in Xero. Choose another one.")
        linking.put(
            session, connection.tenant_id, location.id, Document.CONTACT, contact.id, contact_id,
            number=row.contact_number, status=row.status, ours=False,
        )  # fmt: skip
        outbox.sent(push, f"{user.name} chose the contact {row.name} that Xero already has.")
        audit.note(
            session, user, location.id, "contacts.use", f"{contact.display_name} is {contact_id} in Xero"
        )
        told = f"{contact.display_name} is {row.name} in Xero from now on."
    _ring(location.id)
    return told


def create(location: Location, push_id: int, name: str, user: User) -> str:
    """Make a new contact in Xero, under the name of HoopAI or another one. Raises NotFoundHere, ChooseAgain."""
    with transaction() as session:
        connection, push, contact = _open(session, location, push_id)
        wanted = name.strip()[:255] or contact.display_name
        if not matching.folded(wanted):
            raise ChooseAgain(NO_NAME, {"name": NO_NAME})
        taken = session.scalar(
            select(DirectoryContact.id).where(
                DirectoryContact.connection_id == connection.id,
                DirectoryContact.name_folded == matching.folded(wanted),
                DirectoryContact.status == "ACTIVE",
            )
        )
        if taken is not None:
            raise ChooseAgain(NAME_TAKEN, {"name": NAME_TAKEN})
        contact.xero_name = wanted
        _again(push)
        audit.note(session, user, location.id, "contacts.create", f"{contact.display_name} as {wanted}")
        told = f"{wanted} will be made in Xero."
    _ring(location.id)
    return told


def restored(location: Location, push_id: int, user: User) -> str:
    """Somebody restored or mended the contact in Xero: read what has changed there, then try again."""
    with transaction() as session:
        connection, push, contact = _open(session, location, push_id)
        if connection.contacts_fetched_at is not None:
            connection.contacts_fetched_at = min(connection.contacts_fetched_at, clock.now() - matching.FRESH)
        _again(push)
        audit.note(session, user, location.id, "contacts.restored", contact.display_name)
        told = f"{contact.display_name} is looked up in Xero again."
    _ring(location.id)
    return told


def _waiting(location_id: int) -> Select[Push]:
    return select(Push).where(
        Push.location_id == location_id,
        Push.document == Document.CONTACT,
        Push.operation == Operation.CREATE,
        Push.state == PushState.BLOCKED,
        Push.cause.like("contact:%"),
    )


def _open(session: Session, location: Location, push_id: int) -> tuple[Connection, Push, Contact]:
    connection = outbox.guard(session, location.id)
    push = session.scalar(select(Push).where(Push.id == push_id, Push.location_id == location.id))
    if push is None or push.document != Document.CONTACT:
        raise NotFoundHere("There is no such contact here.")
    if connection is None:
        raise ChooseAgain("This location is not connected to Xero.")
    if session.scalar(_waiting(location.id).where(Push.id == push_id)) is None:
        raise ChooseAgain(ALREADY)
    return connection, push, session.get_one(Contact, push.document_id)


def _candidates(
    connection: Connection, contact: Contact, rows: Sequence[DirectoryContact]
) -> list[Candidate]:
    found = [
        Candidate(row, same, xero_links.contact_address(connection, row.contact_id))
        for row in rows
        if (same := _same(contact, row))
    ]
    return sorted(found, key=lambda each: (not each.usable, -len(each.same), each.row.name_folded))


def _same(contact: Contact, row: DirectoryContact) -> tuple[str, ...]:
    facts = {
        "number": row.contact_number == matching.number_of(contact),
        "name": row.name_folded == matching.folded(contact.display_name),
        "e-mail": bool(contact.email) and row.email == (contact.email or "").casefold(),
    }
    return tuple(name for name, fits in facts.items() if fits)


def _held(session: Session, location_id: int, ids: Sequence[int]) -> dict[int, int]:
    rows = session.execute(
        select(Push.parent_id, func.count())
        .where(
            Push.location_id == location_id,
            Push.parent_document == Document.CONTACT,
            Push.parent_id.in_(ids),
            Push.state.in_(outbox.OPEN),
        )
        .group_by(Push.parent_id)
    )
    return {int(parent or 0): count for parent, count in rows}


def _again(push: Push) -> None:
    outbox.requeue(push)
    push.tries, push.looks = 0, 0


def _connection(session: Session, location_id: int) -> Connection | None:
    return session.scalar(select(Connection).where(Connection.location_id == location_id))


def _ring(location_id: int) -> None:
    connection = _connection(db.session(), location_id)
    if connection is not None:
        bell.ring(DRAIN, connection.id)
