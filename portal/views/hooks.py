"""Where HoopAI delivers webhooks."""

from flask import Blueprint, Response, request

from portal.services import intake

room = Blueprint("hooks", __name__, url_prefix="/hooks")


@room.post("/hoopai/<token>")
def hoopai(token: str) -> Response:
    """Store one delivery as received and answer at once."""
    answer = intake.receive(token, request.get_data(cache=False), request.headers)
    response = Response(answer.text, answer.status, content_type="text/plain; charset=utf-8")
    if answer.retry_after:
        response.headers["Retry-After"] = str(answer.retry_after)
    return response
