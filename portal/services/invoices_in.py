"""Apply what HoopAI says about an invoice, and want the pushes that follow from it, in one transaction.

Events may come twice, late and out of order: the invoice's own `updatedAt` and status decide, never the order of
arrival. Void and delete are final. Where HoopAI's REST API can be asked for what events do not carry, the pushes of a
new state are held until it has answered (`looking_up`), which takes a second.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import clock
from portal.hoopai.invoices import InvoiceMention, InvoiceSaid, LineSaid
from portal.hoopai.transactions import TransactionSaid
from portal.models import (
    Connection,
    Contact,
    Document,
    Ending,
    Invoice,
    InvoiceStatus,
    Line,
    Location,
    Operation,
    PushState,
    Source,
)
from portal.services import (
    charges_in,
    contacts_in,
    following,
    mappings,
    outbox,
    payments_in,
    products_in,
    reckoning,
    shelf,
)
from portal.services.preferences import Preferences
from portal.services.products_in import Catalogue

NO_TAX = "none"
CENT = Decimal("0.01")
FOUR_PLACES = Decimal("0.0001")
UNTOUCHED = Preferences()
NEVER_SEEN = (
    "An invoice that was never seen here was voided or deleted; should it still come, it is not sent."
)
ENDED_BEFORE = "Its void or deletion came before it; that is final."
NEWER = "A newer state of this invoice is already known."
GONE = (PushState.SENDING, PushState.WAITING, PushState.SENT)


def at_hand(session: Session, location_id: int, said: Iterable[InvoiceSaid]) -> None:
    """Ask once for the products and categories of all these lines, and not for those of each by themselves."""
    lines = [line for each in said for line in each.lines]
    catalogue = products_in.catalogue(session, location_id, {line.product_id for line in lines})
    categories = {catalogue.category(line.product_id, line.name)[0] for line in lines}
    mappings.at_hand(session, location_id, categories)


def take(session: Session, location: Location, said: InvoiceSaid) -> str | None:
    """Bring our copy up to date from an event. None when it was applied, else the reason why it changes nothing."""
    invoice = find(session, location.id, said.hoop_id)
    if invoice is not None and (reason := _stale(invoice, said)):
        return None if _names_the_customer(session, location, invoice, said) else reason
    if invoice is None and _ended_before(session, location.id, said.hoop_id):
        return ENDED_BEFORE
    invoice, open_questions = _apply(session, location, invoice, said)
    connection = _connection(session, location)
    may_ask = following.left_out(invoice, connection) is None and _can_ask(session, location)
    if may_ask and (
        open_questions
        or said.amount_paid != payments_in.known(session, invoice)
        or _does_not_fit(invoice, said)
    ):
        invoice.look_up_at, invoice.held = clock.now(), True
        return None
    go_on(session, location, invoice)
    return None


def take_read(
    session: Session, location: Location, said: InvoiceSaid, transactions: Sequence[TransactionSaid] | None
) -> Invoice:
    """Bring our copy up to date from REST: the whole invoice, and all its transactions where they were read."""
    invoice = find(session, location.id, said.hoop_id)
    ended = invoice is not None and invoice.status.final
    if invoice is None or not _stale(invoice, said):
        invoice, _ = _apply(session, location, invoice, said)
    if not ended:
        go_on(session, location, invoice, transactions)
    invoice.held, invoice.looked_up_at = False, clock.now()
    return invoice


def go_on(
    session: Session,
    location: Location,
    invoice: Invoice,
    transactions: Sequence[TransactionSaid] | None = None,
) -> None:
    """Want what follows from the invoice as it is known now, its payments included."""
    invoice.put(held=False)
    following.push(session, invoice, _connection(session, location))
    if invoice.status.final:
        return
    if transactions is None:
        payments_in.from_amount(session, location, invoice)
    else:
        payments_in.from_transactions(session, location, invoice, transactions)


def end(session: Session, location: Location, told: InvoiceMention) -> str | None:
    """Void or delete: final, and known by the id alone, since those events may carry nothing else."""
    invoice = find(session, location.id, told.hoop_id)
    if invoice is None:
        _remember_ending(session, location.id, told.hoop_id)
        return NEVER_SEEN
    if invoice.status.final:
        return f"The invoice is already {invoice.status}; that is final."
    invoice.status = InvoiceStatus(told.status or InvoiceStatus.VOID)
    invoice.updated_at = max(told.updated_at or clock.now(), invoice.updated_at)
    invoice.look_up_at, invoice.held = None, False
    fingerprint(invoice)
    following.push(session, invoice, _connection(session, location))
    return None


def recategorised(session: Session, location: Location, invoice: Invoice) -> None:
    """The lines of an invoice that has not gone are mapped by something else now."""
    fingerprint(invoice)
    following.push(session, invoice, _connection(session, location))


def find(session: Session, location_id: int, hoop_id: str) -> Invoice | None:
    """Our copy of an invoice."""
    held = shelf.of(session, location_id)
    if held is not None and hoop_id in held.invoices:
        return held.invoices[hoop_id]
    return session.scalar(
        select(Invoice).where(Invoice.location_id == location_id, Invoice.hoop_id == hoop_id)
    )


def _names_the_customer(session: Session, location: Location, invoice: Invoice, said: InvoiceSaid) -> bool:
    """An edit names no customer; where it overtook the event that does, that event is heard for the name alone."""
    if invoice.status.final or invoice.contact is not None or said.contact is None:
        return False
    invoice.contact = _customer(session, location, invoice, said)
    fingerprint(invoice)
    shelf.settle(session, location.id)
    if not invoice.held:
        go_on(session, location, invoice)
    return True


def _ended_before(session: Session, location_id: int, hoop_id: str) -> bool:
    """Whether an invoice that is not known yet was voided or deleted already: deliveries may overtake one another."""

    def read(hoop_ids: list[str]) -> dict[str, Ending]:
        heard = select(Ending).where(Ending.location_id == location_id, Ending.hoop_id.in_(hoop_ids))
        return {each.hoop_id: each for each in session.scalars(heard)}

    return bool(shelf.some(session, location_id, Ending, [hoop_id], read))


def _remember_ending(session: Session, location_id: int, hoop_id: str) -> None:
    if not _ended_before(session, location_id, hoop_id):
        ending = Ending(location_id=location_id, hoop_id=hoop_id)
        session.add(ending)
        shelf.keep(session, location_id, Ending, {hoop_id: ending})
        shelf.settle(session, location_id)


def _connection(session: Session, location: Location) -> Connection | None:
    return shelf.connection(session, location.id)


def _can_ask(session: Session, location: Location) -> bool:
    def read() -> Source | None:
        return session.scalar(select(Source).where(Source.location_id == location.id))

    source = shelf.once(session, location.id, Source, read)
    rests = source is not None and source.api_rest_until is not None and source.api_rest_until > clock.now()
    return source is not None and source.readable and not rests


def _stale(invoice: Invoice, said: InvoiceSaid) -> str | None:
    if invoice.status.final:
        return f"The invoice is already {invoice.status}; that is final."
    when = said.updated_at or clock.now()
    if (when, InvoiceStatus(said.status).rank) < (invoice.updated_at, invoice.status.rank):
        return NEWER
    return None


def _apply(
    session: Session, location: Location, invoice: Invoice | None, said: InvoiceSaid
) -> tuple[Invoice, bool]:
    """The invoice as it is said to be now, and whether its lines leave open what only REST knows."""
    invoice = invoice or _new(session, location, said)
    invoice.put(
        status=InvoiceStatus(said.status), updated_at=max(said.updated_at or clock.now(), invoice.updated_at),
        amount_paid=said.amount_paid, amount_due=said.amount_due,
        contact=_customer(session, location, invoice, said),
    )  # fmt: skip
    content = said.content
    open_questions = shelf.again(
        session, location.id, (Invoice, invoice.id), content, lambda: _fill(session, location, invoice, said)
    )
    now = (content, _status_in_xero(invoice))
    shelf.again(session, location.id, (fingerprint, invoice.id), now, lambda: fingerprint(invoice))
    shelf.settle(session, location.id)
    return invoice, open_questions


def _customer(session: Session, location: Location, invoice: Invoice, said: InvoiceSaid) -> Contact | None:
    """Whom the invoice is for.

    Whatever happens to an invoice, it says of its customer what was so when it was written. So what it has said before
    is not heard again: it would take back what was told of the customer since.
    """
    if said.contact is None:
        return invoice.contact
    words = contacts_in.fingerprint(said.contact)
    if invoice.contact is not None and invoice.customer_hash == words:
        return invoice.contact
    invoice.put(customer_hash=words)
    return contacts_in.take(session, location.id, said.contact)


def _new(session: Session, location: Location, said: InvoiceSaid) -> Invoice:
    moment = clock.now()
    invoice = Invoice(
        location_id=location.id, hoop_id=said.hoop_id, created_at=said.created_at or moment,
        updated_at=said.updated_at or moment, revision=0, content_hash="", held=False,
        status=InvoiceStatus(said.status), amount_paid=said.amount_paid, amount_due=said.amount_due,
        **_content(said),
    )  # fmt: skip
    shelf.add(session, invoice)
    return invoice


def _fill(session: Session, location: Location, invoice: Invoice, said: InvoiceSaid) -> bool:
    """Whether the lines leave open what only REST knows."""
    invoice.put(**_content(said))
    return not said.reduced and _write_lines(session, location, invoice, said)


def _content(said: InvoiceSaid) -> dict[str, Any]:
    found = {
        "number": said.number or "", "title": (said.name or said.title)[:255], "live_mode": said.live_mode,
        "currency": said.currency, "total": said.total, "issue_date": said.issue_date, "due_date": said.due_date,
    }  # fmt: skip
    if said.reduced:
        return found
    discount = said.discount
    return found | {
        "discount_type": discount.type if discount else None,
        "discount_value": discount.value if discount else None,
        "discount_products": list(discount.product_ids) or None if discount else None,
    }


def _write_lines(session: Session, location: Location, invoice: Invoice, said: InvoiceSaid) -> bool:
    catalogue = products_in.catalogue(session, location.id, [line.product_id for line in said.lines])
    before = list(invoice.lines)
    keep_category = bool(before) and _has_gone(session, invoice)
    lines = [_line(position, line, catalogue) for position, line in enumerate(said.lines)]
    _keep_known(lines, before, keep_category)
    categories: dict[str, str] = {}
    taxes: dict[str, tuple[str, Decimal]] = {}
    for line, told in zip(lines, said.lines, strict=True):
        categories.setdefault(line.category_key, catalogue.category(told.product_id, told.name)[1])
        key, name, rate = tax_set(told)
        taxes[key] = (name, rate)
    charges = charges_in.lines_for(invoice, lines, before, said.charges)
    fresh = [*lines, *charges]
    categories |= {charge.category_key: charge.name for charge in charges}
    if charges:
        taxes.setdefault(NO_TAX, ("No tax", Decimal(0)))
    if len(before) != len(fresh) or any(map(_differ, before, fresh)):
        shelf.number(session, location.id, *fresh)
        invoice.lines[:] = fresh
    mappings.learn(session, location.id, categories, taxes)
    return bool(catalogue.unknown) or any(line.taxes and line.tax_inclusive is None for line in lines)


def _keep_known(lines: Sequence[Line], before: Sequence[Line], keep_category: bool) -> None:
    """Take over what was known of a line and is not said again. A line of before stands for one line and no more."""
    left = list(before)
    for line in lines:
        same = next((each for each in left if _same(each, line)), None)
        if same is not None:
            left.remove(same)
            line.tax_inclusive = same.tax_inclusive if line.tax_inclusive is None else line.tax_inclusive
            line.category_key = same.category_key if keep_category else line.category_key


def _does_not_fit(invoice: Invoice, said: InvoiceSaid) -> bool:
    """Whether the lines that were told make another total than rounding explains: REST may name what is missing."""
    difference = reckoning.of(invoice).differs_from(invoice.total)
    return not said.reduced and abs(difference) > CENT * len(invoice.lines)


def _has_gone(session: Session, invoice: Invoice) -> bool:
    """Whether the invoice has left for Xero, so that its lines keep the account they were sent with."""
    push = outbox.find(session, invoice.location_id, Document.INVOICE, invoice.id, Operation.CREATE)
    if push is not None and push.state in GONE:
        return True
    return bool(shelf.links(session, invoice.location_id, Document.INVOICE, invoice.id))


def _differ(one: Line, other: Line) -> bool:
    return _told(one) != _told(other)


def _told(line: Line) -> tuple[object, ...]:
    return (
        line.position, line.name, line.description, line.quantity, line.unit_amount, line.product_id,
        line.category_key, line.tax_key, line.taxes, line.tax_inclusive, line.decided_total,
    )  # fmt: skip


def _same(one: Line, other: Line) -> bool:
    return (one.product_id, one.name, one.quantity, one.unit_amount, one.tax_key) == (
        other.product_id, other.name, other.quantity, other.unit_amount, other.tax_key,
    )  # fmt: skip


def _line(position: int, line: LineSaid, catalogue: Catalogue) -> Line:
    return Line(
        position=position, name=line.name[:500], description=line.description[:4000] or None, quantity=line.quantity,
        unit_amount=line.amount, product_id=line.product_id,
        category_key=catalogue.category(line.product_id, line.name)[0], tax_key=tax_set(line)[0],
        taxes=[{"key": tax.key, "name": tax.name, "rate": tax.rate} for tax in line.taxes],
        tax_inclusive=line.tax_inclusive,
    )  # fmt: skip


def tax_set(line: LineSaid) -> tuple[str, str, Decimal]:
    """Key, name and summed percentage of all taxes on the line; `none` where there is no tax."""
    if not line.taxes:
        return NO_TAX, "No tax", Decimal(0)
    taxes = sorted(line.taxes, key=lambda tax: tax.key)
    rate = sum((tax.rate for tax in taxes), Decimal(0))
    return "+".join(tax.key for tax in taxes)[:300], " + ".join(tax.name for tax in taxes)[:200], rate


def fingerprint(invoice: Invoice) -> None:
    """Count a new revision when anything has changed that Xero should hold."""
    now = content_hash(invoice)
    if now != invoice.content_hash:
        invoice.content_hash = now
        invoice.revision += 1


def content_hash(invoice: Invoice) -> str:
    """Fingerprint of everything about the invoice that Xero should hold."""
    content = [
        invoice.number, _status_in_xero(invoice), invoice.currency, invoice.title,
        str(invoice.issue_date), str(invoice.due_date), invoice.contact.hoop_id if invoice.contact else None,
        invoice.discount_type, _plain(invoice.discount_value), invoice.discount_products, _plain(invoice.total),
        [
            [line.name, line.description, _plain(line.quantity), _plain(line.unit_amount),
             line.category_key, line.tax_key, bool(line.tax_inclusive)]
            for line in invoice.lines
        ],
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _status_in_xero(invoice: Invoice) -> str:
    return following.xero_status(invoice.status, UNTOUCHED)


def _plain(value: Decimal | None) -> str | None:
    return None if value is None else str(Decimal(value).quantize(FOUR_PLACES))
