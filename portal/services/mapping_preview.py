"""What saving the mapping would mean, before it is saved: what goes, what stays, what could be re-coded."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from portal.extensions import db
from portal.models import Connection, Document, Invoice, MappingKind, Operation, Product, Push, PushState
from portal.services import mapping_history, mappings, preferences, preflight, sent_lines
from portal.services.mapping_book import Choices, MappingBook, Target
from portal.services.mapping_rules import checked
from portal.services.preflight import Blocked, Organisation
from portal.services.sent_lines import Concerned
from portal.services.unit import release

Sums = dict[str, Decimal]


@dataclass(frozen=True, slots=True)
class Changed:
    """One choice: what it is called, from which account or rate to which, in words (empty for none)."""

    name: str
    was: str
    becomes: str


@dataclass(slots=True)
class Account:
    """What one account gets of the waiting invoices: of how many, and the lines' sums by currency, untaxed."""

    label: str
    invoices: int = 0
    money: Sums = field(default_factory=dict)


@dataclass(slots=True)
class Preview:
    """What a save would mean. `held` are waiting invoices that something else still holds back."""

    changes: list[Changed]
    going: int = 0
    held: int = 0
    payments: int = 0
    accounts: list[Account] = field(default_factory=list)
    sent: int = 0
    paid: int = 0
    locked: list[str] = field(default_factory=list)
    money: Sums = field(default_factory=dict)

    @property
    def recodable(self) -> int:
        """Invoices in Xero whose lines may be moved, as far as the portal knows."""
        return self.sent - len(self.locked)


def preview(location_id: int, choices: Choices) -> Preview:
    """What these choices would mean. Raises ChooseAgain as saving them would. Nothing is changed."""
    session = db.session()
    before = mappings.book(location_id)
    wanted = checked(before, choices)
    changes = {target: to for target, to in wanted.items() if before.chosen.get(target, "") != to}
    after = before.with_choices(changes)
    found = Preview(_changes(session, location_id, before, changes))
    connection = session.scalar(select(Connection).where(Connection.location_id == location_id))
    if connection is not None and changes:
        _waiting(session, connection, before, after, changes, found)
        _sent(
            sent_lines.concerned(session, connection, before, after),
            Organisation.of(connection.organisation),
            found,
        )
    release()
    return found


def _changes(session: Session, location_id: int, before: MappingBook, changes: Choices) -> list[Changed]:
    names = mapping_history.names_of(session, location_id, changes)
    after = before.with_choices(changes)
    return [
        Changed(
            names[target], _words(before, target, before.chosen.get(target, "")), _words(after, target, to)
        )
        for target, to in changes.items()
    ]


def _words(book: MappingBook, target: Target, value: str) -> str:
    """A choice in words; an empty one of a category by the default that it follows."""
    kind, _ = target
    if value or kind != MappingKind.CATEGORY or book.default_account is None:
        return book.label(kind, value)
    return f"the default, {book.default_account.label}"


def _waiting(
    session: Session,
    connection: Connection,
    before: MappingBook,
    after: MappingBook,
    changes: Choices,
    found: Preview,
) -> None:
    """Count what is blocked by what the changes mend, by a rehearsal of the checks before sending."""
    left = mappings.left_by(before, changes)
    blocked = session.execute(
        select(Push.cause, Push.document, Push.document_id, Push.operation).where(
            Push.location_id == connection.location_id,
            Push.state == PushState.BLOCKED,
            Push.cause.is_not(None),
        )
    ).all()
    held_by = _causes_of_products(session, connection.location_id, changes)
    freed = [row for row in blocked if row.cause in left | held_by or after.mends(row.cause)]
    ids = [
        row.document_id
        for row in freed
        if row.document == Document.INVOICE and row.operation != Operation.VOID
    ]
    found.payments = sum(row.document == Document.PAYMENT for row in freed)
    accounts: dict[str, Account] = {}
    wishes = preferences.of(session, connection.location_id)
    organisation = Organisation.of(connection.organisation, wishes)
    for invoice in _invoices(session, ids):
        _rehearse(invoice, after, organisation, accounts, found)
    found.accounts = sorted(accounts.values(), key=lambda each: each.label)


def _causes_of_products(session: Session, location_id: int, changes: Choices) -> set[str]:
    ids = [key.removeprefix("product:") for kind, key in changes if kind == MappingKind.CATEGORY]
    rows = session.scalars(
        select(Product.collections).where(Product.location_id == location_id, Product.hoop_id.in_(ids))
    )
    return {f"category:collection:{each}" for inside in rows for each in inside}


def _rehearse(
    invoice: Invoice,
    after: MappingBook,
    organisation: Organisation,
    accounts: dict[str, Account],
    found: Preview,
) -> None:
    try:
        preflight.check_invoice(invoice, organisation)
        labels = [preflight.account_of(line, after).label for line in invoice.lines]
        for line in invoice.lines:
            preflight.tax_of(line, after)
            preflight.options_of(line, after)
    except Blocked:
        found.held += 1
        return
    found.going += 1
    for label in set(labels):
        accounts.setdefault(label, Account(label)).invoices += 1
    for label, line in zip(labels, invoice.lines, strict=True):
        _add(accounts[label].money, invoice.currency, line.quantity * line.unit_amount)


def _sent(concerned: Sequence[Concerned], organisation: Organisation, found: Preview) -> None:
    found.sent = len(concerned)
    found.paid = sum(each.paid for each in concerned)
    found.locked = [each.number for each in concerned if organisation.lock_of(each.day)]
    for each in concerned:
        _add(found.money, each.currency, each.money)


def _invoices(session: Session, ids: list[int]) -> Iterable[Invoice]:
    for start in range(0, len(ids), sent_lines.PART):
        yield from session.scalars(
            select(Invoice)
            .where(Invoice.id.in_(ids[start : start + sent_lines.PART]))
            .options(selectinload(Invoice.lines), joinedload(Invoice.contact))
        )


def _add(sums: Sums, currency: str, amount: Decimal) -> None:
    sums[currency] = sums.get(currency, Decimal(0)) + amount
