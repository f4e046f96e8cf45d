"""The outbox of letters: written in the transaction of the change, handed to the mail server by a job.

A letter is held while it is under way; a worker that dies lets go of it two minutes later and it is sent again, with
the same Message-ID. So none is lost, and one is doubled only where the mail server's answer was.
"""

import logging
import secrets as randomness
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import simplejson
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from portal import clock
from portal.config import settings
from portal.crypto import SealBroken
from portal.extensions import db
from portal.mail import postman, wording
from portal.mail.letters import Letter, composed
from portal.mail.postman import NotDelivered
from portal.models import Mail, MailState
from portal.services import secrets
from portal.services.unit import release, transaction

log = logging.getLogger(__name__)

JOB = "jobs.mails.send"
NAME = "HoopAI to Xero"
HELD = timedelta(minutes=2)
TURN = timedelta(seconds=60)
WAITS = (60, 300, 900, 1800, 3600)
GIVE_UP = timedelta(days=3)


def address(path: str) -> str:
    """The public address of a path of the portal."""
    return f"{settings().base_url}{path}"


def write(
    session: Session,
    agency_id: int,
    to: str,
    kind: str,
    subject: str,
    *,
    good_for: timedelta | None = None,
    unsubscribe: str | None = None,
    **words: Any,
) -> Mail:
    """Put a letter into the outbox, in the caller's transaction. `words` go to the templates of this kind."""
    text, html = wording.worded(
        kind, subject=subject, portal=settings().base_url, unsubscribe=unsubscribe, **words
    )
    mail = Mail(key=randomness.token_hex(16), agency_id=agency_id, kind=kind, to=to, subject=subject[:300])
    body = simplejson.dumps({"text": text, "html": html, "unsubscribe": unsubscribe})
    mail.body_sealed = secrets.seal(body, mail.row)
    mail.good_until = clock.now() + good_for if good_for else None
    session.add(mail)
    session.flush()
    return mail


def waiting() -> bool:
    """Whether a letter wants sending now."""
    found = db.session.scalar(_due().limit(1)) is not None
    release()
    return found


def send() -> int:
    """Hand over what is due, one after the other, for a minute at most; how many the mail server took."""
    taken, until = 0, clock.now() + TURN
    while clock.now() < until and (held := _take()):
        taken += _carry(*held)
    return taken


def written_lately(session: Session, agency_id: int, kind: str) -> int:
    """How many letters of a kind an agency has had written in the last day."""
    lately = (Mail.agency_id == agency_id) & (Mail.kind == kind)
    return (
        session.scalar(select(func.count()).where(lately, Mail.created_at > clock.now() - timedelta(days=1)))
        or 0
    )


def troubles(since: datetime) -> tuple[int, int, str | None]:
    """Letters given up since then, letters that wait longer than they should, and the newest reason."""
    given_up = (Mail.state == MailState.FAILED) & (Mail.settled_at > since)
    late = (Mail.state == MailState.QUEUED) & (Mail.tries > 0)
    counts = [db.session.scalar(select(func.count()).where(each)) or 0 for each in (given_up, late)]
    newest = select(Mail.problem).where(or_(given_up, late)).order_by(Mail.id.desc()).limit(1)
    return counts[0], counts[1], db.session.scalar(newest)


def _due() -> Any:
    now = clock.now()
    free = or_(Mail.held_until.is_(None), Mail.held_until < now)
    return (
        select(Mail.id)
        .where(Mail.state == MailState.QUEUED, Mail.next_try_at <= now, free)
        .order_by(Mail.next_try_at, Mail.id)
    )


def _take() -> tuple[int, datetime] | None:
    """Hold the next letter that is due; what ran out is settled on the way."""
    with transaction() as session:
        while mail_id := session.scalar(_due().limit(1)):
            mail = session.get_one(Mail, mail_id, with_for_update=True, populate_existing=True)
            if mail.state != MailState.QUEUED or (mail.held_until and mail.held_until >= clock.now()):
                continue
            if mail.good_until and mail.good_until < clock.now():
                _settle(mail, MailState.FAILED, mail.problem or "It was not sent in time.")
                session.flush()
                continue
            mail.held_until = clock.now() + HELD
            mail.tries += 1
            return mail.id, mail.held_until
    return None


def _letter(mail_id: int) -> Letter:
    mail = db.session.get_one(Mail, mail_id)
    body = simplejson.loads(secrets.open(str(mail.body_sealed), mail.row))
    letter = Letter(
        mail.key, mail.to, mail.subject, body["text"], body["html"], mail.created_at, body["unsubscribe"]
    )
    release()
    return letter


def _carry(mail_id: int, held_until: datetime) -> bool:
    try:
        postman.deliver(settings().mail_route, composed(_letter(mail_id), _sender(), NAME))
    except SealBroken as refusal:
        _note(mail_id, held_until, str(refusal), False)
        return False
    except NotDelivered as refusal:
        _note(mail_id, held_until, str(refusal), refusal.final)
        return False
    except ValueError as refusal:
        _note(mail_id, held_until, f"It cannot be written: {refusal}"[:300], True)
        return False
    _note(mail_id, held_until, None, True)
    return True


def _note(mail_id: int, held_until: datetime, problem: str | None, final: bool) -> None:
    """Write down what came of it, unless somebody else holds the letter by now."""
    with transaction() as session:
        mail = session.get_one(Mail, mail_id, with_for_update=True, populate_existing=True)
        if mail.state != MailState.QUEUED or mail.held_until != held_until:
            return
        if problem is None:
            _settle(mail, MailState.SENT, None)
            return
        log.warning("mail.not_delivered", extra={"mail": mail.id, "kind": mail.kind, "problem": problem})
        if final or mail.created_at < clock.now() - GIVE_UP:
            _settle(mail, MailState.FAILED, problem)
            return
        wait = WAITS[min(mail.tries, len(WAITS)) - 1]
        mail.problem, mail.held_until, mail.next_try_at = problem, None, clock.now() + timedelta(seconds=wait)


def _settle(mail: Mail, state: MailState, problem: str | None) -> None:
    mail.state, mail.problem, mail.settled_at = state, problem, clock.now()
    mail.body_sealed, mail.held_until = None, None


def _sender() -> str:
    host = urlsplit(settings().base_url).hostname or "localhost"
    return settings().mail_route.sender or f"portal@{host}"
