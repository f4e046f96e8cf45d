"""Telling people what needs them: each trouble of a location once, what stays blocked in their rhythm, and its end.

What is wrong is read from the state of things, never from an event that could be missed: a trouble without an open
notice begins, an open notice without its trouble ends. Both are written together with their letters.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, func, literal, or_, select, union_all
from sqlalchemy.orm import Session

from portal import clock
from portal.extensions import db
from portal.models import (
    Connection,
    ConnectionState,
    Failure,
    Location,
    Notice,
    NoticeKind,
    Push,
    PushState,
    Rhythm,
    Telling,
    User,
    Watcher,
)
from portal.services import notice_letters, watchers
from portal.services.unit import release, transaction
from portal.services.watchers import Recipient

JOB = "jobs.notices.look"
STAYS = timedelta(minutes=2)
APART = timedelta(minutes=15)
AGAIN = timedelta(hours=1)
REMINDER = timedelta(days=7)
MORNING = time(8)


@dataclass(frozen=True, slots=True)
class Fact:
    """A trouble as it is now: since when, and when its youngest document was blocked."""

    since: datetime
    newest: datetime | None = None


def due(every: bool) -> list[int]:
    """Locations whose connection was lost or found, or whose day limit was reached or has passed.

    With `every` also those where documents stay blocked or do no longer, and those whose people's rhythm may call.
    """
    wrong = {(location_id, NoticeKind(kind)) for location_id, kind in db.session.execute(_wrong(every))}
    opened = db.session.execute(select(Notice.location_id, Notice.kind).where(Notice.ended_at.is_(None)))
    told = {(location_id, kind) for location_id, kind in opened if every or kind != NoticeKind.BLOCKED}
    release()
    return sorted({location_id for location_id, _ in ((wrong | told) if every else (wrong ^ told))})


def look(location_id: int) -> None:
    """Begin and end the notices of a location, and write what its people are to be told now."""
    with transaction() as session:
        location = session.get_one(Location, location_id, with_for_update=True, populate_existing=True)
        facts = _facts(session, location_id)
        opened = {notice.kind: notice for notice in _open(session, location_id)}
        ended = [notice for kind, notice in opened.items() if kind not in facts]
        for notice in ended:
            notice.ended_at = clock.now()
        for kind in facts.keys() - opened.keys():
            opened[kind] = Notice(location_id=location_id, kind=kind, since=facts[kind].since)
            session.add(opened[kind])
        session.flush()
        people = watchers.recipients(session, location)
        _tell_of_ends(session, location, ended, people, bool(facts))
        for kind, fact in facts.items():
            _tell(session, location, opened[kind], fact, people)


def latest(location_id: int, most: int = 10) -> list[Notice]:
    """The newest notices of a location."""
    found = select(Notice).where(Notice.location_id == location_id).order_by(Notice.id.desc()).limit(most)
    return list(db.session.scalars(found))


def due_now(rhythm: Rhythm, since: datetime, last: datetime | None, zone: ZoneInfo) -> bool:
    """Whether somebody with this rhythm is to be told now of what is there since then; `last` is the time before."""
    now = clock.now()
    if rhythm == Rhythm.AT_ONCE:
        return last is None or last <= now - APART
    if rhythm == Rhythm.HOURLY:
        return (last or since) < now.replace(minute=0, second=0, microsecond=0)
    local = now.astimezone(zone)
    mark = datetime.combine(local.date(), MORNING, zone)
    mark = mark if mark <= local else datetime.combine(local.date() - timedelta(days=1), MORNING, zone)
    return rhythm == Rhythm.DAILY and (last or since) < mark


def _blocked(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """What stays blocked and waits for a person; a lost connection is a notice of its own."""
    apart = or_(Push.failure.is_(None), Push.failure != Failure.DISCONNECTED)
    return Push.state == PushState.BLOCKED, Push.updated_at < now - STAYS, apart


def _day_is_used(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return Connection.state == ConnectionState.CONNECTED, Connection.day_used_until > now


def _wrong(every: bool) -> Select[Any]:
    now = clock.now()
    lost = Connection.state == ConnectionState.ATTENTION
    kinds = [
        select(Connection.location_id, literal(str(NoticeKind.CONNECTION)).label("kind")).where(lost),
        select(Connection.location_id, literal(str(NoticeKind.LIMIT))).where(*_day_is_used(now)),
    ]
    if every:
        blocked = select(Push.location_id, literal(str(NoticeKind.BLOCKED))).where(*_blocked(now))
        kinds.append(blocked.distinct())
    found = union_all(*kinds).subquery()
    return select(found.c.location_id, found.c.kind)


def _facts(session: Session, location_id: int) -> dict[NoticeKind, Fact]:
    now, found = clock.now(), dict[NoticeKind, Fact]()
    mine = select(Connection).where(Connection.location_id == location_id)
    if lost := session.scalar(mine.where(Connection.state == ConnectionState.ATTENTION)):
        found[NoticeKind.CONNECTION] = Fact(lost.since)
    if session.scalar(mine.where(*_day_is_used(now))):
        found[NoticeKind.LIMIT] = Fact(now)
    blocked = select(func.min(Push.updated_at), func.max(Push.updated_at))
    oldest, newest = session.execute(blocked.where(Push.location_id == location_id, *_blocked(now))).one()
    if oldest is not None:
        found[NoticeKind.BLOCKED] = Fact(oldest, newest)
    return found


def _open(session: Session, location_id: int) -> Iterable[Notice]:
    found = select(Notice).where(Notice.location_id == location_id, Notice.ended_at.is_(None))
    return session.scalars(found).all()


def _tell(session: Session, location: Location, notice: Notice, fact: Fact, people: list[Recipient]) -> None:
    body: notice_letters.Body | None = None
    for each in people:
        telling = _telling(session, notice, each)
        if not _wants(session, location, notice, fact, each, telling):
            continue
        body = body or notice_letters.of(session, location, notice)
        watcher_id = each.watcher_id or _row(session, location, each)
        notice_letters.send(session, location, each.address, watcher_id, body)
        if telling is None:
            telling = Telling(notice_id=notice.id, watcher_id=watcher_id)
            session.add(telling)
        telling.at, telling.newest = clock.now(), fact.newest


def _wants(
    session: Session, location: Location, notice: Notice, fact: Fact, each: Recipient, telling: Telling | None
) -> bool:
    if notice.kind != NoticeKind.BLOCKED:
        return each.choice.trouble and telling is None and not _told_lately(session, notice, each)
    last = telling.at if telling else _last_told(session, notice, each)
    if not due_now(each.choice.rhythm, fact.since, last, clock.zone(location.timezone)):
        return False
    if telling is None or telling.newest is None or fact.newest is None:
        return True
    return fact.newest > telling.newest or telling.at < clock.now() - REMINDER


def _tell_of_ends(
    session: Session, location: Location, ended: list[Notice], people: list[Recipient], more: bool
) -> None:
    """One letter to everybody who was told of something that is over now."""
    if not ended or _ended_by_hand(session, location.id):
        return
    for each in people:
        mine = [notice for notice in ended if _telling(session, notice, each) is not None]
        if mine and each.watcher_id:
            body = notice_letters.of_end(session, location, mine, more)
            notice_letters.send(session, location, each.address, each.watcher_id, body)


def _ended_by_hand(session: Session, location_id: int) -> bool:
    """A person disconnected the location, so nothing is well again."""
    state = session.scalar(select(Connection.state).where(Connection.location_id == location_id))
    return state == ConnectionState.DISCONNECTED


def _telling(session: Session, notice: Notice, each: Recipient) -> Telling | None:
    if each.watcher_id is None:
        return None
    return session.scalar(
        select(Telling).where(Telling.notice_id == notice.id, Telling.watcher_id == each.watcher_id)
    )


def _last_told(session: Session, notice: Notice, each: Recipient) -> datetime | None:
    """When somebody was last told of this kind of trouble here, in whichever notice."""
    return session.scalar(
        select(func.max(Telling.at))
        .join(Notice, Notice.id == Telling.notice_id)
        .where(
            Notice.location_id == notice.location_id,
            Notice.kind == notice.kind,
            Telling.watcher_id == each.watcher_id,
        )
    )


def _told_lately(session: Session, notice: Notice, each: Recipient) -> bool:
    """A trouble that comes and goes is told once an hour, not each time."""
    last = _last_told(session, notice, each)
    return last is not None and last > clock.now() - AGAIN


def _row(session: Session, location: Location, each: Recipient) -> int:
    row: Watcher = watchers.of_person(session, location.id, session.get_one(User, each.user_id))
    return row.id
