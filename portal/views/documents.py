"""One document: a contact, payment, credit note or refund on its own page, and what may be done to any of them."""

from collections.abc import Callable

from flask import Blueprint, redirect, url_for
from werkzeug.wrappers import Response as AnyResponse

from portal.errors import ChooseAgain, ConnectAgain, NotNow
from portal.models import Invoice, Location, User
from portal.render import back, done, page_or
from portal.security import here, me
from portal.services import document_pages, documents, looks, papers, undoing
from portal.services.papers import Paper

room = Blueprint("documents", __name__, url_prefix="/locations/<location_id>/documents")
PUSH = "/pushes/<int:push_id>"
PAPER = "/<kind>/<int:document_id>"


@room.get(PAPER)
def show(kind: str, document_id: int) -> AnyResponse:
    """HoopAI's side beside Xero's, what waits, and what happened. An invoice has its own page."""
    paper = papers.one(here(), kind, document_id)
    if isinstance(paper.row, Invoice):
        return redirect(url_for("invoices.show", hoop_id=paper.row.hoop_id), 303)
    return page_or(
        "documents/_page.html",
        "documents/show.html",
        page=document_pages.page(here(), kind, document_id),
    )


@room.post(f"{PAPER}/look")
def look(kind: str, document_id: int) -> AnyResponse:
    """Look in Xero now."""
    to = _address(papers.one(here(), kind, document_id))
    try:
        looks.look(here(), kind, document_id)
    except (ChooseAgain, ConnectAgain, NotNow) as refusal:
        return done(str(refusal), to, "warning")
    return done("Looked in Xero just now.", to)


@room.get(f"{PAPER}/undo")
def ask_undo(kind: str, document_id: int) -> AnyResponse:
    """Say what undoing does, what stays, and ask."""
    plan = undoing.plan(here(), kind, document_id)
    return page_or("documents/_undo.html", "documents/undo.html", plan=plan, back=_address(plan.paper))


@room.post(f"{PAPER}/undo")
def undo(kind: str, document_id: int) -> AnyResponse:
    """Take it out of Xero."""
    to = _address(papers.one(here(), kind, document_id))
    try:
        return done(undoing.undo(here(), kind, document_id, me()), to)
    except (ConnectAgain, NotNow, ChooseAgain) as refusal:
        asked = url_for("documents.ask_undo", kind=kind, document_id=document_id)
        return done(str(refusal), asked, "warning")


@room.post(f"{PAPER}/send-again")
def send_again(kind: str, document_id: int) -> AnyResponse:
    """Write HoopAI's content to Xero once more."""
    to = _address(papers.one(here(), kind, document_id))
    try:
        return done(documents.send_again(here(), kind, document_id, me()), to)
    except ChooseAgain as refusal:
        return done(str(refusal), to, "warning")


@room.post(f"{PUSH}/retry")
def retry(push_id: int) -> AnyResponse:
    """Try it again now."""
    return _decided(documents.retry, push_id)


@room.post(f"{PUSH}/skip")
def skip(push_id: int) -> AnyResponse:
    """Do not send it."""
    return _decided(documents.skip, push_id)


@room.post(f"{PUSH}/cancel")
def cancel(push_id: int) -> AnyResponse:
    """Take back a change before it is sent."""
    return _decided(documents.cancel, push_id)


def _decided(decide: Callable[[Location, int, User], str], push_id: int) -> AnyResponse:
    push = papers.push_of(here(), push_id)
    to = back(url_for("documents.show", kind=push.document, document_id=push.document_id))
    try:
        return done(decide(here(), push_id, me()), to)
    except ChooseAgain as refusal:
        return done(str(refusal), to, "warning")


def _address(paper: Paper) -> str:
    """The page of a document."""
    if isinstance(paper.row, Invoice):
        return url_for("invoices.show", hoop_id=paper.row.hoop_id)
    return url_for("documents.show", kind=paper.kind, document_id=paper.row.id)
