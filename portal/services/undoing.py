"""Undoing what this portal made in Xero: an invoice is voided, a payment deleted; over the outbox, and on record.

Only documents that carry our link and that the portal made itself are ever touched. What cannot be undone is named
before anything happens, with the reason.
"""

from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session

from portal import bell
from portal.errors import ChooseAgain
from portal.extensions import db
from portal.models import (
    Document,
    Invoice,
    Link,
    Location,
    Operation,
    Payment,
    Push,
    Refund,
    User,
)
from portal.services import audit, comparing, dating, following, looks, outbox, papers
from portal.services.papers import Paper
from portal.services.preflight import Organisation
from portal.services.unit import release, transaction
from portal.words import ENDED

DRAIN = "jobs.pushes.drain"
UNDONE = "Undone by {name}: nothing more of it is sent to Xero."
STAYS = "The contact stays in Xero: other invoices may use it. Archive it there if nobody needs it."
NUMBER = "Xero keeps the number of a voided invoice, so it cannot be sent again under that number."


@dataclass(slots=True)
class Plan:
    """What undoing would do, what stays as it is, and why it cannot be done at all (empty where it can)."""

    paper: Paper
    deeds: list[str] = field(default_factory=list)
    stays: list[str] = field(default_factory=list)
    obstacles: list[str] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)

    @property
    def possible(self) -> bool:
        """Whether it can be done as far as is known here."""
        return bool(self.deeds) and not self.obstacles


def plan(location: Location, kind: str, document_id: int) -> Plan:
    """What undoing this document would mean, as far as is known without asking Xero. Raises NotFoundHere."""
    paper = papers.one(location, kind, document_id)
    found = Plan(paper)
    if paper.connection is None or paper.link is None:
        found.obstacles.append("It is not in the Xero organisation of today, so there is nothing to undo.")
        return found
    _common(paper, paper.link, found)
    if isinstance(paper.row, Invoice):
        _invoice(db.session(), paper, paper.row, paper.link, found)
    elif isinstance(paper.row, Payment):
        _payment(paper, paper.row, paper.link, found)
    else:
        found.obstacles.append(_not_ours_to_undo(paper.kind))
    return found


def undo(location: Location, kind: str, document_id: int, user: User) -> str:
    """Look in Xero, then undo the document there over the outbox; a sentence. Raises ChooseAgain with the reason."""
    looks.look(location, kind, document_id)
    with transaction() as session:
        outbox.guard(session, location.id)
        found = plan(location, kind, document_id)
        if not found.possible:
            raise ChooseAgain(" ".join(found.obstacles) or "There is nothing to undo.")
        paper, name = found.paper, found.paper.name
        for payment in found.payments:
            _delete(session, payment, user)
        if isinstance(paper.row, Invoice):
            _void(session, paper.row, user)
        audit.note(session, user, location.id, "documents.undo", f"{name}; {len(found.payments)} payments")
        connection_id = paper.connection.id if paper.connection else 0
    release()
    bell.ring(DRAIN, connection_id)
    return f"{name[:1].upper()}{name[1:]} is being taken out of Xero."


def take_back(session: Session, push: Push) -> None:
    """The undoing of a document was cancelled before Xero was told: it counts as sent again, and changes follow."""
    create = outbox.find(session, push.location_id, push.document, push.document_id, Operation.CREATE)
    undone = UNDONE.partition("{")[0]
    if push.operation == Operation.VOID and create is not None and (create.message or "").startswith(undone):
        outbox.sent(create)


def _common(paper: Paper, link: Link, found: Plan) -> None:
    if not link.ours:
        found.obstacles.append("It was in Xero before and was not made by this portal; change it there.")
    if link.xero_status in ENDED:
        found.obstacles.append("It is ended in Xero already.")
    if comparing.View.of(link).gone:
        found.obstacles.append("Xero has no such document any more.")
    if _under_way(db.session(), paper):
        found.obstacles.append("Something of it is just being sent or looked up. Try again in a few minutes.")


def _invoice(session: Session, paper: Paper, invoice: Invoice, link: Link, found: Plan) -> None:
    mine = _payments(session, paper, invoice)
    for payment, payment_link in mine:
        what = f"the payment of {payment.amount:,.2f} {invoice.currency} on {payment.paid_on:%-d %B %Y}"
        if outbox.goes_as_overpayment(session, payment.location_id, payment.id):
            over = f"The overpayment of {payment.amount:,.2f} {invoice.currency}"
            found.stays.append(f"{over} stays in Xero; only a person can remove it there.")
        elif payment_link.ours:
            found.deeds.append(f"Delete {what}")
            found.payments.append(payment)
        else:
            found.obstacles.append(
                f"{what[:1].upper()}{what[1:]} was not made by this portal; delete it in Xero first."
            )
    _foreign_money(invoice, link, [each for _, each in mine], found)
    _credits(session, paper, invoice, found)
    if paper.connection is not None and link.xero_status not in ("DRAFT", "SUBMITTED"):
        organisation = Organisation.of(paper.connection.organisation)
        if locked := organisation.lock_of(dating.day_of(invoice, organisation, link)):
            found.obstacles.append(f"{locked} Xero voids nothing in a locked period.")
    ending = "Delete the draft" if link.xero_status in ("DRAFT", "SUBMITTED") else "Void invoice"
    found.deeds.append(f"{ending} {link.xero_number or invoice.number_sent}")
    found.stays += [
        STAYS,
        NUMBER,
        "In HoopAI nothing changes; void the invoice there as well if nobody shall pay it.",
    ]


