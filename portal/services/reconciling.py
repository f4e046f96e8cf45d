"""The steps of a reconciliation: pages of Xero's books are read and kept, then ours are compared in chunks."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from portal.extensions import db
from portal.models import Document, Link, Reconciliation, RunStage, XeroSeen
from portal.services import beside, linking, organisations, our_documents, replying, tallies
from portal.services.our_documents import Bundle
from portal.services.unit import release, transaction
from portal.words import ENDED
from portal.xero.client import Reply, XeroClient
from portal.xero.errors import NotFound
from portal.xero.limits import Share
from portal.xero.payloads import MAX_ELEMENTS

CHUNK = 100
MOST_NUMBERS = 40
READINGS = {
    RunStage.READ_INVOICES: (Document.INVOICE, XeroClient.sales_dated),
    RunStage.READ_CREDITS: (Document.CREDIT_NOTE, XeroClient.credit_notes_dated),
    RunStage.READ_PAYMENTS: (Document.PAYMENT, XeroClient.payments_dated),
    RunStage.READ_OVERPAID: (Document.PAYMENT, XeroClient.overpayments_dated),
}
CHUNKS: dict[RunStage, Callable[..., list[int]]] = {
    RunStage.INVOICES: our_documents.invoices_due,
    RunStage.PAYMENTS: our_documents.payments_due,
    RunStage.REFUNDS: our_documents.refunds_due,
}
BUNDLES: dict[RunStage, Callable[..., Bundle]] = {
    RunStage.INVOICES: our_documents.invoices,
    RunStage.PAYMENTS: our_documents.payments,
    RunStage.REFUNDS: our_documents.refunds,
}


@dataclass(frozen=True, slots=True)
class Here:
    """Where a run stands, while no transaction is open."""

    run_id: int
    location_id: int
    connection_id: int
    tenant_id: str
    stage: RunStage
    page: int
    first: date
    last: date


@dataclass(slots=True)
class Step:
    """What a step did: how much was read of how many, the next page (None: the stage is done), calls to Xero.

    `write` puts the results down in the transaction that also moves the run on.
    """

    read: int = 0
    total: int = 0
    next_page: int | None = None
    calls: int = 0
    foreign: int = 0
    write: Callable[[Session, Reconciliation], None] = field(default=lambda _session, _run: None)


def step(here: Here) -> Step:
    """Do the next piece; done again it changes nothing twice. Raises NotNow, ConnectAgain and XeroError."""
    if here.stage in READINGS:
        return _read(here)
    return _left_over(here) if here.stage == RunStage.LEFT_OVER else _compare(here)


def _read(here: Here) -> Step:
    if here.stage == RunStage.READ_OVERPAID and not our_documents.any_overpaid(
        db.session(), here.location_id
    ):
        release()
        return Step()
    document, letter = READINGS[here.stage]
    reply = _ask(here, lambda xero: letter(xero, here.first, here.last, here.page + 1))
    items = replying.items(document, reply.data)
    told = reply.data.get("pagination") or {}
    pages = int(told.get("pageCount") or (here.page + (2 if len(items) == 1000 else 1)))
    ours, others = _sorted_out(here, document, items)
    return Step(
        read=len(items), total=int(told.get("itemCount") or len(items)),
        next_page=here.page + 1 if here.page + 1 < pages else None, calls=1, foreign=others,
        write=lambda session, _run: _keep(session, here, document, ours),
    )  # fmt: skip


def _sorted_out(
    here: Here, document: Document, items: Sequence[dict[str, Any]]
) -> tuple[list[dict[str, Any]], int]:
    """What bears our mark or is linked to ours, and how many others there are that count."""
    key = replying.COLLECTIONS[document][1]
    ids = [str(item[key]) for item in items]
    linked = set(
        db.session.scalars(
            select(Link.xero_id).where(*linking.by_xero_ids(here.tenant_id, here.location_id, ids))
        )
    )
    release()
    ours, others = [], 0
    for item in items:
        if str(item[key]) in linked or str(item.get("Reference") or "").startswith(replying.MARK):
            ours.append(item)
        elif str(item.get("Status")) not in ENDED:
            others += 1
    return ours, others


def _keep(session: Session, here: Here, document: Document, items: Sequence[dict[str, Any]]) -> None:
    key = replying.COLLECTIONS[document][1]
    rows = {(replying.kind_of(document, item), str(item[key])): item for item in items}
    ids = [xero_id for _, xero_id in rows]
    session.execute(delete(XeroSeen).where(XeroSeen.run_id == here.run_id, XeroSeen.xero_id.in_(ids)))
    session.add_all(
        XeroSeen(run_id=here.run_id, document=kind, xero_id=xero_id, facts=replying.facts(kind, item))
        for (kind, xero_id), item in rows.items()
    )
    session.flush()


def _compare(here: Here) -> Step:
    ids = CHUNKS[here.stage](db.session(), here.location_id, here.first, here.last, here.page, CHUNK)
    release()
    if not ids:
        return Step()
    calls = sum(_look_up(here, document, ids) for document in our_documents.KINDS[here.stage])
    return Step(
        read=len(ids),
        next_page=ids[-1],
        calls=calls,
        write=lambda session, run: _put(session, run, here, ids),
    )


def _look_up(here: Here, document: Document, ids: list[int]) -> int:
    """Read what is linked and was not in the days' lists (another date, or gone); how many calls that took."""
    held = our_documents.links(db.session(), here.tenant_id, here.location_id, document, ids)
    known = _seen(db.session(), here, [link.xero_id for link in held.values()])
    lost = {key: link for key, link in held.items() if link.xero_id not in known}
    missing = [(link.xero_id, link.xero_number or "") for link in lost.values()]
    above = our_documents.overpaid(db.session(), here.location_id, document, list(lost))
    plain = [key for key in lost if key not in above]
    parents = our_documents.invoice_ids(db.session(), here.tenant_id, here.location_id, document, plain)
    release()
    if not missing:
        return 0
    if document == Document.INVOICE:
        return _fetch(here, document, [each for each, _ in missing], XeroClient.invoices, MAX_ELEMENTS)
    if document == Document.CREDIT_NOTE:
        numbers = [number for _, number in missing if number]
        return (
            _fetch(here, document, numbers, XeroClient.credit_notes_numbered, MOST_NUMBERS) if numbers else 0
        )
    if document == Document.PAYMENT:
        paid = _fetch_paid(here, {lost[key].xero_id for key in plain}, parents)
        return paid + sum(_fetch_one(here, lost[key].xero_id, XeroClient.overpayment) for key in above)
    return sum(_fetch_one(here, each, XeroClient.payment) for each, _ in missing)


