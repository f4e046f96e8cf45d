"""Who is told of a location by mail, and how often: people choose for themselves, addresses have to agree."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy import Select, delete, func, or_, select
from sqlalchemy.orm import Session

from portal import clock
from portal.config import settings
from portal.errors import ChooseAgain, NotFoundHere
from portal.extensions import db
from portal.models import Location, Rhythm, Role, Telling, User, UserLocation, Watcher
from portal.services import audit, keys, mailing, users
from portal.services.unit import transaction

LIFE = timedelta(days=7)
MOST_ADDRESSES = 20
MOST_ASKED_A_DAY = 20
TOLD_ALREADY = "This address is told already."
ASKED_ALREADY = "This address was asked less than an hour ago. It can be asked again later."
GONE = "This link does not work any more. Ask an admin of the agency to add your address again."
RHYTHMS = {
    Rhythm.AT_ONCE: "As soon as something waits",
    Rhythm.HOURLY: "Once an hour, if anything new waits",
    Rhythm.DAILY: "Once a day at 08:00, if anything new waits",
    Rhythm.NEVER: "Never",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """What somebody is told of one location."""

    trouble: bool
    rhythm: Rhythm

    @property
    def anything(self) -> bool:
        """Whether they are told anything at all."""
        return self.trouble or self.rhythm != Rhythm.NEVER


@dataclass(frozen=True, slots=True)
class Recipient:
    """Somebody to write to. `watcher_id` is None for a person who has chosen nothing yet."""

    watcher_id: int | None
    user_id: int | None
    address: str
    choice: Choice


def usual(role: Role) -> Choice:
    """What a person of this role is told as long as they choose nothing: admins of both, viewers of nothing."""
    return Choice(True, Rhythm.DAILY) if role != Role.VIEWER else Choice(False, Rhythm.NEVER)


def choice_of(user: User, location_id: int) -> Choice:
    """What this person is told of a location."""
    row = db.session.scalar(
        select(Watcher).where(Watcher.location_id == location_id, Watcher.user_id == user.id)
    )
    return Choice(row.trouble, row.rhythm) if row else usual(user.role)


def choose(user: User, location_id: int, choice: Choice) -> None:
    """Keep what this person wants to be told of a location."""
    with transaction() as session:
        row = of_person(session, location_id, user)
        before = Choice(row.trouble, row.rhythm)
        row.trouble, row.rhythm = choice.trouble, choice.rhythm
        if before != choice:
            audit.note(session, user, location_id, "notices.choose", f"{_told(before)} → {_told(choice)}")


def addresses(location_id: int) -> list[Watcher]:
    """The further addresses of a location, agreed or not."""
    found = select(Watcher).where(Watcher.location_id == location_id, Watcher.email.is_not(None))
    return list(db.session.scalars(found.order_by(Watcher.email)))


def add(by: User, location: Location, email: str, choice: Choice) -> str:
    """Ask an address whether it wants to be told of a location; the address. Raises ChooseAgain at `email`."""
    address = users.checked(email)
    with transaction() as session:
        _room_for_one_more(session, by, location.id)
        row = session.scalar(
            select(Watcher).where(Watcher.location_id == location.id, Watcher.email == address)
        )
        if row is not None and row.confirmed_at:
            raise ChooseAgain(TOLD_ALREADY, {"email": TOLD_ALREADY})
        if row is not None and row.created_at > clock.now() - timedelta(hours=1):
            raise ChooseAgain(ASKED_ALREADY, {"email": ASKED_ALREADY})
        key = keys.fresh()
        row = row or Watcher(location_id=location.id, email=address)
        row.trouble, row.rhythm, row.created_at = choice.trouble, choice.rhythm, clock.now()
        row.key_hash, row.added_by_id = keys.kept(key), by.id
        session.add(row)
        mailing.write(
            session,
            location.agency_id,
            address,
            "confirm_address",
            f"Do you want letters about {location.name}?",
            good_for=LIFE,
            by=by.name,
            agency=by.agency.name,
            location=location.name,
            link=mailing.address(f"/notices/confirm/{key}"),
        )
        audit.note(session, by, location.id, "notices.add_address", f"{address}: {_told(choice)}")
    return address


def remove(by: User, location_id: int, watcher_id: int) -> str:
    """Tell an address no more; the address. Raises NotFoundHere."""
    with transaction() as session:
        row = session.scalar(
            select(Watcher).where(
                Watcher.id == watcher_id, Watcher.location_id == location_id, Watcher.email.is_not(None)
            )
        )
        if row is None:
            raise NotFoundHere("There is no such address here.")
        address = str(row.email)
        session.execute(delete(Telling).where(Telling.watcher_id == row.id))
        session.delete(row)
        audit.note(session, by, location_id, "notices.remove_address", address)
        return address


def asked(key: str) -> Watcher:
    """The address that this link's key confirms. Raises NotFoundHere when it does not work any more."""
    row = db.session.scalar(select(Watcher).where(Watcher.key_hash == keys.kept(key)))
    if row is None or row.email is None or row.created_at < clock.now() - LIFE:
        raise NotFoundHere(GONE)
    return row


