"""Keep our copy of a HoopAI contact up to date."""

import hashlib
import json
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.hoopai.people import AddressSaid, ContactSaid
from portal.models import Contact
from portal.services import following, shelf


def take(session: Session, location_id: int, said: ContactSaid) -> Contact:
    """The contact that an invoice names, created or brought up to date."""
    about = (Contact, key(said))
    return shelf.again(session, location_id, about, said, lambda: _take(session, location_id, said))


def _take(session: Session, location_id: int, said: ContactSaid) -> Contact:
    contact = _find(session, location_id, key(said))
    if contact is None:
        contact = Contact(location_id=location_id, hoop_id=key(said), **_told(said))
        shelf.add(session, contact)
    else:
        _change(session, contact, said)
    return contact


def key(said: ContactSaid) -> str:
    """What a contact is known by: HoopAI's id, or the address or name where an invoice was written to no contact."""
    return said.hoop_id or f"email:{(said.email or said.name).casefold()}"[:64]


def told(session: Session, location_id: int, said: ContactSaid) -> str | None:
    """A contact event. None when something that Xero should hold has changed, else why nothing follows."""
    contact = _find(session, location_id, said.hoop_id or "")
    if contact is None:
        return "No invoice of this contact is known here; it goes to Xero with its first one."
    changed = _change(session, contact, said)
    shelf.forget(session, location_id, (Contact, contact.hoop_id))
    return None if changed else "Nothing has changed that goes to Xero."


def fingerprint(said: ContactSaid) -> str:
    """What is said of a contact, to be compared with what is said the next time."""
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def _find(session: Session, location_id: int, hoop_id: str) -> Contact | None:
    held = shelf.of(session, location_id)
    if held is not None and hoop_id in held.contacts:
        return held.contacts[hoop_id]
    return session.scalar(
        select(Contact).where(Contact.location_id == location_id, Contact.hoop_id == hoop_id)
    )


def _change(session: Session, contact: Contact, said: ContactSaid) -> bool:
    before = _content(contact)
    heard = _told(said)
    if not heard["name"]:
        del heard["name"]
    if not _is_worth_more(heard["address"], contact.address):
        del heard["address"]
    contact.put(**heard)
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


def _is_worth_more(told: dict[str, str] | None, known: dict[str, str] | None) -> bool:
    """A mere country takes no known street away."""
    return told is not None and (_names_a_place(told) or known is None or not _names_a_place(known))


def _names_a_place(address: dict[str, str]) -> bool:
    return any(address.get(part) for part in ("line1", "city", "postal_code"))


def _address(said: AddressSaid | None) -> dict[str, str] | None:
    if said is None:
        return None
    return {
        "line1": said.line1, "line2": said.line2, "city": said.city, "region": said.state,
        "postal_code": said.postal_code, "country": said.country,
    }  # fmt: skip
