"""Inviting people by a link that works once: an agency's admin by mail, an operator on the command line."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from portal import clock
from portal.errors import ChooseAgain, NotFoundHere
from portal.extensions import db
from portal.models import Agency, Invitation, Location, Role, User
from portal.services import audit, keys, mailing, passwords, users
from portal.services.unit import release, transaction

LIFE = timedelta(days=7)
MOST_A_DAY = 100
USED_UP = "This invitation does not work any more. Ask the person who invited you for a new one."
ROLES = {
    Role.AGENCY_ADMIN: "Agency admin",
    Role.ACCOUNT_ADMIN: "Account admin",
    Role.VIEWER: "Viewer",
}


@dataclass(frozen=True)
class Made:
    """A new invitation with the link that is known only now."""

    email: str
    role: Role
    link: str


def invite(by: User, email: str, role: Role, location_ids: Sequence[int]) -> Invitation:
    """Invite somebody to this admin's agency by mail. Raises ChooseAgain naming the field that does not fit."""
    address = users.checked(email)
    with transaction() as session:
        wanted = _locations(session, by.agency_id, role, location_ids)
        made, key = _make(session, by.agency_id, address, role, wanted, by)
        _write(session, made, key, by)
        audit.note(session, by, None, "people.invite", f"{address} as {ROLES[role]}")
    return made


def offer(agency: Agency, email: str, role: Role, locations: Sequence[Location], name: str = "") -> Made:
    """An invitation link that an operator hands over. Raises ChooseAgain."""
    address = users.checked(email)
    with transaction() as session:
        wanted = _locations(session, agency.id, role, [each.id for each in locations])
        made, key = _make(session, agency.id, address, role, wanted, None)
        made.name = name.strip()[:200]
        audit.note_operator(session, agency.id, None, "people.invite", f"{address} as {ROLES[role]}")
    return Made(address, role, link(key))


def resend(by: User, invitation_id: int) -> str:
    """Write the letter again with a new link, good for seven more days; to whom. The earlier link ends."""
    with transaction() as session:
        found = _of_agency(session, by, invitation_id)
        key = keys.fresh()
        found.key_hash, found.expires_at = keys.kept(key), clock.now() + LIFE
        _write(session, found, key, by)
        audit.note(session, by, None, "people.invite_again", found.email)
        return found.email


def withdraw(by: User, invitation_id: int) -> str:
    """End an invitation; whose it was."""
    with transaction() as session:
        found = _of_agency(session, by, invitation_id)
        found.withdrawn_at = clock.now()
        audit.note(session, by, None, "people.withdraw", found.email)
        return found.email


def waiting(agency_id: int) -> list[Invitation]:
    """Invitations that were neither taken up nor withdrawn, the newest first."""
    found = select(Invitation).where(
        Invitation.agency_id == agency_id,
        Invitation.accepted_at.is_(None),
        Invitation.withdrawn_at.is_(None),
    )
    return list(db.session.scalars(found.order_by(Invitation.id.desc())))


def behind(key: str) -> Invitation:
    """The invitation that this link's key opens. Raises NotFoundHere when it does not work any more."""
    found = db.session.scalar(select(Invitation).where(Invitation.key_hash == keys.kept(key)))
    if found is None or not found.open:
        raise NotFoundHere(USED_UP)
    return found


def accept(key: str, name: str, password: str) -> int:
    """Make the invited person's account; their id. Raises ChooseAgain naming the field, NotFoundHere."""
    email = behind(key).email
    if not name.strip():
        raise ChooseAgain("Type your name.", {"name": "Type your name."})
    passwords.check(password, email)
    release()
    kept = passwords.hashed(password)
    with transaction() as session:
        found = session.scalar(
            select(Invitation).where(Invitation.key_hash == keys.kept(key)).with_for_update()
        )
        if found is None or not found.open:
            raise NotFoundHere(USED_UP)
        user = users.create(session, found.agency_id, found.email, found.role, kept, name, found.location_ids)
        found.accepted_at, found.user_id = clock.now(), user.id
        _close_others(session, found)
        audit.note(session, user, None, "people.accept", f"{user.email} as {ROLES[user.role]}")
        return user.id


def link(key: str) -> str:
    """The address that an invited person opens."""
    return mailing.address(f"/invitations/{key}")


def _make(
    session: Session, agency_id: int, email: str, role: Role, location_ids: list[int], by: User | None
) -> tuple[Invitation, str]:
    if session.scalar(select(User.id).where(User.email == email, User.agency_id == agency_id)):
        taken = "This person is in your agency already."
        raise ChooseAgain(f"{email}: {taken}", {"email": taken})
    session.execute(
        update(Invitation)
        .where(
            Invitation.agency_id == agency_id,
            Invitation.email == email,
            Invitation.accepted_at.is_(None),
            Invitation.withdrawn_at.is_(None),
        )
        .values(withdrawn_at=clock.now())
    )
    key = keys.fresh()
    made = Invitation(agency_id=agency_id, email=email, role=role, location_ids=location_ids)
    made.key_hash, made.expires_at = keys.kept(key), clock.now() + LIFE
    made.invited_by_id = by.id if by else None
    session.add(made)
    session.flush()
    return made, key


def _close_others(session: Session, taken: Invitation) -> None:
    """Invitations of other agencies to the same address cannot be taken up any more."""
    others = update(Invitation).where(
        Invitation.email == taken.email, Invitation.id != taken.id, Invitation.accepted_at.is_(None)
    )
    session.execute(others.values(withdrawn_at=clock.now()))


def _locations(session: Session, agency_id: int, role: Role, location_ids: Sequence[int]) -> list[int]:
    """The agency's own among these; an account admin or viewer needs at least one."""
    if role == Role.AGENCY_ADMIN:
        return []
    theirs = select(Location.id).where(Location.agency_id == agency_id, Location.id.in_(location_ids))
    found = list(session.scalars(theirs))
    if not found:
        told = "Choose at least one location, or the role Agency admin for all of them."
        raise ChooseAgain(told, {"locations": told})
    return found


def _of_agency(session: Session, by: User, invitation_id: int) -> Invitation:
    found = session.scalar(
        select(Invitation)
        .where(Invitation.id == invitation_id, Invitation.agency_id == by.agency_id)
        .with_for_update()
    )
    if found is None or found.accepted_at or found.withdrawn_at:
        raise NotFoundHere("This invitation was taken up or withdrawn already.")
    return found


def _write(session: Session, made: Invitation, key: str, by: User) -> None:
    agency = session.get_one(Agency, made.agency_id)
    if mailing.written_lately(session, agency.id, "invitation") >= MOST_A_DAY:
        told = f"An agency sends {MOST_A_DAY} invitations a day at most. Go on tomorrow."
        raise ChooseAgain(told, {"email": told})
    mailing.write(
        session,
        agency.id,
        made.email,
        "invitation",
        f"{agency.name} invites you to its Xero portal",
        good_for=LIFE,
        agency=agency.name,
        by=by.name,
        role=ROLES[Role(made.role)],
        link=link(key),
        days=LIFE.days,
    )
