"""Sending many documents once more: what Xero holds once is written again, what a person left out is taken up."""

from collections.abc import Sequence

from sqlalchemy import select

from portal.errors import ChooseAgain, NotFoundHere
from portal.extensions import db
from portal.models import Location, Push, PushState, User
from portal.services import activity, documents
from portal.services.unit import release


def send_again(location: Location, push_ids: Sequence[int], user: User) -> int:
    """Send the chosen ones once more with their present content; how many will be.

    Invoices and contacts that Xero holds are changed by their id. Payments, credit notes and refunds that Xero has
    are left alone: a second one would be money twice.
    """
    found = db.session.scalars(
        select(Push).where(Push.id.in_(push_ids), Push.location_id == location.id, Push.batch_id.is_(None))
    ).all()
    left_out = [push.id for push in found if push.state == PushState.SKIPPED]
    sent = {(push.document, push.document_id) for push in found if activity.may_send_again(push)}
    release()
    count = activity.retry(left_out, user, location.id) if left_out else 0
    return count + sum(_sent_again(location, *each, user) for each in sorted(sent))


def _sent_again(location: Location, document: str, document_id: int, user: User) -> bool:
    try:
        documents.send_again(location, document, document_id, user)
    except (ChooseAgain, NotFoundHere):
        return False
    return True
