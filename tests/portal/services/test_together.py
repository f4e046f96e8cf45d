"""Deliveries that are applied together leave the same behind as one by one, whatever they say and in what order."""

import json
import random
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from portal.extensions import db
from portal.models import Contact, EventState, HoopTax, InboundEvent, Invoice, Payment, Push, Refund
from portal.services import applying, preferences, sources
from portal.services.unit import release, transaction
from tests.portal.conftest import EITHER
from tests.portal.services.harness import Stage, staged
from tests.support.xero import Xero

pytestmark = pytest.mark.parametrize("database_url", EITHER, indirect=True)
Told = dict[str, Any]
SAYS = (
    ("draft", 0),
    ("sent", 0),
    ("partially_paid", 165),
    ("payment_processing", 165),
    ("paid", 330),
    ("sent", 165),
)
NO_WISHES: Told = {"send_from": "draft", "for_approval": False}
WISHES: tuple[Told, ...] = ({}, {"send_from": "sent"}, {"send_from": "paid"}, {"for_approval": True})


OF_DOCUMENTS = (
    "inbound_events", "attempts", "pushes", "links", "refunds", "payments", "lines", "invoices", "contacts",
    "endings", "hoop_taxes", "tellings", "webhook_deliveries",
)  # fmt: skip
"""The tables that deliveries leave something in."""


def moment(day: int) -> str:
    return f"2027-02-{day:02d}T10:00:00Z"


def item(name: str = "Care plan", tax: str = "GST", rate: int = 10, **more: Any) -> Told:
    taxes = [{"_id": "tax", "name": tax, "rate": rate, "calculation": "exclusive"}]
    return {"name": name, "amount": 300, "qty": 1, "taxes": taxes, **more}


def word(status: str, paid: int, day: int, which: str = "one", **more: Any) -> Told:
    """A whole invoice, as it may be told at any time of its life."""
    return {
        "type": "InvoiceUpdate", "_id": which, "status": status, "currency": "AUD", "total": 330,
        "amountPaid": paid, "amountDue": 330 - paid, "invoiceNumber": f"INV-{which}", "liveMode": True,
        "issueDate": "2027-02-01", "dueDate": "2027-03-01", "createdAt": moment(1), "updatedAt": moment(day),
        "contactDetails": {"id": "mira", "name": "Mira", "email": "mira@x.example"}, "invoiceItems": [item()],
    } | more  # fmt: skip


MIRABELLE = {"id": "mira", "name": "Mirabelle", "email": "mira@x.example"}
VOID: Told = {"type": "InvoiceVoid", "_id": "one", "status": "void", "updatedAt": moment(9)}
TWO_LINES = [{**item("Plan"), "taxInclusive": True}, item("Plan")]
TABLE: dict[str, tuple[list[Told], Told]] = {
    "a payment, then being processed": (
        [word("sent", 0, 2), word("partially_paid", 165, 3), word("payment_processing", 165, 4)], {},
    ),
    "money that fell and rose again": (
        [word("partially_paid", 165, 2), word("sent", 0, 3), word("partially_paid", 100, 4)], {},
    ),
    "paid, and told once more later": ([word("paid", 330, 3), word("paid", 330, 5)], {}),
    "sent, then a draft again": ([word("sent", 0, 3), word("draft", 0, 4)], {"send_from": "sent"}),
    "sent, a draft again, void": ([word("sent", 0, 3), word("draft", 0, 4), VOID], {"send_from": "sent"}),
    "a stale word that names the customer": (
        [
            word("sent", 0, 9, contactDetails=None, name="Other"), word("draft", 0, 2),
            word("sent", 0, 2, "two", contactDetails=MIRABELLE), word("sent", 0, 3),
        ], {},
    ),
    "a tax that has another rate in between": (
        [
            word("partially_paid", 165, 2), word("sent", 0, 2, "two", invoiceItems=[item(tax="VAT", rate=20)]),
            word("paid", 330, 3),
        ], {},
    ),
    "two equal lines, one of them with its tax inside": (
        [word("sent", 0, 2, invoiceItems=TWO_LINES), word("paid", 330, 3, invoiceItems=TWO_LINES)], {},
    ),
    "yes said as a number": ([word("sent", 0, 2), word("sent", 0, 3, liveMode=1)], {}),
    "a number said with a point": (
        [word("sent", 0, 2, invoiceNumber=7), word("sent", 0, 3, invoiceNumber=7.0)], {},
    ),
    "a word about the customer in between": (
        [word("sent", 0, 2), {"type": "ContactUpdate", "id": "mira", "firstName": "Zed"}, word("paid", 330, 3)], {},
    ),
}  # fmt: skip


