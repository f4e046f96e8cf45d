"""Agencies and their locations, as an operator adds them."""

import re
from dataclasses import dataclass, field
from functools import cache
from zoneinfo import available_timezones

from sqlalchemy import select

from portal.errors import ChooseAgain, NotFoundHere
from portal.extensions import db
from portal.models import Agency, Location
from portal.services import audit, sources
from portal.services.unit import transaction

LOCATION_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@cache
def _timezones() -> frozenset[str]:
    """The names of time zones that this machine knows; finding them reads hundreds of files."""
    return frozenset(available_timezones())


@dataclass(frozen=True)
class Added:
    """A new location and what to enter in HoopAI for it."""

    location_id: str
    name: str
    webhook_url: str
    webhook_secret: str = field(repr=False)


def named(name: str) -> Agency:
    """The agency of this name. Raises NotFoundHere."""
    found = db.session.scalar(select(Agency).where(Agency.name == name))
    if found is None:
        raise NotFoundHere(f"There is no agency named {name!r}.")
    return found


def located(agency: Agency, hoop_id: str) -> Location:
    """The agency's location with this HoopAI id. Raises NotFoundHere."""
    found = db.session.scalar(
        select(Location).where(Location.agency_id == agency.id, Location.hoop_id == hoop_id)
    )
    if found is None:
        raise NotFoundHere(f"{agency.name} has no location {hoop_id!r}.")
    return found


def location(hoop_id: str) -> Location:
    """The location with this HoopAI id, whoever owns it. Raises NotFoundHere."""
    found = db.session.scalar(select(Location).where(Location.hoop_id == hoop_id))
    if found is None:
        raise NotFoundHere(f"There is no location {hoop_id!r}.")
    return found


def add(name: str) -> Agency:
    """Add an agency. Raises ChooseAgain when the name is empty or taken."""
    name = name.strip()
    if not name:
        raise ChooseAgain("An agency needs a name.")
    with transaction() as session:
        if session.scalar(select(Agency.id).where(Agency.name == name)):
            raise ChooseAgain(f"There already is an agency named {name!r}.")
        agency = Agency(name=name)
        session.add(agency)
        session.flush()
        audit.note_operator(session, agency.id, None, "agencies.add", name)
    return agency


def add_location(agency: Agency, hoop_id: str, name: str, timezone: str = "UTC") -> Added:
    """Add a location with its source; what to enter in HoopAI. Raises ChooseAgain where it does not fit."""
    hoop_id, name = hoop_id.strip(), name.strip()
    if not hoop_id or not name:
        raise ChooseAgain("A location needs HoopAI's location id and a name.")
    if not LOCATION_ID.fullmatch(hoop_id):
        raise ChooseAgain(f"{hoop_id!r} is no location id: up to 64 letters, digits, dashes or underscores.")
    if timezone not in _timezones():
        raise ChooseAgain(f"{timezone!r} is not a time zone, for example Australia/Sydney.")
    with transaction() as session:
        if session.scalar(select(Location.id).where(Location.hoop_id == hoop_id)):
            raise ChooseAgain(f"The location {hoop_id!r} is in the portal already.")
        location = Location(hoop_id=hoop_id, agency_id=agency.id, name=name, timezone=timezone)
        session.add(location)
        session.flush()
        source = sources.create(session, location)
        audit.note_operator(session, agency.id, location.id, "locations.add", name)
        return Added(hoop_id, name, sources.webhook_url(source), sources.secret(source))


def entered(location: Location) -> Added:
    """What to enter in HoopAI for a location that is there already."""
    source = sources.of(location.id)
    if source is None:
        raise NotFoundHere(f"{location.name} has no webhook address.")
    return Added(location.hoop_id, location.name, sources.webhook_url(source), sources.secret(source))
