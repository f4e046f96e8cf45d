"""Keep our copy of a HoopAI contact up to date."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.hoopai.people import AddressSaid, ContactSaid
from portal.models import Contact
from portal.services import following


def take(session: Session, location_id: int, said: ContactSaid) -> Contact:
    """The contact that an invoice names, created or brought up to date."""
    hoop_id = said.hoop_id or f"email:{(said.email or said.name).casefold()}"[:64]
    contact = _find(session, location_id, hoop_id)
    if contact is None:
        contact = Contact(location_id=location_id, hoop_id=hoop_id, name="")
        session.add(contact)
        _fill(contact, said)
    else:
        _change(session, contact, said)
    session.flush()
    return contact


def told(session: Session, location_id: int, said: ContactSaid) -> str | None:
    """A contact event. None when something that Xero should hold has changed, else why nothing follows."""
    contact = _find(session, location_id, said.hoop_id or "")
    if contact is None:
        return "No invoice of this contact is known here; it goes to Xero with its first one."
    changed = _change(session, contact, said)
    session.flush()
    return None if changed else "Nothing has changed that goes to Xero."


def _find(session: Session, location_id: int, hoop_id: str) -> Contact | None:
    return session.scalar(
        select(Contact).where(Contact.location_id == location_id, Contact.hoop_id == hoop_id)
    )


def _change(session: Session, contact: Contact, said: ContactSaid) -> bool:
    before = _content(contact)
    address = contact.address
    _fill(contact, said)
    if said.address is None:
        contact.address = address
    if _content(contact) == before:
        return False
    following.contact_changed(session, contact)
    return True


def _content(contact: Contact) -> tuple[object, ...]:
    return contact.name, contact.company, contact.email, contact.phone, contact.address


def _fill(contact: Contact, said: ContactSaid) -> None:
    contact.name = (said.name or said.company_name or said.email or "")[:255]
    contact.company = said.company_name[:255] if said.company_name else None
    contact.email = said.email[:255] if said.email else None
    contact.phone = said.phone[:50] if said.phone else None
    contact.address = _address(said.address)
    contact.updated_at = clock.now()


def _address(said: AddressSaid | None) -> dict[str, str] | None:
    if said is None:
        return None
    return {
        "line1": said.line1, "line2": said.line2, "city": said.city, "region": said.state,
        "postal_code": said.postal_code, "country": said.country,
    }  # fmt: skip
