"""What is carried in a fault run, one case a kind, and what Xero's books must say at the end."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from typing import Any

from sqlalchemy.orm import Session

from portal import clock
from portal.extensions import db
from portal.models import Document, Invoice, MappingKind, Operation, Payment, Refund
from portal.services import consents, following, intake, mappings, outbox, recoding, standing
from portal.services.unit import release, transaction
from tests.portal.services.harness import Stage
from tests.support import consent, portal
from tests.support.hoop import GST, line
from tests.support.servers import wait_until

_fresh = count(1)


@dataclass(frozen=True)
class Expected:
    """One invoice of the case as Xero's books must hold it."""

    number: str
    contact: str
    total: Decimal
    status: str = "AUTHORISED"
    payments: tuple[Decimal, ...] = ()
    given_back: Decimal | None = None
    overpaid: Decimal | None = None
    account: str = ""
    email: str = ""


@dataclass(frozen=True)
class Case:
    """Documents on their way: which calls carry them, and what must come of it.

    `nth`: the how-manyth batch it is.
    """

    method: str
    path: str
    expected: list[Expected] = field(default_factory=list)
    nth: int = 1


def contact(stage: Stage) -> Case:
    """Two new contacts, with an invoice each."""
    made = [_invoice(stage, f"Client {next(_fresh)}") for _ in range(2)]
    return Case("PUT", "Contacts", [_expect(each) for each in made])


def invoice(stage: Stage) -> Case:
    """Two new invoices of a contact that Xero has."""
    name = _known(stage)
    return Case("PUT", "Invoices", [_expect(_invoice(stage, name)) for _ in range(2)])


def payment(stage: Stage) -> Case:
    """Two equal instalments of an invoice that Xero has: nothing in Xero keeps a third one out."""
    made = _sent(stage)
    for _ in range(2):
        stage.hoop.act(made["_id"], "pay", amount="100", method="card")
    return Case("PUT", "Payments", [_expect(made, payments=(Decimal(100), Decimal(100)))])


def update(stage: Stage) -> Case:
    """An invoice that Xero has is changed."""
    made = _sent(stage)
    changed = stage.hoop.act(made["_id"], "edit", lines=[line("Care plan", "1200", "1", GST)])
    return Case("POST", "Invoices", [_expect({**made, "total": changed["total"]})])


def void(stage: Stage) -> Case:
    """An invoice that Xero has is voided."""
    made = _sent(stage)
    stage.hoop.act(made["_id"], "void")
    return Case("POST", "Invoices", [_expect(made, status="VOIDED")])


def refund(stage: Stage) -> Case:
    """Money is given back: a credit note, paid out."""
    return Case("PUT", "CreditNotes", [_refunded(stage)])


def payout(stage: Stage) -> Case:
    """The same, with the trouble where the credit note is paid out."""
    return Case("PUT", "Payments", [_refunded(stage)], nth=2)


def overpayment(stage: Stage) -> Case:
    """More was received than an invoice owed, and a person has it recorded as an overpayment."""
    made, amount = _paid(stage), 50 + Decimal(next(_fresh)) / 100
    _allow_overpayments(stage)
    with transaction() as session:
        outbox.guard(session, stage.location_id)
        row = session.query(Payment).filter_by(invoice_id=_ours(session, made).id).one()
        above = Payment(
            location_id=stage.location_id, invoice_id=row.invoice_id, hoop_id=f"{row.id}:surplus", amount=amount,
            paid_to=row.paid_to + amount, paid_on=row.paid_on, method=row.method, covers=[], surplus_of_id=row.id,
        )  # fmt: skip
        session.add(above)
        session.flush()
        outbox.want(
            session, stage.location_id, Document.PAYMENT, above.id, Operation.OVERPAY,
            parent=(Document.PAYMENT, row.id), amount=amount, currency="AUD",
        )  # fmt: skip
    paid = (Decimal(made["total"]),)
    return Case("PUT", "BankTransactions", [_expect(made, status="PAID", payments=paid, overpaid=amount)])


