"""Letters that change what Xero holds already: a contact of ours, an invoice, its end.

Of an invoice with payments Xero changes only number, customer, reference, due date and of its lines description and
account, the lines known by their LineItemID (developer.xero.com, Invoices, Updating). So the invoice is read back
before (`reading_back`), and what Xero said is kept on the link.
"""

from decimal import Decimal
from typing import Any

from sqlalchemy import select

from portal.models import Contact, Document, Failure, Invoice, Link, Operation, Payment, Push, PushState
from portal.services import dating, preflight, rounding, tracking, writing_invoices
from portal.services.desk import Desk
from portal.services.letters import Later, LeftOut, Letter, Nothing, NotYet
from portal.services.matching import number_of
from portal.services.preferences import Preferences
from portal.services.preflight import Blocked
from portal.services.seen import GONE
from portal.words import ENDED
from portal.xero import payloads

NOT_OURS = "This invoice was in Xero before and was not made by HoopAI; change it there."
DELETING = "Waits until its payments are deleted in Xero."
UNDER_WAY = (PushState.QUEUED, PushState.SENDING, PushState.WAITING)
FREE = ("InvoiceID", "InvoiceNumber", "Contact", "DueDate", "Reference", "Url", "BrandingThemeID")


def must_look(link: Link, wishes: Preferences) -> bool:
    """Whether the invoice has to be read back before it is changed: only our own draft cannot hold a surprise."""
    return link.ours and (link.xero_status != "DRAFT" or wishes.for_approval)


def new_contact(contact: Contact, contact_id: str | None = None) -> dict[str, Any]:
    """A contact as Xero shall hold it."""
    first, _, last = contact.name.partition(" ")
    address = payloads.AddressOut(**contact.address) if contact.address else None
    return payloads.element(
        payloads.ContactOut(
            number=number_of(contact), name=contact.name_sent, first_name=first or None, last_name=last or None,
            email=contact.email, phone=contact.phone, address=address, contact_id=contact_id,
        )
    )  # fmt: skip


def contact(desk: Desk, push: Push, changed: Contact) -> Letter:
    """Only the fields of a contact of ours that have changed. Raises Nothing when Xero holds them all."""
    link = desk.link(Document.CONTACT, changed.id)
    if link is None or not link.ours or link.sent_hash == changed.content_hash:
        raise Nothing
    whole, known = new_contact(changed, link.xero_id), link.content or {}
    element = {
        name: value for name, value in whole.items() if name == "ContactID" or known.get(name) != value
    }
    if len(element) == 1:
        link.sent_hash = changed.content_hash
        raise Nothing
    push.before = link.content
    return Letter(push, link.xero_id, element, changed.content_hash, holds=whole)


def invoice(desk: Desk, push: Push, changed: Invoice, link: Link) -> Letter:
    """A change of an invoice: all of it, or what Xero allows where money was received for it."""
    seen = _seen(desk, link)
    if seen:
        _check_seen(desk, changed, seen)
    way = writing_invoices.reckon(changed)
    paid = bool(seen and _has_money(seen))
    balance = Decimal(0) if paid else rounding.balance(desk.book, way.differs_from(changed.total))
    whole = payloads.element(writing_invoices.whole(desk, changed, link, way, balance))
    push.before = link.content
    if seen and paid:
        kept = _rounding_kept(changed, seen)
        whole["LineItems"] += kept
        element = _allowed(changed, whole, seen, way.total + sum(line["UnitAmount"] for line in kept))
    else:
        element = {**whole, "LineItems": with_ids(whole["LineItems"], seen["lines"] if seen else [])}
    return Letter(
        push, changed.number_sent, element, changed.content_hash, changed.total, way.tax, holds=whole,
        note=rounding.told(changed, balance),
    )  # fmt: skip


def void(desk: Desk, push: Push, ended: Invoice) -> Letter:
    """The end of an invoice. Raises Blocked while payments or credits in Xero are in the way."""
    link = desk.links[(Document.INVOICE, ended.id)]
    if link.xero_status in ENDED:
        raise Nothing
    seen = _seen(desk, link)
    if link.xero_status != "DRAFT":
        preflight.check_day(
            dating.day_of(ended, desk.organisation, link), desk.organisation, f"Invoice {ended.number_sent}"
        )
    if seen and _has_money(seen):
        raise _in_the_way(desk, ended, seen)
    status: Any = "DELETED" if link.xero_status in ("DRAFT", "SUBMITTED") else "VOIDED"
    out = payloads.VoidOut(link.xero_id, status)
    return Letter(push, link.xero_id, payloads.element(out), ended.content_hash)


