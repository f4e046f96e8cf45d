"""What HoopAI says about a person or firm."""

from __future__ import annotations

from typing import Any, NamedTuple

from portal.hoopai import reading


class AddressSaid(NamedTuple):
    """A postal address; empty texts where nothing was said. `country` is two letters as a rule."""

    line1: str = ""
    line2: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""
    country: str = ""


class ContactSaid(NamedTuple):
    """A contact. `hoop_id` is None when an invoice was written to somebody who is no contact."""

    hoop_id: str | None
    name: str
    email: str | None
    phone: str | None
    company_name: str | None
    first_name: str | None = None
    last_name: str | None = None
    address: AddressSaid | None = None


def on_invoice(details: dict[str, Any]) -> ContactSaid:
    """An invoice's `contactDetails`."""
    return ContactSaid(
        hoop_id=reading.text(details, "id") or reading.text(details, "_id"),
        name=reading.text(details, "name") or "",
        email=reading.text(details, "email"),
        phone=reading.text(details, "phoneNo"),
        company_name=reading.text(details, "companyName"),
        first_name=reading.text(details, "firstName"),
        last_name=reading.text(details, "lastName"),
        address=_address(reading.record(details, "address"), "addressLine1", "countryCode"),
    )


def said(payload: dict[str, Any]) -> ContactSaid:
    """A contact event's payload, or `contact` of the REST answer; BadValue if it has no id."""
    hoop_id = reading.text(payload, "id") or reading.text(payload, "_id")
    if hoop_id is None:
        raise reading.BadValue("id", "is missing")
    first, last = reading.text(payload, "firstName"), reading.text(payload, "lastName")
    full = " ".join(part for part in (first, last) if part)
    return ContactSaid(
        hoop_id=hoop_id,
        name=reading.text(payload, "name") or full,
        email=reading.text(payload, "email"),
        phone=reading.text(payload, "phone"),
        company_name=reading.text(payload, "companyName"),
        first_name=first,
        last_name=last,
        address=_address(payload, "address1", "country"),
    )


def _address(source: dict[str, Any], line1: str, country: str) -> AddressSaid | None:
    if not source:
        return None
    found = AddressSaid(
        line1=reading.text(source, line1) or "",
        line2=reading.text(source, "addressLine2") or "",
        city=reading.text(source, "city") or "",
        state=reading.text(source, "state") or "",
        postal_code=reading.text(source, "postalCode") or "",
        country=reading.text(source, country) or "",
    )
    return found if any(found) else None
