"""A contact, payment, credit note or refund with its whole story; an invoice has a page of its own (`stories`)."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import selectinload

from portal.extensions import db
from portal.models import Contact, Document, Invoice, Location, Payment, Push, Refund
from portal.services import activity, chains, comparing, invoices, papers, saying, timelines
from portal.services.comparing import Field, View
from portal.services.papers import Paper
from portal.services.timelines import Moment
from portal.words import ENDED, Look

MOST = 20
TITLES = {
    Document.CONTACT: "Contact",
    Document.PAYMENT: "Payment",
    Document.CREDIT_NOTE: "Credit note",
    Document.REFUND: "Refund",
}


@dataclass(frozen=True, slots=True)
class Page:
    """One document with everything that is known of it."""

    paper: Paper
    title: str
    fields: list[Field]
    view: View
    push: Push | None
    look: Look
    open: list[chains.Open]
    timeline: list[Moment]
    invoices: Sequence[Invoice]
    payments: Sequence[Payment]
    refunds: Sequence[Refund]

    @property
    def moving(self) -> bool:
        """Whether it may still change by itself."""
        return activity.unsettled(each.push for each in self.open)

    @property
    def may_undo(self) -> bool:
        """Whether undoing it in Xero may be asked for."""
        return self.paper.kind == Document.PAYMENT and in_xero(self.paper)

    @property
    def may_resend(self) -> bool:
        """Whether HoopAI's content may be written over Xero's again."""
        return self.paper.kind == Document.CONTACT and in_xero(self.paper)


def page(location: Location, kind: str, document_id: int) -> Page:
    """Everything known of a contact, payment, credit note or refund, without asking Xero. Raises NotFoundHere."""
    paper = papers.one(location, kind, document_id)
    pushes = pushes_of(location.id, paper.kind, document_id)
    view = View.newest(paper.link, pushes)
    push, beside = invoices.standing(pushes), saying.around(location, paper.connection, pushes)
    return Page(
        paper=paper,
        title=TITLES.get(paper.kind, "Invoice"),
        fields=comparing.of(paper.kind, paper.row, paper.link, view),
        view=view,
        push=push,
        look=saying.state(push, beside),
        open=chains.open_ones(pushes, beside),
        timeline=timelines.of_contact(paper.row, pushes)
        if isinstance(paper.row, Contact)
        else timelines.of_pushes(pushes),
        invoices=_invoices(paper),
        payments=_payments(paper),
        refunds=_refunds(paper),
    )


def pushes_of(location_id: int, kind: Document, document_id: int) -> list[Push]:
    """The pushes of one document with their attempts, oldest first."""
    query = select(Push).where(
        Push.location_id == location_id, Push.document == kind, Push.document_id == document_id
    )
    return list(db.session.scalars(query.options(selectinload(Push.attempts)).order_by(Push.id)))


def in_xero(paper: Paper) -> bool:
    """Whether Xero has it and the portal made it there."""
    return paper.link is not None and paper.link.ours and paper.link.xero_status not in ENDED


def _invoices(paper: Paper) -> Sequence[Invoice]:
    if isinstance(paper.row, Contact):
        mine = select(Invoice).where(
            Invoice.location_id == paper.row.location_id, Invoice.contact_id == paper.row.id
        )
        return db.session.scalars(mine.order_by(Invoice.id.desc()).limit(MOST)).all()
    return [paper.invoice] if paper.invoice else []


def _payments(paper: Paper) -> Sequence[Payment]:
    if isinstance(paper.row, Refund) and paper.row.payment is not None:
        return [paper.row.payment]
    return []


def _refunds(paper: Paper) -> Sequence[Refund]:
    if isinstance(paper.row, Payment):
        mine = select(Refund).where(
            or_(
                Refund.payment_id == paper.row.id,
                (Refund.payment_id.is_(None)) & (Refund.invoice_id == paper.row.invoice_id),
            )
        )
        return db.session.scalars(mine.order_by(Refund.id)).all()
    return [paper.row] if isinstance(paper.row, Refund) else []
