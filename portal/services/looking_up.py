"""Asking HoopAI's REST API for what an event did not carry: payments one by one, inclusive tax, collections.

The invoice waits for the answer with its pushes held. When HoopAI cannot be asked, it goes on as the event said.
"""

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from portal import bell, clock
from portal.errors import NotNow
from portal.extensions import db
from portal.hoopai import transactions
from portal.hoopai.client import HoopClient, HoopNotFound, HoopRefused
from portal.hoopai.invoices import BadInvoice, InvoiceMention, InvoiceSaid, said
from portal.hoopai.reading import BadValue
from portal.hoopai.transactions import TransactionSaid
from portal.models import Connection, Invoice, InvoiceStatus, Location, Product, Source
from portal.services import hoop_reader, invoices_in, outbox, payments_in, products_in
from portal.services.hoop_reader import LacksScope, Reader, TokenRefused
from portal.services.unit import release, transaction

log = logging.getLogger(__name__)

JOB = "jobs.sources.look_up"
DRAIN = "jobs.pushes.drain"
QUANTUM = 15.0
CHUNK = 20
CLAIM = timedelta(minutes=2)
AGAIN = timedelta(minutes=1)
LATELY = timedelta(minutes=10)
Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Read:
    """All that REST says about one invoice; `transactions` None where they could not be read."""

    invoice: InvoiceSaid
    transactions: list[TransactionSaid] | None
    products: list[Item]
    collections: list[Item]


@dataclass(frozen=True, slots=True)
class _Claim:
    id: int
    hoop_id: str
    until: datetime


def due() -> list[int]:
    """Locations with an invoice to be looked up now."""
    moment = clock.now()
    found = db.session.scalars(
        select(Invoice.location_id + 0)  # by its own index SQLite would pass over all invoices there are
        .join(Source, Source.location_id == Invoice.location_id)
        .where(
            Invoice.look_up_at <= moment,
            or_(Invoice.held, Source.api_rest_until.is_(None), Source.api_rest_until <= moment),
        )
        .distinct()
        .limit(100)
    )
    return list(found)


def look_up(location_id: int) -> int:
    """Look up what is due at one location, for a quarter of a minute at most; how many invoices were settled."""
    reader = hoop_reader.reader(location_id)
    began, settled, again = time.monotonic(), 0, None
    while time.monotonic() - began < QUANTUM:
        claimed = _claim(location_id)
        if claimed is None:
            break
        try:
            _one(reader, location_id, claimed, again)
        except NotNow as wait:
            reader, again = None, wait.retry_at or clock.now() + AGAIN
            _go_on_without(location_id, claimed.id, again)
        except TokenRefused:
            reader = None
            _go_on_without(location_id, claimed.id, None)
        settled += 1
    else:
        bell.ring(JOB, location_id)
    if settled:
        _ring(location_id)
    return settled


def read(reader: Reader, invoice: InvoiceSaid) -> Read:
    """What belongs to an invoice that REST told: its transactions, and products that are not known yet."""
    return Read(invoice, _transactions(reader, invoice), *_products(reader, invoice))


def apply(session: Session, location: Location, told: Read) -> Invoice:
    """Bring everything about the invoice up to date. The location's pushes must be guarded."""
    products_in.learn_collections(session, location.id, told.collections)
    products_in.learn_products(session, location.id, told.products)
    return invoices_in.take_read(session, location, told.invoice, told.transactions)


def gone(session: Session, location: Location, hoop_id: str) -> str | None:
    """REST does not know the invoice any more: it was deleted."""
    return invoices_in.end(session, location, InvoiceMention(hoop_id, InvoiceStatus.DELETE, None))


def guarded(session: Session, location_id: int) -> Location:
    """The location, with nobody else changing its documents or pushes until the transaction ends."""
    location = session.get_one(Location, location_id, with_for_update=True)
    outbox.guard(session, location_id)
    return location