def _allow_overpayments(stage: Stage) -> None:
    location = portal.location()
    if not standing.overpayments_allowed(db.session(), location.id):
        person = portal.ana()  # anew: the clock may have jumped over the life of an earlier sign-in
        url = consents.begin(location, person.user, person.session_id, overpayments=True)
        release()
        outcome = portal.complete(person, consent.allow(url, "mia", portal.AU))
        assert outcome.ok, outcome.sentence
    release()


def take_back(stage: Stage) -> Case:
    """A payment that Xero has was taken back by the bank."""
    made = _paid(stage)
    with transaction() as session:
        outbox.guard(session, stage.location_id)
        row = session.query(Payment).filter_by(invoice_id=_ours(session, made).id).one()
        row.taken_back_at = clock.now()
        following.take_back(session, row)
    return Case("POST", "Payments", [_expect(made)])


def recode(stage: Stage) -> Case:
    """The line of an invoice that Xero has moves to another account."""
    name = f"Course {next(_fresh)}"
    made = _sent(stage, name=name)
    target = (MappingKind.CATEGORY, f"name:{name.lower()}")
    saved = mappings.save(stage.location_id, stage.person.user, {target: "260"})
    assert saved.save_id is not None
    recoding.start(stage.location_id, stage.person.user, saved.save_id)
    return Case("POST", "Invoices", [_expect(made, account="260")])


def contact_change(stage: Stage) -> Case:
    """A contact that the portal made in Xero is changed."""
    number = next(_fresh)
    made = _sent(stage, f"Client {number}")
    stage.hoop.tell_of("Invoice", "Contact")
    stage.hoop.contact(id=made["contactDetails"]["id"], email=f"new{number}@lantern.example")
    return Case("POST", "Contacts", [_expect(made, email=f"new{number}@lantern.example")])


def crowd(stage: Stage) -> Case:
    """More payments than go into one call: only one of the calls meets the trouble."""
    made = stage.hoop.bulk(60, contacts=1, lines=[line("Care plan", "900", "1", GST)])
    wait_until(lambda: _carried(stage), 30, "the invoices that a case begins with")
    rows = []
    for each in made["ids"]:
        paid = stage.hoop.act(each, "pay", amount="100", method="card")
        rows.append(_expect(paid, payments=(Decimal(100),)))
    return Case("PUT", "Payments", rows)


CASES: dict[str, Callable[[Stage], Case]] = {
    "contact": contact, "invoice": invoice, "payment": payment, "update": update, "void": void,
    "refund": refund, "payout": payout, "take_back": take_back, "recode": recode, "contact_change": contact_change,
    "overpayment": overpayment,
}  # fmt: skip
ALL = {**CASES, "crowd": crowd}


def begin(stage: Stage, kind: str, *, applied: bool = True) -> Case:
    """Make the documents of a case; what came before them is in Xero, they are due, or only `applied` not yet."""
    case = ALL[kind](stage)
    stage.heard()
    release()
    if applied:
        intake.apply()
        release()
    return case


def complaints(stage: Stage, case: Case) -> list[str]:
    """What the books do not hold as they must; empty when each document is there once with the right amounts."""
    books = stage.books()
    return [word for each in case.expected for word in _compare(books, each)]