@pytest.fixture
def stage(ground: Flask, sandbox: str, xero: Xero) -> Iterator[Stage]:
    with staged(ground, sandbox, xero) as made:
        made.map_all()
        yield made


def test_each_of_these_ends_alike(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, (told, wishes) in TABLE.items():
        preferences.save(stage.location_id, stage.person.user, NO_WISHES | wishes)
        _ends_alike(stage, monkeypatch, told, name)


def test_whatever_is_told_ends_alike(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    for wishes in WISHES:
        preferences.save(stage.location_id, stage.person.user, NO_WISHES | wishes)
        dice = random.Random(str(wishes))
        for turn in range(8):
            told = [_any_word(dice) for _ in range(dice.randint(2, 7))]
            _ends_alike(stage, monkeypatch, told, f"{wishes} {turn}")


def _any_word(dice: random.Random) -> Told:
    if dice.random() < 0.08:
        return VOID
    if dice.random() < 0.1:
        return {"type": "ContactUpdate", "id": "mira", "firstName": dice.choice(["Zed", "Mira"])}
    more: Told = {}
    if dice.random() < 0.25:
        more = dice.choice([
            {"contactDetails": MIRABELLE}, {"contactDetails": None}, {"dueDate": "2027-04-01"},
            {"invoiceItems": [item(tax="VAT", rate=20)]}, {"invoiceItems": TWO_LINES}, {"status": "lost"},
        ])  # fmt: skip
    status, paid = dice.choice(SAYS)
    return word(status, paid, dice.randint(2, 6), dice.choice(["one", "one", "two"])) | more


def _ends_alike(stage: Stage, monkeypatch: pytest.MonkeyPatch, told: Sequence[Told], name: str) -> None:
    together = _played(stage, told)
    with monkeypatch.context() as patch:
        patch.setattr(applying, "_apply_together", applying._apply_singly)
        singly = _played(stage, told)
    assert together == singly, f"{name}: {told}"


def _played(stage: Stage, told: Sequence[Told]) -> dict[str, Any]:
    """What these deliveries leave in a portal that has heard of nothing else."""
    _forget(stage)
    source = sources.of(stage.location_id)
    assert source is not None
    with transaction() as session:
        for place, each in enumerate(told):
            session.add(
                InboundEvent(
                    source_id=source.id, location_id=stage.location_id, dedupe=str(place), state=EventState.RECEIVED,
                    body=json.dumps(each).encode(),
                )
            )  # fmt: skip
            session.flush()
    applying.apply()
    release()
    return _left()


def _forget(stage: Stage) -> None:
    with transaction() as session:
        for table in reversed(Invoice.metadata.sorted_tables):
            if table.name in OF_DOCUMENTS:
                session.execute(table.delete())


def _left() -> dict[str, Any]:
    session = db.session
    invoices = session.scalars(select(Invoice).order_by(Invoice.hoop_id)).all()
    names = {("invoice", each.id): each.hoop_id for each in invoices}
    names |= {("contact", each.id): each.hoop_id for each in session.scalars(select(Contact))}
    payments = session.scalars(select(Payment).order_by(Payment.id)).all()
    names |= {("payment", each.id): f"{names['invoice', each.invoice_id]} {each.amount}" for each in payments}
    left = {
        "deliveries": [
            (str(each.state), each.reason) for each in session.scalars(select(InboundEvent).order_by(InboundEvent.id))
        ],
        "invoices": [
            (each.hoop_id, each.number, str(each.status), each.amount_paid, each.updated_at, each.content_hash,
             each.contact.hoop_id if each.contact else None,
             [(line.name, line.tax_key, line.tax_inclusive) for line in each.lines])
            for each in invoices
        ],
        "contacts": sorted((each.hoop_id, each.name) for each in session.scalars(select(Contact))),
        "payments": [
            (names["payment", each.id], each.paid_on, each.taken_back_at is not None) for each in payments
        ],
        "refunds": sorted((each.amount, each.reduced) for each in session.scalars(select(Refund))),
        "taxes": sorted((each.key, each.name, each.rate) for each in session.scalars(select(HoopTax))),
        "pushes": sorted(
            (str(each.document), names.get((str(each.document), each.document_id), ""), str(each.operation),
             str(each.state), str(each.message))
            for each in session.scalars(select(Push))
        ),
    }  # fmt: skip
    release()
    return left
