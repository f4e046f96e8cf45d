"""People: who signs in, for how long, and which locations they may enter."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import ColumnElement, Select, bindparam, delete, or_, select, update
from sqlalchemy.orm import Session as Open
from sqlalchemy.orm import contains_eager, joinedload

from portal import clock
from portal.errors import ChooseAgain, NotFoundHere
from portal.extensions import db
from portal.models import Agency, Connection, Location, Role, Session, User, UserLocation
from portal.services import audit, keys, passwords, second_factor
from portal.services.unit import release, transaction

LONGEST = timedelta(hours=12)
IDLE = timedelta(hours=2)
FOR_THE_CODE = timedelta(minutes=10)
TOO_LONG_AGO = "You typed your password more than ten minutes ago. Sign in again."
SEEN_EVERY = timedelta(minutes=1)
NO_ADDRESS = "Type an e-mail address, for example ana@agency.example."
REFUSED = "That e-mail address and password do not belong together. Check both and try again."


def sign_in(email: str, password: str, address: str, browser: str) -> str:
    """Sign a person in; the key of the new session, which is kept only as its hash.

    Where the person has a second factor the session is pending until `enter_code`.

    Raises ChooseAgain with one sentence and after a similar time, whether the address is unknown, the
    password wrong, changed while it was checked, or the person no longer active.
    """
    found = db.session.execute(
        select(User.id, User.password_hash).where(User.email == plain(email), User.active)
    ).one_or_none()
    user_id, kept = found or (None, None)
    release()
    if not passwords.matches(kept, password) or user_id is None or kept is None:
        _note_refusal(user_id, address)
        raise ChooseAgain(REFUSED)
    renewed = passwords.hashed(password) if passwords.outdated(kept) else kept
    with transaction() as session:
        user = session.get_one(User, user_id, with_for_update=True)
        if user.password_hash != kept or not user.active:
            raise ChooseAgain(REFUSED)
        user.password_hash = renewed
        return _begin(session, user, address, browser, pending=second_factor.is_on(user_id))


def is_pending(key: str) -> bool:
    """Whether this key waits for the second factor's code."""
    return who_is_pending(key) is not None


def who_is_pending(key: str) -> int | None:
    """The id of the person whose code this key waits for."""
    return db.session.scalar(select(Session.user_id).where(*_pending(key)))


def enter_code(key: str, code: str, address: str, browser: str) -> str:
    """Go on from a pending session with the second factor's code or a recovery code; the key of a new session.

    Raises NotFoundHere when the password was too long ago, ChooseAgain when the code is not the one.
    """
    with transaction() as session:
        owner = select(User).join(Session).where(*_pending(key)).with_for_update(of=User)
        user = session.scalar(owner)
        pending = session.scalar(select(Session).where(*_pending(key)))
        if user is None or pending is None:
            raise NotFoundHere(TOO_LONG_AGO)
        if second_factor.accept(session, user, code):
            pending.ended_at = clock.now()
            return _begin(session, user, address, browser)
        audit.note(session, user, None, "users.code_refused", address)
    raise ChooseAgain(second_factor.REFUSED, {"code": second_factor.REFUSED})


def session_for(key: str) -> Session | None:
    """The living session of this key: begun less than 12 hours ago, used less than 2 hours ago, not ended."""
    moment = clock.now()
    found = db.session.scalar(_by_key(), {"key": keys.kept(key), **counted_at(moment)})
    if found is not None and found.seen_at < moment - SEEN_EVERY:
        with transaction() as session:
            session.execute(update(User).where(User.id == found.user_id).values(last_seen_at=moment))
            session.execute(update(Session).where(Session.id == found.id).values(seen_at=moment))
    return found


def living() -> tuple[ColumnElement[bool], ...]:
    """What makes a session, joined with its user, one that counts; asked with `counted_at`."""
    return (
        Session.ended_at.is_(None),
        Session.pending.is_(False),
        Session.expires_at > bindparam("now"),
        Session.seen_at > bindparam("awake"),
        User.active.is_(True),
    )


def counted_at(moment: datetime) -> dict[str, datetime]:
    """The parameters of `living`."""
    return {"now": moment, "awake": moment - IDLE}


def sign_out(key: str) -> None:
    """End this session; an unknown or ended one is no error."""
    with transaction() as session:
        found = session.scalar(
            select(Session).where(Session.key_hash == keys.kept(key), Session.ended_at.is_(None))
        )
        if found is not None:
            found.ended_at = clock.now()
            audit.note(session, found.user, None, "users.sign_out")


def locations_of(user: User, search: str = "", most: int | None = None) -> list[Location]:
    """The locations this person may enter, by name: all of the agency for its admins, else the given ones.

    With `search` those whose name holds it or whose HoopAI id it is; at most `most`.
    """
    found = _by_name(user.role == Role.AGENCY_ADMIN)
    if search:
        named = Location.name.icontains(search, autoescape=True)
        found = found.where(or_(named, Location.hoop_id == search))
    return list(db.session.scalars(found.limit(most) if most else found, _theirs(user)))