def with_ids(lines: list[dict[str, Any]], seen: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The lines with the LineItemIDs of those that Xero has: the same line first, else the next one that is left.

    Tracking that the same line has in Xero stays: the bookkeeper may have chosen it.
    """
    left = [row for row in seen if row.get("LineItemID")]
    found: dict[int, dict[str, Any]] = {}
    for same in (_same_line, _same_name, _same_discount):
        for index, line in enumerate(lines):
            row = next((row for row in left if index not in found and same(line, row)), None)
            if row is not None:
                found[index] = row
                left.remove(row)
    return [
        {"LineItemID": found[index]["LineItemID"], **line, **_tracking_of(line, found[index])}
        if index in found
        else line
        for index, line in enumerate(lines)
    ]


def _seen(desk: Desk, link: Link) -> dict[str, Any] | None:
    """What Xero said of the invoice in this round. Raises LeftOut, Blocked or NotYet where nothing can be changed."""
    if not link.ours:
        raise LeftOut(NOT_OURS)
    seen = link.seen if link.seen and link.seen["fence"] == desk.connection.fence else None
    if seen is None and must_look(link, desk.wishes):
        raise NotYet
    if seen and seen["status"] == GONE:
        raise Blocked(
            Failure.CONFLICT,
            f"gone:{link.document_id}",
            "Xero has no such invoice any more. Look for it in Xero.",
        )
    return seen


def _check_seen(desk: Desk, changed: Invoice, seen: dict[str, Any]) -> None:
    if seen["status"] in ENDED:
        raise Blocked(
            Failure.CONFLICT,
            f"ended:{changed.id}",
            f"Invoice {changed.number_sent} was voided in Xero, and HoopAI still counts on it. Void it in HoopAI as "
            "well, or enter it in Xero anew by hand.",
        )
    day = preflight.day_of(seen.get("date"))
    preflight.check_day(day, desk.organisation, f"Invoice {changed.number_sent} in Xero")
    preflight.check_invoice(changed, desk.organisation)


def _rounding_kept(changed: Invoice, seen: dict[str, Any]) -> list[dict[str, Any]]:
    """The rounding line that the invoice has in Xero: with money on it, none can come or go any more."""
    names = ("Description", "Quantity", "UnitAmount", "AccountCode", "TaxType")
    rows = seen["lines"]
    ours = rows[len(rounding.without(rows, len(changed.lines))) :]
    return [{name: row[name] for name in names if name in row} for row in ours]


def _has_money(seen: dict[str, Any]) -> bool:
    return bool(Decimal(str(seen["paid"])) or Decimal(str(seen["credited"])))


def _allowed(changed: Invoice, whole: dict[str, Any], seen: dict[str, Any], total: Decimal) -> dict[str, Any]:
    """What may change where money was received; the lines with their ids."""
    fixed = _fixed(changed, whole, seen, total)
    if fixed:
        raise Blocked(
            Failure.REFUSED,
            f"paid:{changed.id}",
            f"HoopAI changed {' and '.join(fixed)} of invoice {changed.number_sent}, and Xero changes no amounts of "
            "an invoice that has payments. Delete the payments in Xero and retry, or correct it there by hand.",
        )
    kept = {name: whole[name] for name in FREE if name in whole}
    if Decimal(str(seen["credited"])):
        kept.pop("Contact", None)
    lines = [
        {
            "LineItemID": row["LineItemID"],
            "Description": line["Description"],
            "AccountCode": line["AccountCode"],
            **tracking.kept(row),
        }
        for line, row in zip(whole["LineItems"], seen["lines"], strict=True)
    ]
    return {**kept, "LineItems": lines}


def _fixed(changed: Invoice, whole: dict[str, Any], seen: dict[str, Any], total: Decimal) -> list[str]:
    """What differs of the things that Xero no longer changes; `total` is what these lines make in Xero."""
    lines, rows = whole["LineItems"], seen["lines"]
    same = len(lines) == len(rows) and all(map(_same_amounts, lines, rows))
    found = {
        "the lines": not same,
        "the total": Decimal(str(seen["total"])) not in (total, changed.total),
        "the date": preflight.day_of(seen.get("date")) != preflight.day_of(whole["Date"]),
        "the currency": seen["currency"] != changed.currency,
    }
    return [what for what, differs in found.items() if differs]


def _same_amounts(line: dict[str, Any], row: dict[str, Any]) -> bool:
    names = ("Quantity", "UnitAmount")
    return all(_number(line.get(name)) == _number(row.get(name)) for name in names)


def _same_line(line: dict[str, Any], row: dict[str, Any]) -> bool:
    described = line.get("Description") == row.get("Description")
    return described and _same_amounts(line, row) and _same_discount(line, row)


def _same_name(line: dict[str, Any], row: dict[str, Any]) -> bool:
    return line.get("Description") == row.get("Description") and _same_discount(line, row)


def _tracking_of(line: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    return tracking.kept(row) if line.get("Description") == row.get("Description") else {}


def _same_discount(line: dict[str, Any], row: dict[str, Any]) -> bool:
    """A line keeps its id only with the same kind of discount: Xero may keep one that is no longer said."""
    names = ("DiscountRate", "DiscountAmount")
    return all(bool(_number(line.get(name))) == bool(_number(row.get(name))) for name in names)


def _number(value: Any) -> Decimal:
    return Decimal(str(value or 0))


def _in_the_way(desk: Desk, ended: Invoice, seen: dict[str, Any]) -> Exception:
    deleting = desk.session.scalar(
        select(Push.id)
        .join(Payment, Payment.id == Push.document_id)
        .where(
            Push.location_id == ended.location_id,
            Push.document == Document.PAYMENT,
            Push.operation == Operation.VOID,
            Push.state.in_(UNDER_WAY),
            Payment.invoice_id == ended.id,
        )
        .limit(1)
    )
    if deleting is not None:
        return Later(DELETING)
    paid, credited = Decimal(str(seen["paid"])), Decimal(str(seen["credited"]))
    sums = [
        f"{amount:,.2f} {ended.currency} {word}"
        for amount, word in ((paid, "paid"), (credited, "credited"))
        if amount
    ]
    return Blocked(
        Failure.CONFLICT,
        f"payments:{ended.id}",
        f"HoopAI voided invoice {ended.number_sent}, and in Xero it has {' and '.join(sums)}. Xero voids nothing that "
        "money was received for.",
    )