def confirm(key: str) -> None:
    """The owner of an address agrees. Raises NotFoundHere."""
    with transaction() as session:
        row = session.get_one(Watcher, asked(key).id)
        row.confirmed_at, row.key_hash = clock.now(), None
        audit.note_operator(
            session, row.location.agency_id, row.location_id, "notices.confirm", str(row.email)
        )


def unsubscribe_link(watcher_id: int) -> str:
    """The address that ends a watcher's letters about a location, without signing in."""
    return mailing.address(f"/notices/unsubscribe/{_signer().dumps(watcher_id)}")


def behind(token: str) -> Watcher:
    """Whose letters this signed word ends. Raises NotFoundHere when it was not made by us."""
    try:
        watcher_id = int(_signer().loads(token))
    except (BadSignature, TypeError, ValueError):
        raise NotFoundHere("This link was not made by the portal, or it is not complete.") from None
    row = db.session.get(Watcher, watcher_id)
    if row is None:
        raise NotFoundHere("These letters have ended already.")
    return row


def unsubscribe(token: str, everywhere: bool = False) -> None:
    """End a watcher's letters about the location, or about all of them. Twice does no harm. Raises NotFoundHere."""
    with transaction() as session:
        row = session.get_one(Watcher, behind(token).id)
        for each in _all_of(session, row) if everywhere else [row]:
            _silence(each)
            address = each.email or (each.user.email if each.user else "")
            audit.note_operator(
                session, each.location.agency_id, each.location_id, "notices.unsubscribe", address
            )


def recipients(session: Session, location: Location) -> list[Recipient]:
    """Everybody who is to be told anything of a location: people who may enter it, and addresses that agreed."""
    rows = {
        row.user_id: row
        for row in session.scalars(select(Watcher).where(Watcher.location_id == location.id))
        if row.user_id
    }
    found = []
    for user in session.scalars(_who_may_enter(location)):
        row = rows.get(user.id)
        choice = Choice(row.trouble, row.rhythm) if row else usual(user.role)
        found.append(Recipient(row.id if row else None, user.id, user.email, choice))
    agreed = select(Watcher).where(
        Watcher.location_id == location.id, Watcher.email.is_not(None), Watcher.confirmed_at.is_not(None)
    )
    for row in session.scalars(agreed.order_by(Watcher.id)):
        found.append(Recipient(row.id, None, str(row.email), Choice(row.trouble, row.rhythm)))
    return [each for each in found if each.choice.anything]


def of_person(session: Session, location_id: int, user: User) -> Watcher:
    """The row of a person, made with what is usual for the role where there is none."""
    row = session.scalar(
        select(Watcher).where(Watcher.location_id == location_id, Watcher.user_id == user.id)
    )
    if row is None:
        own = usual(user.role)
        row = Watcher(location_id=location_id, user_id=user.id, trouble=own.trouble, rhythm=own.rhythm)
        row.confirmed_at = clock.now()
        session.add(row)
        session.flush()
    return row


def _who_may_enter(location: Location) -> Select[User]:
    given = select(UserLocation.user_id).where(UserLocation.location_id == location.id)
    may = or_(User.role == Role.AGENCY_ADMIN, User.id.in_(given))
    return select(User).where(User.agency_id == location.agency_id, User.active, may).order_by(User.id)


def _all_of(session: Session, row: Watcher) -> Sequence[Watcher]:
    mine = Watcher.user_id == row.user_id if row.user_id else Watcher.email == row.email
    return session.scalars(select(Watcher).where(mine)).all()


def _silence(row: Watcher) -> None:
    row.trouble, row.rhythm, row.key_hash = False, Rhythm.NEVER, None


def _room_for_one_more(session: Session, by: User, location_id: int) -> None:
    """So that nobody uses the portal to send letters to strangers."""
    here = select(func.count()).where(Watcher.location_id == location_id, Watcher.email.is_not(None))
    lately = select(func.count()).where(
        Watcher.added_by_id == by.id, Watcher.created_at > clock.now() - timedelta(days=1)
    )
    if (session.scalar(here) or 0) >= MOST_ADDRESSES or (session.scalar(lately) or 0) >= MOST_ASKED_A_DAY:
        told = f"A location has at most {MOST_ADDRESSES} further addresses, and a person asks {MOST_ASKED_A_DAY} a day."
        raise ChooseAgain(told, {"email": told})


def _told(choice: Choice) -> str:
    return f"trouble {'yes' if choice.trouble else 'no'}, what waits {choice.rhythm.replace('_', ' ')}"


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(settings().secret_key, salt="notices.unsubscribe")