def _foreign_money(invoice: Invoice, link: Link, mine: list[Link], found: Plan) -> None:
    """Money that Xero counts and that is not ours, as far as the invoice was read back."""
    told = comparing.View.of(link).told
    ids = {each.xero_id for each in mine}
    for each in told.get("payments") or []:
        if each["id"] not in ids:
            named = f" ({each['reference']})" if each.get("reference") else ""
            found.obstacles.append(
                f"{each['amount']:,.2f} {invoice.currency}{named} was entered in Xero by hand; delete it there first."
            )
    if told.get("credited"):
        found.obstacles.append("A credit note is set against it in Xero; take that off there first.")


def _credits(session: Session, paper: Paper, invoice: Invoice, found: Plan) -> None:
    ids = session.scalars(select(Refund.id).where(Refund.invoice_id == invoice.id)).all()
    if not ids or paper.connection is None:
        return
    notes = session.scalars(
        select(Link.xero_number).where(
            Link.tenant_id == paper.connection.tenant_id, Link.location_id == invoice.location_id,
            Link.document == Document.CREDIT_NOTE, Link.document_id.in_(ids),
            Link.xero_status.is_distinct_from("VOIDED"),
        )
    )  # fmt: skip
    found.stays += [
        f"Credit note {number or '–'} stays: {_not_ours_to_undo(Document.CREDIT_NOTE)}" for number in notes
    ]


def _payment(paper: Paper, payment: Payment, link: Link, found: Plan) -> None:
    told = comparing.View.of(link).told
    if told.get("reconciled"):
        found.obstacles.append("It is reconciled with a bank line in Xero; undo that there first.")
    if paper.connection is not None:
        organisation = Organisation.of(paper.connection.organisation)
        if locked := organisation.lock_of(payment.paid_on):
            found.obstacles.append(f"{locked} Xero deletes nothing in a locked period.")
    if outbox.goes_as_overpayment(db.session(), payment.location_id, payment.id):
        found.obstacles.append("It is an overpayment; Xero lets only a person remove that.")
    found.deeds.append(f"Delete the {paper.name}")
    found.payments.append(payment)
    found.stays.append(
        f"Invoice {payment.invoice.number_sent} stays in Xero and counts as owed by this amount again."
    )
    found.stays.append("In HoopAI nothing changes: the payment counts there as received.")


def _not_ours_to_undo(kind: Document) -> str:
    return {
        Document.CONTACT: STAYS,
        Document.CREDIT_NOTE: "money went back on it, so it is only taken back by hand in Xero.",
        Document.REFUND: "Money that went back to a customer is only taken back by hand in Xero.",
    }.get(kind, "This cannot be undone from here.")


def _payments(session: Session, paper: Paper, invoice: Invoice) -> list[tuple[Payment, Link]]:
    tenant_id = paper.connection.tenant_id if paper.connection else ""
    rows = session.execute(
        select(Payment, Link)
        .join(Link, Link.document_id == Payment.id)
        .where(
            Payment.invoice_id == invoice.id, Link.location_id == invoice.location_id,
            Link.document == Document.PAYMENT, Link.tenant_id == tenant_id,
            Link.xero_status.is_distinct_from("DELETED"),
        )
        .order_by(Payment.id)
    )  # fmt: skip
    return [(payment, link) for payment, link in rows]


def _under_way(session: Session, paper: Paper) -> bool:
    own = (Push.document == paper.kind) & (Push.document_id == paper.row.id)
    paid = select(Payment.id).where(Payment.invoice_id == paper.row.id)
    if isinstance(paper.row, Invoice):
        own = (
            own | ((Push.document == Document.PAYMENT) & Push.document_id.in_(paid)) | _given_back(paper.row)
        )
    mine = (Push.location_id == paper.row.location_id, own, Push.batch_id.is_not(None))
    return session.scalar(select(Push.id).where(*mine).limit(1)) is not None


def _delete(session: Session, payment: Payment, user: User) -> None:
    outbox.want(
        session, payment.location_id, Document.PAYMENT, payment.id, Operation.VOID,
        parent=(Document.PAYMENT, payment.id), amount=payment.amount, currency=payment.invoice.currency,
    )  # fmt: skip
    create = outbox.find(session, payment.location_id, Document.PAYMENT, payment.id, Operation.CREATE)
    if create is not None:
        outbox.leave_out(session, create, UNDONE.format(name=user.name))


def _void(session: Session, invoice: Invoice, user: User) -> None:
    """Void it; nothing of it that waits is sent any more, nor what HoopAI may still say of it."""
    said = UNDONE.format(name=user.name)
    for push in session.scalars(_waiting(invoice)):
        if push.at_rest:
            outbox.cancel(push, said, user)
    following.void(session, invoice)
    create = outbox.find(session, invoice.location_id, Document.INVOICE, invoice.id, Operation.CREATE)
    if create is not None:
        outbox.leave_out(session, create, said)


def _waiting(invoice: Invoice) -> Select[Push]:
    paid = select(Payment.id).where(Payment.invoice_id == invoice.id)
    return select(Push).where(
        Push.location_id == invoice.location_id,
        Push.state.in_(outbox.OPEN),
        Push.operation != Operation.VOID,
        ((Push.document == Document.INVOICE) & (Push.document_id == invoice.id))
        | ((Push.document == Document.PAYMENT) & Push.document_id.in_(paid))
        | _given_back(invoice),
    )


def _given_back(invoice: Invoice) -> ColumnElement[bool]:
    """The pushes of its refunds: credit notes, and the money on them."""
    given = select(Refund.id).where(Refund.invoice_id == invoice.id)
    return Push.document.in_((Document.CREDIT_NOTE, Document.REFUND)) & Push.document_id.in_(given)
