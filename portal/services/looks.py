"""Looking in Xero now: what it holds of one document, asked with one call and kept with the time."""

from collections.abc import Callable
from typing import Any

from portal import clock
from portal.errors import ChooseAgain
from portal.extensions import db
from portal.models import Document, Link, Location, Payment
from portal.services import organisations, outbox, papers, seen
from portal.services.unit import release, transaction
from portal.xero import replies
from portal.xero.client import Reply, XeroClient
from portal.xero.errors import NotFound, XeroError

NOT_THERE = "Xero has nothing of this yet, so there is nothing to look at."
NOT_ASKED = "Xero could not be asked just now. Try again in a minute."
BY_HAND = -1  # no lease has this number: what a person looked at never counts as read back before a change
Told = dict[str, Any]


def look(location: Location, kind: str, document_id: int) -> None:
    """Ask Xero what it holds of this document (one call) and keep it. Raises ChooseAgain, ConnectAgain, NotNow."""
    paper = papers.one(location, kind, document_id)
    if paper.connection is None or paper.link is None:
        raise ChooseAgain(NOT_THERE)
    document, link_id, stood = paper.kind, paper.link.id, _standing(paper.link)
    above = isinstance(paper.row, Payment) and outbox.goes_as_overpayment(
        db.session(), location.id, document_id
    )
    letter = _letter(document, paper.link.xero_id, paper.link.xero_number or "", above=above)
    address = organisations.address_of(paper.connection.id)
    try:
        told = _first(document, organisations.ask(address, letter).data)
    except NotFound:
        told = None
    except XeroError as error:
        raise ChooseAgain(NOT_ASKED) from error
    _keep(link_id, document, told, stood)
    release()


def _keep(link_id: int, document: Document, told: Told | None, stood: tuple[object, ...]) -> None:
    with transaction() as session:
        link = session.get_one(Link, link_id, with_for_update=True, populate_existing=True)
        link.seen = {"fence": BY_HAND, "at": clock.now().isoformat(), **seen.of(document, told)}
        if told is None or _standing(link) != stood:
            return
        link.xero_status = str(told.get("Status") or told.get("ContactStatus") or link.xero_status)
        if document != Document.CONTACT:
            link.xero_total = replies.parse_money(told.get("Total") or told.get("Amount"))


def _standing(link: Link) -> tuple[object, ...]:
    """What a worker changes when it writes: then Xero's answer to us is older than what is known."""
    return link.linked_at, link.xero_status, link.xero_total


def _letter(
    document: Document, xero_id: str, number: str, *, above: bool = False
) -> Callable[[XeroClient], Reply]:
    if above:
        return lambda xero: xero.overpayment(xero_id)
    letters: dict[Document, Callable[[XeroClient], Reply]] = {
        Document.INVOICE: lambda xero: xero.invoices([xero_id]),
        Document.CONTACT: lambda xero: xero.contacts([xero_id]),
        Document.PAYMENT: lambda xero: xero.payment(xero_id),
        Document.REFUND: lambda xero: xero.payment(xero_id),
        Document.CREDIT_NOTE: lambda xero: xero.credit_notes_numbered([number]),
    }
    return letters[document]


def _first(document: Document, data: Told) -> Told | None:
    names = {
        Document.INVOICE: "Invoices",
        Document.CONTACT: "Contacts",
        Document.CREDIT_NOTE: "CreditNotes",
    }
    found: list[Told] = data.get(names.get(document, "Payments")) or data.get("Overpayments") or []
    return found[0] if found else None