def location_for(user: User, hoop_id: str) -> Location:
    """The location with this HoopAI id, its connection read with it. Raises NotFoundHere when they may not enter."""
    wanted = _named(user.role == Role.AGENCY_ADMIN)
    found: Location | None = db.session.scalar(wanted, {**_theirs(user), "hoop_id": hoop_id})
    if found is None:
        raise NotFoundHere("There is no such location here.")
    return found


def add(
    email: str,
    agency: Agency,
    role: Role,
    password: str,
    *,
    name: str = "",
    locations: Sequence[Location] = (),
) -> User:
    """Add a person to an agency. Raises ChooseAgain when the address is taken or something does not fit."""
    address = checked(email)
    passwords.check(password, address)
    if any(location.agency_id != agency.id for location in locations):
        raise ChooseAgain(f"{agency.name} has no such location.")
    agency_id, location_ids = agency.id, [location.id for location in locations]
    release()
    kept = passwords.hashed(password)
    with transaction() as session:
        user = create(session, agency_id, address, role, kept, name, location_ids)
        audit.note_operator(
            session, agency_id, None, "users.add", f"{user.email} as {role.replace('_', ' ')}"
        )
    return user


def create(
    session: Open, agency_id: int, email: str, role: Role, kept: str, name: str, location_ids: Sequence[int]
) -> User:
    """A new person with this password hash, in the caller's transaction. Raises ChooseAgain for a taken address."""
    if session.scalar(select(User.id).where(User.email == email)):
        raise ChooseAgain(f"{email} already has an account.", {"email": "It already has an account."})
    name = " ".join(name.split())[:200] or _name_in(email)
    user = User(agency_id=agency_id, email=email, name=name, password_hash=kept, role=role)
    session.add(user)
    session.flush()
    give(session, user, location_ids)
    return user


def give(session: Open, user: User, location_ids: Sequence[int]) -> None:
    """Let this person enter exactly these locations of the agency; an agency admin enters all without."""
    theirs = select(Location.id).where(Location.agency_id == user.agency_id, Location.id.in_(location_ids))
    wanted = [] if user.role == Role.AGENCY_ADMIN else session.scalars(theirs).all()
    session.execute(delete(UserLocation).where(UserLocation.user_id == user.id))
    session.add_all(UserLocation(user_id=user.id, location_id=each) for each in wanted)


def checked(email: str) -> str:
    """The address as it is kept. Raises ChooseAgain when no letter could reach it."""
    try:
        found = validate_email(plain(email), check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError:
        raise ChooseAgain(f"{email.strip()!r} is not an e-mail address.", {"email": NO_ADDRESS}) from None
    return str(found.normalized)


def begin(user_id: int, address: str, browser: str) -> str:
    """Sign in somebody who has just proved who they are; the key of the new session."""
    with transaction() as session:
        return _begin(session, session.get_one(User, user_id), address, browser)


def _note_refusal(user_id: int | None, address: str) -> None:
    """Write down that a sign-in was refused; a transaction for nobody as well, which takes as long."""
    with transaction() as session:
        user = session.get(User, user_id or 0)
        if user is not None:
            audit.note(session, user, None, "users.sign_in_refused", address)


def _pending(key: str) -> tuple[ColumnElement[bool], ...]:
    return (
        Session.key_hash == keys.kept(key),
        Session.pending.is_(True),
        Session.ended_at.is_(None),
        Session.expires_at > clock.now(),
        Session.user_id.in_(select(User.id).where(User.active)),
    )


def _begin(session: Open, user: User, address: str, browser: str, *, pending: bool = False) -> str:
    key, moment = keys.fresh(), clock.now()
    user.last_seen_at = user.last_seen_at if pending else moment
    session.add(
        Session(
            user_id=user.id,
            key_hash=keys.kept(key),
            created_at=moment,
            seen_at=moment,
            expires_at=moment + (FOR_THE_CODE if pending else LONGEST),
            pending=pending,
            address=address[:64],
            browser=browser[:200],
        )
    )
    if not pending:
        audit.note(session, user, None, "users.sign_in", address)
    return key


@cache
def _by_key() -> Select[Session]:
    """Every page asks this: made once."""
    return (
        select(Session)
        .join(Session.user)
        .options(contains_eager(Session.user).joinedload(User.agency))
        .where(Session.key_hash == bindparam("key"), *living())
    )


def _theirs(user: User) -> dict[str, int]:
    return {"agency": user.agency_id, "user": user.id}


@cache
def _named(every: bool) -> Select[Location]:
    """A location of an address with its connection: every page inside it asks this, so it is made once."""
    connected = joinedload(Location.connection).joinedload(Connection.connected_by)
    return _enterable(every).where(Location.hoop_id == bindparam("hoop_id")).options(connected)


@cache
def _by_name(every: bool) -> Select[Location]:
    return _enterable(every).order_by(Location.name, Location.id)


def _enterable(every: bool) -> Select[Location]:
    """The locations of the agency: all of them, else those the user was given; asked with `_theirs`."""
    found = select(Location).where(Location.agency_id == bindparam("agency"))
    if every:
        return found
    given = select(UserLocation.location_id).where(UserLocation.user_id == bindparam("user"))
    return found.where(Location.id.in_(given))


def _name_in(email: str) -> str:
    return email.split("@")[0].replace(".", " ").title()


def plain(email: str) -> str:
    """An address as it is kept: without blanks around it, in small letters."""
    return email.strip().lower()
