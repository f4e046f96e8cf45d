"""What a program may do to a push: the same two things as a person."""

from portal.api import door, shapes, telling
from portal.api.problems import Refusal
from portal.api.routes import route
from portal.security import here
from portal.services import activity, feeds


@route("POST", "/pushes/<int:push_id>/retry", answer=shapes.PushShape, fails=(404, 409))
def retry(push_id: int) -> shapes.PushShape:
    """Have a push tried again now. What is being sent or checked is left alone (409)."""
    feeds.push(here().id, push_id)
    if not activity.retry([push_id], door.actor(), here().id):
        raise Refusal(
            "conflict", "Only what is blocked, waits or was skipped by somebody can be tried again."
        )
    return telling.push(feeds.push(here().id, push_id))


@route("POST", "/pushes/<int:push_id>/skip", answer=shapes.PushShape, fails=(404, 409))
def skip(push_id: int) -> shapes.PushShape:
    """Decide that a push is not sent; an invoice's waiting payments are skipped with it."""
    feeds.push(here().id, push_id)
    if not activity.skip([push_id], door.actor(), here().id):
        raise Refusal("conflict", "Only what is queued, waits or is blocked can be skipped.")
    return telling.push(feeds.push(here().id, push_id))
