"""Finding documents by what a person types: a number or its end, a customer, an amount, an id of HoopAI or Xero.

Each way leads over an index and gives at most so many, the newest first, so that a search costs the same in a large
location as in a small one.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from portal.extensions import db
from portal.models import Connection, Contact, Document, Invoice, Link, Location, Payment, Refund
from portal.models.among import among
from portal.models.search import begins, digits

MOST = 500
CUSTOMERS = 200
AMOUNT = re.compile(r"[+-]?\d{1,13}(?:\.\d{1,4})?")
WAYS: dict[str, ColumnElement[bool]] = {
    "hoop_id": Invoice.hoop_id == bindparam("text"),
    "customers": among(Invoice.contact_id, "customers"),
    "digits": digits(Invoice.number) == bindparam("digits"),
    "amount": Invoice.total == bindparam("amount"),
}
XERO_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Found:
    """The ids of what fits; `cut` where more fits than is looked at."""

    invoices: Sequence[int] = ()
    contacts: Sequence[int] = ()
    payments: Sequence[int] = ()
    refunds: Sequence[int] = ()
    cut: bool = False


def find(location: Location, text: str) -> Found:
    """What fits this text in the location, in at most eight queries."""
    if XERO_ID.fullmatch(text):
        return _by_xero_id(location.id, text.lower())
    named, many = _customers(location.id, text)
    invoices = _invoices(location.id, text, named)
    amount = amount_in(text)
    payments = _of_amount(Payment.id, Payment.location_id == location.id, Payment.amount == amount, amount)
    refunds = _of_amount(Refund.id, Refund.location_id == location.id, Refund.amount == amount, amount)
    cut = many or any(len(each) > MOST for each in (invoices, payments, refunds))
    return Found(invoices[:MOST], named, payments[:MOST], refunds[:MOST], cut)


def amount_in(text: str) -> Decimal | None:
    """The amount that a person means by `1,250.00` or `1250`; None where it is none."""
    plain = text.replace(",", "").replace(" ", "")
    return Decimal(plain) if AMOUNT.fullmatch(plain) else None


def _customers(location_id: int, text: str) -> tuple[list[int], bool]:
    """Contacts with this in their name, company or e-mail; read from the index alone."""
    fits = or_(
        *(
            column.icontains(text, autoescape=True)
            for column in (Contact.name, Contact.company, Contact.email)
        )
    )
    rows = db.session.scalars(
        select(Contact.id).where(Contact.location_id == location_id, fits).limit(CUSTOMERS + 1)
    ).all()
    return list(rows[:CUSTOMERS]), len(rows) > CUSTOMERS


def _invoices(location_id: int, text: str, customers: Sequence[int]) -> list[int]:
    """Invoices whose number begins or ends so, of this total, of these customers, or with this id in HoopAI."""
    given: dict[str, Any] = {"location": location_id, "text": text, "customers": customers}
    ways = ["hoop_id", *(["customers"] if customers else [])]
    if text.isascii() and text.isdigit():
        ways, given["digits"] = [*ways, "digits"], text.lstrip("0")
    if (amount := amount_in(text)) is not None:
        ways, given["amount"] = [*ways, "amount"], amount
    newest: set[tuple[datetime, int]] = set()
    for question in (_newest(begins(db.session(), Invoice.number, text)), *map(_along, ways)):
        newest.update((at, each) for each, at in db.session.execute(question, given))
    return [each for _, each in sorted(newest, reverse=True)[: MOST + 1]]


@cache
def _along(way: str) -> Select[int, datetime]:
    return _newest(WAYS[way])


def _newest(way: ColumnElement[bool]) -> Select[int, datetime]:
    return (
        select(Invoice.id, Invoice.created_at)
        .where(Invoice.location_id == bindparam("location"), way)
        .order_by(Invoice.created_at.desc(), Invoice.id.desc())
        .limit(MOST + 1)
    )


def _of_amount(
    ident: InstrumentedAttribute[int],
    mine: ColumnElement[bool],
    fits: ColumnElement[bool],
    amount: Decimal | None,
) -> list[int]:
    if amount is None:
        return []
    return list(db.session.scalars(select(ident).where(mine, fits).order_by(ident.desc()).limit(MOST + 1)))


def _by_xero_id(location_id: int, xero_id: str) -> Found:
    """What is linked to this id of Xero; an invoice also where the id is that of its payment."""
    tenant = select(Connection.tenant_id).where(Connection.location_id == location_id).scalar_subquery()
    links = db.session.execute(
        select(Link.document, Link.document_id).where(
            Link.tenant_id == tenant,
            Link.location_id == location_id,
            Link.xero_id.in_({xero_id, xero_id.upper()}),
        )
    )
    ids: dict[str, list[int]] = {}
    for document, document_id in links:
        ids.setdefault(document, []).append(document_id)
    refunds = [*ids.get(Document.CREDIT_NOTE, []), *ids.get(Document.REFUND, [])]
    return Found(
        ids.get(Document.INVOICE, []), ids.get(Document.CONTACT, []), ids.get(Document.PAYMENT, []), refunds
    )
