"""Payments."""

from flask import Blueprint, Response, request

from portal.render import page_or
from portal.security import here
from portal.services import activity, payments

room = Blueprint("payments", __name__, url_prefix="/locations/<location_id>/payments")


@room.get("")
def index() -> Response:
    """Every payment that HoopAI received, and whether Xero has it."""
    page = payments.listing(here(), request.args.get("page", 1, int))
    return page_or(
        "payments/_table.html",
        "payments/index.html",
        page=page,
        moving=activity.unsettled(row.push for row in page.items if row.push),
    )