def _claim(location_id: int) -> _Claim | None:
    """One due invoice, which nobody else takes for a while."""
    moment = clock.now()
    with transaction() as session:
        invoice = session.scalar(
            select(Invoice)
            .where(Invoice.location_id + 0 == location_id, Invoice.look_up_at <= moment)  # as in `due`
            .order_by(Invoice.look_up_at)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        if invoice is None:
            return None
        invoice.look_up_at = moment + CLAIM
        return _Claim(invoice.id, invoice.hoop_id, invoice.look_up_at)


def _one(reader: Reader | None, location_id: int, claim: _Claim, again: datetime | None) -> None:
    if reader is None:
        _go_on_without(location_id, claim.id, again)
        return
    try:
        raw = reader.ask(lambda client: client.invoice(claim.hoop_id))
        told = read(reader, said(raw))
    except HoopNotFound:
        with transaction() as session:
            gone(session, guarded(session, location_id), claim.hoop_id)
    except (HoopRefused, BadInvoice, ValueError) as error:
        log.warning("lookup.unusable", extra={"invoice": claim.id, "error": type(error).__name__})
        _go_on_without(location_id, claim.id, None)
    else:
        _settle(location_id, claim, told)


def _settle(location_id: int, claim: _Claim, told: Read) -> None:
    with transaction() as session:
        location = guarded(session, location_id)
        lately = session.scalar(select(Invoice.looked_up_at).where(Invoice.id == claim.id))
        invoice = apply(session, location, told)
        if invoice.look_up_at == claim.until:
            first = lately is None or lately < clock.now() - LATELY
            invoice.look_up_at = clock.now() + AGAIN if first and _incomplete(session, invoice) else None


def _incomplete(session: Session, invoice: Invoice) -> bool:
    """Whether a payment is known by its amount only: HoopAI's transaction may be there in a minute."""
    return any(
        payment.hoop_id is None and payment.taken_back_at is None
        for payment in session.scalars(payments_in.of_invoice(invoice))
    )


def _go_on_without(location_id: int, invoice_id: int, again_at: datetime | None) -> None:
    """Let the invoice go as its event said; `again_at` is when REST is asked after all."""
    with transaction() as session:
        location = guarded(session, location_id)
        invoice = session.get_one(Invoice, invoice_id)
        if invoice.held:
            invoices_in.go_on(session, location, invoice)
        invoice.look_up_at = again_at


def _transactions(reader: Reader, invoice: InvoiceSaid) -> list[TransactionSaid] | None:
    def all_of(client: HoopClient) -> list[Item]:
        return list(client.each_transaction(invoice_id=invoice.hoop_id))

    try:
        return parsed(reader.ask(all_of, dispensable=True))
    except LacksScope:
        return None


def parsed(items: Iterable[Item]) -> list[TransactionSaid]:
    """Transactions that can be understood; the others are left out and logged."""
    found = []
    for item in items:
        try:
            found.append(transactions.said(item))
        except BadValue as bad:
            log.warning("transaction.unusable", extra={"field": bad.field})
    return found


def _products(reader: Reader, invoice: InvoiceSaid) -> tuple[list[Item], list[Item]]:
    wanted = {line.product_id for line in invoice.lines if line.product_id}
    known = set(db.session.scalars(_of(reader.location_id, wanted)))
    release()
    products = [found for key in sorted(wanted - known) if (found := _product(reader, key)) is not None]
    if not any(product.get("collectionIds") for product in products):
        return products, []
    try:
        return products, reader.ask(lambda client: client.collections(), dispensable=True)
    except (LacksScope, HoopNotFound, HoopRefused):
        return products, []


def _product(reader: Reader, product_id: str) -> Item | None:
    try:
        return reader.ask(lambda client: client.product(product_id), dispensable=True)
    except HoopNotFound:
        return {"_id": product_id, "collectionIds": []}
    except (LacksScope, HoopRefused, ValueError):
        return None


def _of(location_id: int, product_ids: set[str]) -> Select[str]:
    return select(Product.hoop_id).where(Product.location_id == location_id, Product.hoop_id.in_(product_ids))


def _ring(location_id: int) -> None:
    connection_id = db.session.scalar(select(Connection.id).where(Connection.location_id == location_id))
    release()
    if connection_id is not None:
        bell.ring(DRAIN, connection_id)
