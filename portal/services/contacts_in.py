"""Keep our copy of a HoopAI contact up to date."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.hoopai.people import AddressSaid, ContactSaid
from portal.models import Contact
from portal.services import following, shelf


def take(session: Session, location_id: int, said: ContactSaid, written_at: datetime) -> Contact:
    """The contact that an invoice names, created or brought up to date.

    Whatever happens to an invoice, it says of its customer what was so when it was written; where something later is
    known, that stands.
    """
    about, words = (Contact, key(said)), (said, written_at)
    return shelf.again(
        session, location_id, about, words, lambda: _take(session, location_id, said, written_at)
    )


def _take(session: Session, location_id: int, said: ContactSaid, written_at: datetime) -> Contact:
    contact = _find(session, location_id, key(said))
    if contact is None:
        contact = Contact(location_id=location_id, hoop_id=key(said), as_of=written_at, **_told(said))
        shelf.add(session, contact)
    elif contact.as_of is None or written_at >= contact.as_of:
        _change(session, contact, said if _names_a_place(said) else said._replace(address=None), written_at)
    return contact


def key(said: ContactSaid) -> str:
    """What a contact is known by: HoopAI's id, or the address or name where an invoice was written to no contact."""
    return said.hoop_id or f"email:{(said.email or said.name).casefold()}"[:64]


def told(session: Session, location_id: int, said: ContactSaid) -> str | None:
    """A contact event. None when something that Xero should hold has changed, else why nothing follows."""
    contact = _find(session, location_id, said.hoop_id or "")
    if contact is None:
        return "No invoice of this contact is known here; it goes to Xero with its first one."
    changed = _change(session, contact, said, clock.now())
    shelf.forget(session, location_id, (Contact, contact.hoop_id))
    return None if changed else "Nothing has changed that goes to Xero."


def _find(session: Session, location_id: int, hoop_id: str) -> Contact | None:
    held = shelf.of(session, location_id)
    if held is not None and hoop_id in held.contacts:
        return held.contacts[hoop_id]
    return session.scalar(
        select(Contact).where(Contact.location_id == location_id, Contact.hoop_id == hoop_id)
    )


def _change(session: Session, contact: Contact, said: ContactSaid, as_of: datetime) -> bool:
    before = _content(contact)
    heard = _told(said)
    if said.address is None:
        del heard["address"]
    contact.put(as_of=as_of, **heard)
    if _content(contact) == before:
        return False
    contact.updated_at = clock.now()
    following.contact_changed(session, contact)
    return True


def _content(contact: Contact) -> tuple[object, ...]:
    return contact.name, contact.company, contact.email, contact.phone, contact.address


def _told(said: ContactSaid) -> dict[str, Any]:
    return {
        "name": (said.name or said.company_name or said.email or "")[:255],
        "company": said.company_name[:255] if said.company_name else None,
        "email": said.email[:255] if said.email else None,
        "phone": said.phone[:50] if said.phone else None,
        "address": _address(said.address),
    }


def _names_a_place(said: ContactSaid) -> bool:
    """An invoice's address may be no more than the country."""
    address = said.address
    return address is not None and bool(address.line1 or address.city or address.postal_code)


def _address(said: AddressSaid | None) -> dict[str, str] | None:
    if said is None:
        return None
    return {
        "line1": said.line1, "line2": said.line2, "city": said.city, "region": said.state,
        "postal_code": said.postal_code, "country": said.country,
    }  # fmt: skip
