"""What a person decides about one document: try again, do not send, take a change back, write it to Xero once more."""

from portal import bell
from portal.errors import ChooseAgain
from portal.extensions import db
from portal.models import Contact, Document, Failure, Invoice, Location, Operation, Push, User
from portal.services import (
    activity,
    audit,
    chains,
    document_pages,
    following,
    linking,
    outbox,
    papers,
    undoing,
)
from portal.services.unit import transaction

DRAIN = "jobs.pushes.drain"
UNDER_WAY = "This is just being sent or looked up and cannot be stopped. Look again in a few minutes."
CANCELLED = "Cancelled by {name}; Xero stays as it is until HoopAI changes it again."


def retry(location: Location, push_id: int, user: User) -> str:
    """Try one push again now. Raises NotFoundHere, ChooseAgain where it cannot be."""
    papers.push_of(location, push_id)
    if not activity.retry([push_id], user, location.id):
        raise ChooseAgain("This cannot be retried now.")
    return "It is tried again now."


def skip(location: Location, push_id: int, user: User) -> str:
    """Do not send one push. Raises NotFoundHere, ChooseAgain where it is under way."""
    papers.push_of(location, push_id)
    if not activity.skip([push_id], user, location.id):
        raise ChooseAgain(UNDER_WAY)
    return "It is not sent. Retry takes that back."


def cancel(location: Location, push_id: int, user: User) -> str:
    """Take back a change of something that Xero has, before it is sent. Raises NotFoundHere, ChooseAgain."""
    with transaction() as session:
        outbox.guard(session, location.id)
        push = papers.push_of(location, push_id)
        if push.operation == Operation.CREATE:
            raise ChooseAgain("Only a change can be cancelled. Choose Do not send instead.")
        if not chains.may_skip(push) or push.failure == Failure.UNSURE:
            raise ChooseAgain(UNDER_WAY)
        outbox.cancel(push, CANCELLED.format(name=user.name), user)
        undoing.take_back(session, push)
        audit.note(session, user, location.id, "pushes.cancel", _about(push))
    return "The change is cancelled. Xero stays as it is."


def send_again(location: Location, kind: str, document_id: int, user: User) -> str:
    """Write HoopAI's present content over Xero's, for what the portal made there. Raises NotFoundHere, ChooseAgain."""
    with transaction() as session:
        outbox.guard(session, location.id)
        paper = papers.one(location, kind, document_id)
        if not document_pages.in_xero(paper) or paper.connection is None:
            raise ChooseAgain(
                "Only what this portal made in Xero, and what still stands there, can be sent again."
            )
        link = linking.find(session, paper.connection.tenant_id, location.id, paper.kind, document_id)
        if link is None or not isinstance(paper.row, Invoice | Contact):
            raise ChooseAgain("Only invoices and contacts can be sent again; a payment is never sent twice.")
        link.sent_hash = None
        _want(paper.row)
        if isinstance(paper.row, Contact):
            link.content = None
        audit.note(session, user, location.id, "documents.send_again", paper.name)
        connection_id, name = paper.connection.id, paper.name
    bell.ring(DRAIN, connection_id)
    return f"HoopAI's content of {name} is written to Xero again."


def _want(row: Invoice | Contact) -> None:
    session = db.session()
    if isinstance(row, Invoice):
        following.update(session, row)
        return
    outbox.want(
        session,
        row.location_id,
        Document.CONTACT,
        row.id,
        Operation.UPDATE,
        parent=(Document.CONTACT, row.id),
    )


def _about(push: Push) -> str:
    return f"{push.operation} of {push.document} {push.document_id}"
