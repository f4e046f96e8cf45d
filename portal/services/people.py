"""Agency > People: who works here, with which role and locations; changed by an agency's admin."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.errors import ChooseAgain, NotFoundHere
from portal.extensions import db
from portal.models import Agency, Location, Role, User, UserLocation
from portal.services import api_keys, audit, second_factor, sign_ins, users
from portal.services.invitations import ROLES
from portal.services.unit import transaction

LAST = "An agency needs an agency admin, and this is the last one. Make somebody else agency admin first."
MYSELF = "You cannot take away your own access. Ask another agency admin."


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the agency and the locations they may enter (none for agency admins, who enter all)."""

    user: User
    locations: list[Location]
    second_factor: bool


def of(agency_id: int) -> list[Person]:
    """Everybody of the agency, those who may sign in first, by name; in three queries however many there are."""
    rows = db.session.execute(
        select(UserLocation.user_id, Location)
        .join(Location, Location.id == UserLocation.location_id)
        .where(Location.agency_id == agency_id)
        .order_by(Location.name)
    )
    given: dict[int, list[Location]] = {}
    for user_id, location in rows:
        given.setdefault(user_id, []).append(location)
    everybody = (
        select(User)
        .where(User.agency_id == agency_id, api_keys.is_person())
        .order_by(User.active.desc(), User.name, User.id)
    )
    with_code = second_factor.people_with(agency_id)
    return [
        Person(user, given.get(user.id, []), user.id in with_code) for user in db.session.scalars(everybody)
    ]


def one(agency_id: int, user_id: int) -> Person:
    """Somebody of the agency. Raises NotFoundHere."""
    found = next((each for each in of(agency_id) if each.user.id == user_id), None)
    if found is None:
        raise NotFoundHere("There is nobody of this number in your agency.")
    return found


def locations(agency_id: int) -> list[Location]:
    """The agency's locations, by name."""
    found = select(Location).where(Location.agency_id == agency_id).order_by(Location.name, Location.id)
    return list(db.session.scalars(found))


def change(by: User, user_id: int, role: Role, location_ids: Sequence[int]) -> str:
    """Give somebody another role and other locations, from their next click on; their name. Raises ChooseAgain."""
    with transaction() as session:
        user = _locked(session, by, user_id)
        before = _told(user, _names(session, user))
        if role != Role.AGENCY_ADMIN:
            _not_the_last(session, user)
        if role != Role.AGENCY_ADMIN and not location_ids:
            told = "Choose at least one location, or the role Agency admin for all of them."
            raise ChooseAgain(told, {"locations": told})
        user.role = role
        users.give(session, user, location_ids)
        session.flush()
        after = _told(user, _names(session, user))
        if after != before:
            audit.note(session, by, None, "people.change", f"{user.email}: {before} → {after}")
        return user.name


def deactivate(by: User, user_id: int) -> str:
    """Take away somebody's access: their sessions end at once; their name. Raises ChooseAgain."""
    with transaction() as session:
        user = _locked(session, by, user_id)
        if user.id == by.id:
            raise ChooseAgain(MYSELF)
        _not_the_last(session, user)
        user.active = False
        sign_ins.end_all(session, user)
        audit.note(session, by, None, "people.deactivate", user.email)
        return user.name


def activate(by: User, user_id: int) -> str:
    """Let somebody in again with the password they had; their name."""
    with transaction() as session:
        user = _locked(session, by, user_id)
        user.active = True
        audit.note(session, by, None, "people.activate", user.email)
        return user.name


def require_second_factor(by: User, wanted: bool) -> None:
    """Whether everybody of the agency needs a second factor; people without one are led to set it up."""
    with transaction() as session:
        agency = session.get_one(Agency, by.agency_id, with_for_update=True)
        if agency.second_factor_required != wanted:
            agency.second_factor_required = wanted
            audit.note(
                session, by, None, "agencies.second_factor", "everybody" if wanted else "who wants one"
            )


def forget_second_factor(by: User, user_id: int) -> str:
    """Switch off the second factor of somebody who lost it; their name. They are signed out everywhere."""
    with transaction() as session:
        user = _locked(session, by, user_id)
        if user.id == by.id:
            raise ChooseAgain("Switch off your own second factor under Your account, with a code.")
        second_factor.forget(session, user)
        sign_ins.end_all(session, user)
        audit.note(session, by, None, "users.second_factor_off", user.email)
        return user.name


def forget_second_factor_of(email: str) -> tuple[str, int]:
    """The same by an operator, for whom no agency admin can do it: their address and how many sessions it ended.

    Raises NotFoundHere.
    """
    with transaction() as session:
        mine = select(User).where(User.email == users.plain(email), api_keys.is_person())
        user = session.scalar(mine.with_for_update())
        if user is None:
            raise NotFoundHere(f"Nobody has the e-mail address {email!r}.")
        second_factor.forget(session, user)
        audit.note_operator(session, user.agency_id, None, "users.second_factor_off", user.email)
        return user.email, sign_ins.end_all(session, user)


def _locked(session: Session, by: User, user_id: int) -> User:
    """Somebody of this admin's agency, with the agency held, so that two admins do not remove each other at once."""
    session.get_one(Agency, by.agency_id, with_for_update=True)
    found = session.scalar(
        select(User)
        .where(User.id == user_id, User.agency_id == by.agency_id, api_keys.is_person())
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise NotFoundHere("There is nobody of this number in your agency.")
    return found


def _not_the_last(session: Session, user: User) -> None:
    others = select(func.count()).where(
        User.agency_id == user.agency_id, User.active, User.role == Role.AGENCY_ADMIN, User.id != user.id
    )
    if user.role == Role.AGENCY_ADMIN and user.active and not session.scalar(others):
        raise ChooseAgain(LAST)


def _names(session: Session, user: User) -> list[str]:
    given = select(Location.name).join(UserLocation, UserLocation.location_id == Location.id)
    return list(session.scalars(given.where(UserLocation.user_id == user.id).order_by(Location.name)))


def _told(user: User, names: list[str]) -> str:
    return f"{ROLES[Role(user.role)]} ({', '.join(names)})" if names else ROLES[Role(user.role)]