def _fetch(
    here: Here,
    document: Document,
    names: list[str],
    letter: Callable[[XeroClient, list[str]], Reply],
    most: int,
) -> int:
    calls = 0
    for start in range(0, len(names), most):
        part = names[start : start + most]
        reply = _ask(here, lambda xero, part=part: letter(xero, part))  # type: ignore[misc]
        calls += 1
        with transaction() as session:
            _keep(session, here, document, replying.items(document, reply.data))
    return calls


def _fetch_paid(here: Here, missing: set[str], invoices: list[str]) -> int:
    """Payments out of the invoices they belong to, fifty invoices in a call; deleted ones are not among them."""
    calls = 0
    for start in range(0, len(invoices), MAX_ELEMENTS):
        part = invoices[start : start + MAX_ELEMENTS]
        reply = _ask(here, lambda xero, part=part: xero.invoices(part))  # type: ignore[misc]
        calls += 1
        items = [
            {**item, "Status": item.get("Status") or "AUTHORISED", "Invoice": invoice}
            for invoice in reply.data.get("Invoices") or []
            for item in invoice.get("Payments") or []
            if str(item.get("PaymentID")) in missing
        ]
        with transaction() as session:
            _keep(session, here, Document.PAYMENT, items)
    return calls


def _fetch_one(here: Here, xero_id: str, letter: Callable[[XeroClient, str], Reply]) -> int:
    try:
        reply = _ask(here, lambda xero: letter(xero, xero_id))
    except NotFound:
        return 1
    with transaction() as session:
        _keep(session, here, Document.PAYMENT, replying.items(Document.PAYMENT, reply.data))
    return 1