def _compare(books: dict[str, Any], wanted: Expected) -> list[str]:
    found = [row for row in books["invoices"] if row["InvoiceNumber"] == wanted.number]
    names = [row for row in books["contacts"] if row["Name"] == wanted.contact]
    words = [f"{len(names)} contacts {wanted.contact}"] if len(names) != 1 else []
    if wanted.email and [row.get("EmailAddress") for row in names] != [wanted.email]:
        words.append(f"contact {wanted.contact} is not changed")
    if len(found) != 1:
        return [*words, f"{len(found)} invoices {wanted.number}"]
    held = (found[0]["Total"], found[0]["Status"])
    if held != (wanted.total, wanted.status):
        words.append(f"invoice {wanted.number} is {held}, not {(wanted.total, wanted.status)}")
    if wanted.account and [row["AccountCode"] for row in found[0]["LineItems"]] != [wanted.account]:
        words.append(f"invoice {wanted.number} is not re-coded")
    paid = _payments(books, found[0]["InvoiceID"])
    if paid != list(wanted.payments):
        words.append(f"invoice {wanted.number} has payments {paid}, not {list(wanted.payments)}")
    if wanted.overpaid:
        there = sum(row["Total"] == wanted.overpaid for row in books["overpayments"])
        words += [f"{there} overpayments of {wanted.overpaid}"] if there != 1 else []
    return words + (_given_back(books, wanted.given_back) if wanted.given_back else [])


def _given_back(books: dict[str, Any], amount: Decimal) -> list[str]:
    """Each refund of these runs has an amount of its own."""
    notes = [row for row in books["credit_notes"] if row["Total"] == amount and row["Status"] != "DELETED"]
    paid = [row for row in books["payments"] if row["Amount"] == amount and row["Status"] != "DELETED"]
    return (
        []
        if (len(notes), len(paid)) == (1, 1)
        else [f"{len(notes)} credit notes, {len(paid)} payments of {amount}"]
    )


def _payments(books: dict[str, Any], invoice_id: str) -> list[Decimal]:
    rows = [row for row in books["payments"] if row["InvoiceID"] == invoice_id]
    return [row["Amount"] for row in rows if row["Status"] != "DELETED"]


def _expect(made: dict[str, Any], **more: Any) -> Expected:
    contact_ = made["contactDetails"]["companyName"]
    return Expected(made["invoiceNumber"], contact_, Decimal(made["total"]), **more)


def _invoice(stage: Stage, name: str, what: str = "Care plan") -> dict[str, Any]:
    person = {
        "name": f"Mira {name}",
        "companyName": name,
        "email": f"{name.replace(' ', '')}@lantern.example",
    }
    return stage.hoop.create(line(what, "900", "1", GST), contact=person)


def _sent(stage: Stage, contact: str = "Lantern Foods", *, name: str = "Care plan") -> dict[str, Any]:
    made = _invoice(stage, contact, name)
    wait_until(lambda: _carried(stage), 10, "the documents that a case begins with")
    return made


def _carried(stage: Stage) -> bool:
    """A worker of the run before may have died with the lease: then the first drains do nothing."""
    stage.carry()
    states = set(stage.states())
    release()
    return states <= {"sent", "cancelled"}


def _paid(stage: Stage) -> dict[str, Any]:
    made = _invoice(stage, "Lantern Foods")
    stage.hoop.act(made["_id"], "pay", method="card")
    wait_until(lambda: _carried(stage), 10, "the paid invoice that a case begins with")
    return made


def _refunded(stage: Stage) -> Expected:
    made, amount = _paid(stage), 50 + Decimal(next(_fresh)) / 100
    with transaction() as session:
        outbox.guard(session, stage.location_id)
        given = Refund(
            location_id=stage.location_id, invoice_id=_ours(session, made).id, hoop_id=f"txn:{amount}",
            amount=amount, refunded_on=clock.now().date(),
        )  # fmt: skip
        session.add(given)
        session.flush()
        following.refund(session, given)
    return _expect(made, status="PAID", payments=(Decimal(made["total"]),), given_back=amount)


def _ours(session: Session, made: dict[str, Any]) -> Invoice:
    return session.query(Invoice).filter_by(hoop_id=made["_id"]).one()


def _known(stage: Stage) -> str:
    if not any(row["Name"] == "Lantern Foods" for row in stage.books()["contacts"]):
        _sent(stage)
    return "Lantern Foods"
