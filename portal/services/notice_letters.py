"""What a notice says: the cause, what it means for invoices, and the one link to mend it."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import clock
from portal.filters import money, plural
from portal.models import Connection, Location, Notice, NoticeKind, Push, PushState
from portal.services import mailing, troubleshooting, watchers

OPEN = (PushState.QUEUED, PushState.SENDING, PushState.WAITING, PushState.BLOCKED)
MOST = 8
OVER = {
    NoticeKind.CONNECTION: "The connection to Xero works again.",
    NoticeKind.LIMIT: "Xero takes calls again.",
    NoticeKind.BLOCKED: "No document waits for a person any more.",
}


@dataclass(frozen=True, slots=True)
class Body:
    """A letter before it is addressed."""

    kind: str
    subject: str
    words: dict[str, Any]


def of(session: Session, location: Location, notice: Notice) -> Body:
    """The letter that tells of this notice."""
    if notice.kind == NoticeKind.BLOCKED:
        return _of_blocked(location)
    connection = _connection(session, location)
    words = _words(location) | {
        "organisation": connection.name if connection else "Xero",
        "waiting": _waiting(session, location),
        "since": _when(location, notice.since),
        "link": _page(location, "settings/integrations/xero"),
    }
    if notice.kind == NoticeKind.LIMIT:
        until = connection.day_used_until if connection else None
        words["until"] = _when(location, until) if until else None
        return Body("notice_limit", f"{location.name}: today's calls to Xero are used", words)
    words["reason"] = (
        connection.reason if connection else None
    ) or "Xero does not let the portal in any more."
    return Body("notice_connection", f"{location.name}: nothing goes to Xero until you reconnect", words)


def of_end(session: Session, location: Location, ended: list[Notice], more: bool) -> Body:
    """The letter that tells that these are over; `more` when something else still needs a person."""
    over = [(OVER[each.kind], _when(location, each.since)) for each in ended]
    subject = "all is well again" if not more else over[0][0][0].lower() + over[0][0][1:-1]
    words = _words(location) | {
        "over": over,
        "more": more,
        "waiting": _waiting(session, location),
        "link": _page(location, "sync-activity"),
    }
    return Body("notice_end", f"{location.name}: {subject}", words)


def send(session: Session, location: Location, address: str, watcher_id: int, body: Body) -> None:
    """Write the letter to one address, with the link that ends such letters."""
    mailing.write(
        session,
        location.agency_id,
        address,
        body.kind,
        body.subject,
        unsubscribe=watchers.unsubscribe_link(watcher_id),
        **body.words,
    )


def _of_blocked(location: Location) -> Body:
    groups = troubleshooting.groups(location)
    count = sum(each.count for each in groups)
    told = [
        {
            "title": f"{each.advice.title}: {each.subject}" if each.subject else each.advice.title,
            "message": each.message,
            "count": each.count,
            "money": ", ".join(money(total, currency) for currency, total in sorted(each.money.items())),
            "owner": each.advice.owner,
        }
        for each in groups[:MOST]
    ]
    words = _words(location) | {
        "count": count,
        "groups": told,
        "others": sum(each.count for each in groups[MOST:]),
        "link": _page(location, "troubleshooting"),
    }
    return Body(
        "notice_blocked",
        f"{location.name}: {plural(count, 'document waits', 'documents wait')} for you before going to Xero",
        words,
    )


def _words(location: Location) -> dict[str, Any]:
    return {"location": location.name, "settings": _page(location, "settings/notifications")}


def _waiting(session: Session, location: Location) -> int:
    found = select(func.count()).where(Push.location_id == location.id, Push.state.in_(OPEN))
    return session.scalar(found) or 0


def _connection(session: Session, location: Location) -> Connection | None:
    return session.scalar(select(Connection).where(Connection.location_id == location.id))


def _page(location: Location, path: str) -> str:
    return mailing.address(f"/locations/{location.hoop_id}/{path}")


def _when(location: Location, at: Any) -> str:
    """A moment in the location's zone, with the day where that is not today."""
    zone = clock.zone(location.timezone)
    local = at.astimezone(zone)
    today = local.date() == clock.now().astimezone(zone).date()
    return f"{local:%H:%M}" if today else f"{local.day} {local:%b %H:%M}"
