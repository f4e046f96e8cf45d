"""One page of a catch-up: collections, products, invoices, invoices that HoopAI no longer lists, transactions."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import or_, select, update

from portal.extensions import db
from portal.hoopai.client import HoopNotFound, HoopPage, HoopRefused
from portal.hoopai.invoices import BadInvoice, InvoiceSaid, said
from portal.hoopai.transactions import TransactionSaid
from portal.models import Connection, Invoice, InvoiceStatus, Payment, Refund, Stage
from portal.services import invoices_in, looking_up, products_in
from portal.services.hoop_reader import LacksScope, Reader
from portal.services.unit import release, transaction

log = logging.getLogger(__name__)

FEW = 20
SETTLED = timedelta(minutes=5)
FINAL = (InvoiceStatus.VOID, InvoiceStatus.DELETE)
Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Here:
    """Where a catch-up stands. `since` is the first day of issue that matters, `began` when it started."""

    location_id: int
    stage: Stage
    page: int
    since: date
    began: datetime


@dataclass(frozen=True, slots=True)
class Step:
    """What a page brought; `next_page` None at the end of the stage, `total` as HoopAI counts this stage."""

    read: int
    total: int
    next_page: int | None
    changed: int = 0
    broken: int = 0


def read_page(reader: Reader, here: Here) -> Step:
    """Read and apply one page. Raises NotNow and TokenRefused; a page that is read again changes nothing twice."""
    return _STAGES[here.stage](reader, here)


def _collections(reader: Reader, here: Here) -> Step:
    page = _optional(reader, lambda client: client.collections_page(here.page))
    if page.items:
        with transaction() as session:
            looking_up.guarded(session, here.location_id)
            products_in.learn_collections(session, here.location_id, page.items)
    return _step(page)


def _products(reader: Reader, here: Here) -> Step:
    page = _optional(reader, lambda client: client.products_page(here.page))
    changed = 0
    if page.items:
        with transaction() as session:
            location = looking_up.guarded(session, here.location_id)
            moved = products_in.learn_products(session, here.location_id, page.items)
            changed = products_in.settle(
                session,
                location,
                moved,
                lambda invoice: invoices_in.recategorised(session, location, invoice),
            )
    return _step(page, changed)


def _invoices(reader: Reader, here: Here) -> Step:
    page = reader.ask(lambda client: client.invoices(here.page, since=here.since))
    told, broken = _understood(page.items)
    _mark_seen(here, [one.hoop_id for one in told])
    news = _news(here.location_id, told)
    release()
    for one in news:
        _bring(reader, here.location_id, one)
    return _step(page, len(news), broken)


def _missing(reader: Reader, here: Here) -> Step:
    """Invoices that we hold and HoopAI no longer lists: deleted, or moved out of the days that were asked for."""
    ids = db.session.scalars(
        select(Invoice.hoop_id)
        .where(
            Invoice.location_id == here.location_id,
            Invoice.issue_date >= here.since,
            Invoice.status.not_in(FINAL),
            Invoice.updated_at < here.began,
            or_(Invoice.seen_at.is_(None), Invoice.seen_at < here.began),
        )
        .order_by(Invoice.id)
        .limit(FEW)
    ).all()
    release()
    changed = sum(_look_for(reader, here, hoop_id) for hoop_id in ids)
    return Step(len(ids), len(ids), here.page + 1 if len(ids) == FEW else None, changed)


def _transactions(reader: Reader, here: Here) -> Step:
    page = _optional(reader, lambda client: client.transactions(here.page, since=here.since))
    ids = _with_news(here, looking_up.parsed(page.items))
    release()
    changed = sum(_look_at(reader, here, hoop_id) for hoop_id in ids)
    return _step(page, changed)


def _optional(reader: Reader, letter: Any) -> HoopPage:
    try:
        found: HoopPage = reader.ask(letter, dispensable=True)
        return found
    except (LacksScope, HoopRefused, HoopNotFound) as refusal:
        log.info("catch_up.left_out", extra={"error": type(refusal).__name__})
        return HoopPage([], 0, None)


def _step(page: HoopPage, changed: int = 0, broken: int = 0) -> Step:
    return Step(len(page.items), page.total or len(page.items), page.next_page, changed, broken)


def _understood(items: Iterable[Item]) -> tuple[list[InvoiceSaid], int]:
    told, broken = [], 0
    for item in items:
        try:
            told.append(said(item))
        except BadInvoice as bad:
            broken += 1
            log.warning("catch_up.unusable", extra={"field": bad.field})
    return told, broken


def _news(location_id: int, told: list[InvoiceSaid]) -> list[InvoiceSaid]:
    """Those that differ from what we hold; unknown ones only when they were created after the cut-off."""
    cut_off = _cut_off(location_id)
    rows = db.session.execute(
        select(Invoice.hoop_id, Invoice.updated_at, Invoice.status, Invoice.amount_paid, Invoice.total).where(
            Invoice.location_id == location_id, Invoice.hoop_id.in_([one.hoop_id for one in told])
        )
    )
    known = {hoop_id: tuple(rest) for hoop_id, *rest in rows}
    return [one for one in told if _is_news(one, known.get(one.hoop_id), cut_off)]


def _is_news(one: InvoiceSaid, known: tuple[Any, ...] | None, cut_off: datetime | None) -> bool:
    if known is None:
        return one.created_at is None or cut_off is None or one.created_at >= cut_off
    updated_at, status, paid, total = known
    if status in FINAL or (one.updated_at is not None and one.updated_at < updated_at):
        return False
    return (one.updated_at or updated_at, one.status, one.amount_paid, one.total) != (
        updated_at, status, paid, total,
    )  # fmt: skip


def _mark_seen(here: Here, hoop_ids: list[str]) -> None:
    if hoop_ids:
        with transaction() as session:
            session.execute(
                update(Invoice)
                .where(Invoice.location_id == here.location_id, Invoice.hoop_id.in_(hoop_ids))
                .values(seen_at=here.began)
            )


def _bring(reader: Reader, location_id: int, one: InvoiceSaid) -> None:
    told = looking_up.read(reader, one)
    with transaction() as session:
        looking_up.apply(session, looking_up.guarded(session, location_id), told)


def _look_for(reader: Reader, here: Here, hoop_id: str) -> int:
    try:
        raw = reader.ask(lambda client: client.invoice(hoop_id))
        one = said(raw)
    except HoopNotFound:
        with transaction() as session:
            looking_up.gone(session, looking_up.guarded(session, here.location_id), hoop_id)
        return 1
    except (BadInvoice, HoopRefused):
        _mark_seen(here, [hoop_id])
        return 0
    _bring(reader, here.location_id, one)
    _mark_seen(here, [hoop_id])
    return 1


def _look_at(reader: Reader, here: Here, hoop_id: str) -> int:
    try:
        _bring(reader, here.location_id, said(reader.ask(lambda client: client.invoice(hoop_id))))
    except (HoopNotFound, HoopRefused, BadInvoice, ValueError):
        return 0
    return 1


def _with_news(here: Here, told: list[TransactionSaid]) -> list[str]:
    """Invoices one of whose transactions says something that we do not hold yet."""
    about = [one for one in told if one.invoice_id and one.live_mode]
    wanted = {one.invoice_id for one in about}
    if not wanted:
        return []
    cut_off = _cut_off(here.location_id)
    mine = (Invoice.location_id == here.location_id, Invoice.hoop_id.in_(wanted))
    rows = db.session.execute(select(Invoice.hoop_id, Invoice.looked_up_at).where(*mine)).all()
    looked = {hoop_id: at for hoop_id, at in rows}
    payments = db.session.scalars(select(Payment).join(Invoice).where(*mine)).all()
    alive = {key: not each.taken_back_at for each in payments for key in [each.hoop_id, *each.covers] if key}
    refunded: dict[str, Decimal] = {}
    for each in db.session.scalars(select(Refund).join(Invoice).where(*mine)):
        key = each.hoop_id.rpartition(":")[0]
        refunded[key] = refunded.get(key, Decimal(0)) + each.amount
    return list(
        dict.fromkeys(
            str(one.invoice_id)
            for one in about
            if (one.invoice_id in looked or _since(one, cut_off))
            and _says_more(one, alive.get(one.hoop_id), refunded.get(one.hoop_id, Decimal(0)))
            and not _looked_since(looked.get(str(one.invoice_id)), one)
        )
    )


def _cut_off(location_id: int) -> datetime | None:
    return db.session.scalar(select(Connection.cut_off).where(Connection.location_id == location_id))


def _since(one: TransactionSaid, cut_off: datetime | None) -> bool:
    """Whether the money moved after the cut-off: then its invoice is worth a look even if it was never seen."""
    return cut_off is None or one.charged_at is None or one.charged_at >= cut_off


def _says_more(one: TransactionSaid, alive: bool | None, refunded: Decimal) -> bool:
    if one.failed:
        return alive is True
    return one.succeeded and (alive is None or (alive and one.amount_refunded > refunded))


def _looked_since(looked_up_at: datetime | None, one: TransactionSaid) -> bool:
    changed = one.updated_at or one.created_at
    return looked_up_at is not None and changed is not None and looked_up_at > changed + SETTLED


_STAGES = {
    Stage.COLLECTIONS: _collections,
    Stage.PRODUCTS: _products,
    Stage.INVOICES: _invoices,
    Stage.MISSING: _missing,
    Stage.TRANSACTIONS: _transactions,
}