def _put(session: Session, run: Reconciliation, here: Here, ids: list[int]) -> None:
    """Compare these of ours with what was read, keep the differences, count both sides, drop what is compared."""
    bundle = BUNDLES[here.stage](session, here.tenant_id, here.location_id, here.connection_id, ids)
    kept = _seen(session, here, [one.link.xero_id for one in bundle if one.link])
    sums = deepcopy(run.tallies)
    for one in bundle:
        theirs = kept.get(one.link.xero_id) if one.link else None
        for difference in beside.compare(one, theirs):
            difference.run_id = here.run_id
            session.add(difference)
            _count(run, difference)
        if one.counts:
            tallies.count(sums, tallies.OURS, one.document, one.day, one.currency, one.amount, one.lines)
        if theirs and theirs.day and theirs.status not in ENDED:
            _count_theirs(sums, one.document, theirs, one.currency)
    run.tallies = sums
    session.execute(delete(XeroSeen).where(XeroSeen.run_id == here.run_id, XeroSeen.xero_id.in_(list(kept))))


def _left_over(here: Here) -> Step:
    """What bears our mark in Xero and was none of the compared: only there, unless another location's link has it."""
    rows = db.session.scalars(
        select(XeroSeen)
        .where(XeroSeen.run_id == here.run_id, XeroSeen.id > here.page)
        .order_by(XeroSeen.id)
        .limit(CHUNK)
    ).all()
    if not rows:
        release()
        return Step(write=lambda session, _run: _clear(session, here))
    linked = set(
        db.session.scalars(
            select(Link.xero_id).where(
                Link.tenant_id == here.tenant_id, Link.xero_id.in_([row.xero_id for row in rows])
            )
        )
    )
    found = [
        (row.document, replying.seen(row.xero_id, row.facts)) for row in rows if row.xero_id not in linked
    ]
    last = rows[-1].id
    release()

    def write(session: Session, run: Reconciliation) -> None:
        sums = deepcopy(run.tallies)
        for document, theirs in found:
            if theirs.status in ENDED or not theirs.ours:
                continue
            difference = beside.only_xero(document, theirs)
            difference.run_id = here.run_id
            session.add(difference)
            _count(run, difference)
            if theirs.day:
                _count_theirs(sums, document, theirs, theirs.currency)
        run.tallies = sums

    return Step(read=len(rows), next_page=last, write=write)


def _clear(session: Session, here: Here) -> None:
    session.execute(delete(XeroSeen).where(XeroSeen.run_id == here.run_id))


def _count(run: Reconciliation, difference: beside.Difference) -> None:
    if difference.kind in beside.AMISS:
        run.differing += 1
    else:
        run.open_count += 1


def _count_theirs(sums: tallies.Tallies, document: Document, theirs: beside.Seen, currency: str) -> None:
    assert theirs.day is not None
    tallies.count(sums, tallies.THEIRS, document, theirs.day, currency, theirs.amount, theirs.lines)


def _seen(session: Session, here: Here, xero_ids: list[str]) -> dict[str, beside.Seen]:
    rows = session.execute(
        select(XeroSeen.xero_id, XeroSeen.facts).where(
            XeroSeen.run_id == here.run_id, XeroSeen.xero_id.in_(xero_ids)
        )
    )
    return {xero_id: replying.seen(xero_id, facts) for xero_id, facts in rows}


def _ask(here: Here, letter: Callable[[XeroClient], Reply]) -> Reply:
    return organisations.ask(organisations.address_of(here.connection_id), letter, share=Share.BACKLOG)


def ours_between(session: Session, location_id: int, first: date, last: date) -> int:
    """How many of our documents a run over these days will compare."""
    return sum(
        session.scalar(select(func.count()).select_from(chosen(location_id, first, last).subquery())) or 0
        for chosen in (our_documents.of_invoices, our_documents.of_payments, our_documents.of_refunds)
    )
