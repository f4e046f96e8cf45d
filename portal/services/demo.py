"""The demo agency that `manage.py run` starts with; asking for it again changes nothing."""

from sqlalchemy import select

from portal.errors import NotFoundHere
from portal.extensions import db
from portal.models import Agency, Location, Role, User
from portal.services import agencies, users

AGENCY = "Northlight Agency"
EMAIL, NAME, PASSWORD = "ana@northlight.example", "Ana Whitlock", "demo-harbour-2026"
LOCATIONS = (
    ("loc7Qm2VrX0tB4kPz9Ya", "Harbour Studio", "Australia/Sydney"),
    ("locK3wN8sT1uC6mRd5Eb", "Kauri Fitness", "Pacific/Auckland"),
)


def seed() -> list[agencies.Added]:
    """Make sure that the demo agency, its admin and its locations are there; what to enter in HoopAI."""
    agency = _agency()
    if db.session.scalar(select(User.id).where(User.email == EMAIL)) is None:
        users.add(EMAIL, agency, Role.AGENCY_ADMIN, PASSWORD, name=NAME)
    return [_location(agency, *each) for each in LOCATIONS]


def _agency() -> Agency:
    try:
        return agencies.named(AGENCY)
    except NotFoundHere:
        return agencies.add(AGENCY)


def _location(agency: Agency, hoop_id: str, name: str, timezone: str) -> agencies.Added:
    found = db.session.scalar(select(Location).where(Location.hoop_id == hoop_id))
    return agencies.entered(found) if found else agencies.add_location(agency, hoop_id, name, timezone)
