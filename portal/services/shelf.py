"""What one transaction has at hand already, so that a chunk of deliveries asks the database once and not once each.

While a shelf is laid out for a session, the verbs find on it what they would otherwise ask for, and what they make is
put there. Without one they ask as ever; what is found is the same either way.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import Select, func, select, text
from sqlalchemy.orm import Session, selectinload

from portal.models import (
    Connection,
    Contact,
    Document,
    Ending,
    Invoice,
    Line,
    Link,
    Operation,
    Payment,
    Push,
    Refund,
)

T = TypeVar("T")
Told = Contact | Invoice | Payment | Refund
Numbered = Told | Line | Push
Place = tuple[Document, int]
About = tuple[object, Hashable]
_KEY = "shelf"


@dataclass(slots=True)
class Shelf:
    """All that is known of some invoices and contacts of one location; None where it is known that there is none."""

    location_id: int
    invoices: dict[str, Invoice | None] = field(default_factory=dict)
    contacts: dict[str, Contact | None] = field(default_factory=dict)
    complete: set[Place] = field(default_factory=set)
    pushes: dict[tuple[Document, int, Operation], Push] = field(default_factory=dict)
    fresh: list[Push] = field(default_factory=list)
    links: dict[Place, list[Link]] = field(default_factory=lambda: defaultdict(list))
    refunds: dict[int, list[Refund]] = field(default_factory=lambda: defaultdict(list))
    read: dict[Hashable, Any] = field(default_factory=dict)
    rows: dict[type[Any], dict[str, Any]] = field(default_factory=lambda: defaultdict(dict))
    said: dict[About, tuple[object, Any]] = field(default_factory=dict)
    ids: dict[type[Numbered], list[int]] = field(default_factory=lambda: defaultdict(list))
    last: dict[type[Numbered], int] = field(default_factory=dict)


@contextmanager
def laid_out(
    session: Session, location_id: int, invoices: Collection[str], contacts: Collection[str]
) -> Iterator[Shelf]:
    """Have everything about these invoices and contacts at hand. The location's pushes must be guarded."""
    shelf = Shelf(location_id)
    _fetch(session, shelf, invoices, contacts)
    session.info[_KEY] = shelf
    try:
        yield shelf
        shelf.fresh.sort(key=_alike)
        session.bulk_save_objects(shelf.fresh)
    finally:
        del session.info[_KEY]


def of(session: Session, location_id: int) -> Shelf | None:
    """The shelf that is laid out for this location, if there is one."""
    shelf: Shelf | None = session.info.get(_KEY)
    return shelf if shelf is not None and shelf.location_id == location_id else None


def once(session: Session, location_id: int, what: Hashable, read: Callable[[], T]) -> T:
    """What `read` brings; with a shelf it is read once. Only for what the transaction itself does not change."""
    shelf = of(session, location_id)
    if shelf is None:
        return read()
    if what not in shelf.read:
        with session.no_autoflush:
            shelf.read[what] = read()
    found: T = shelf.read[what]
    return found


def again(session: Session, location_id: int, about: About, said: object, do: Callable[[], T]) -> T:
    """What `do` brings; with a shelf it is not done over again where the last thing said about this was the same."""
    shelf = of(session, location_id)
    if shelf is None:
        return do()
    last = shelf.said.get(about)
    if last is None or last[0] != said:
        last = shelf.said[about] = (said, do())
    done: T = last[1]
    return done


def forget(session: Session, location_id: int, about: About) -> None:
    """Something else was said about this meanwhile: the next word is heard, even if it is the same as the last."""
    shelf = of(session, location_id)
    if shelf is not None:
        shelf.said.pop(about, None)


def forget_all(session: Session, location_id: int, kind: object) -> None:
    """The same of everything of this kind."""
    shelf = of(session, location_id)
    if shelf is not None:
        shelf.said = {about: said for about, said in shelf.said.items() if about[0] is not kind}


def some(
    session: Session,
    location_id: int,
    kind: type[Any],
    keys: Collection[str],
    read: Callable[[list[str]], dict[str, Any]],
) -> dict[str, Any]:
    """The rows of these keys; with a shelf each key is asked for once. Rows made since are put there by `keep`."""
    shelf = of(session, location_id)
    if shelf is None:
        return read(list(keys)) if keys else {}
    known = shelf.rows[kind]
    missing = [key for key in keys if key not in known]
    if missing:
        with session.no_autoflush:
            known.update(dict.fromkeys(missing) | read(missing))
    return {key: known[key] for key in keys if known[key] is not None}


def keep(session: Session, location_id: int, kind: type[Any], rows: dict[str, Any]) -> None:
    """Put rows by their keys where `some` finds them."""
    shelf = of(session, location_id)
    if shelf is not None:
        shelf.rows[kind].update(rows)


def connection(session: Session, location_id: int) -> Connection | None:
    """The location's connection."""

    def read() -> Connection | None:
        return session.scalar(select(Connection).where(Connection.location_id == location_id))

    return once(session, location_id, Connection, read)


def links(session: Session, location_id: int, document: Document, document_id: int) -> Sequence[Link]:
    """The document's links, of all organisations that it is or was in."""
    shelf = of(session, location_id)
    if shelf is not None and (document, document_id) in shelf.complete:
        return shelf.links.get((document, document_id), ())
    mine = (Link.location_id == location_id, Link.document == document, Link.document_id == document_id)
    return session.scalars(select(Link).where(*mine)).all()


def link(
    session: Session, tenant_id: str, location_id: int, document: Document, document_id: int
) -> Link | None:
    """The document's link in one organisation."""
    found = links(session, location_id, document, document_id)
    return next((each for each in found if each.tenant_id == tenant_id), None)


def pushes_after(session: Session, location_id: int, parent: Place, document: Document) -> Sequence[Push]:
    """The pushes of such documents that follow this one."""
    shelf = of(session, location_id)
    if shelf is not None and parent in shelf.complete:
        held = (push for push in shelf.pushes.values() if push.document == document)
        return [push for push in held if (push.parent_document, push.parent_id) == parent]
    after = (Push.parent_document == parent[0], Push.parent_id == parent[1])
    mine = (Push.location_id == location_id, Push.document == document, *after)
    return session.scalars(select(Push).where(*mine)).all()


def refunds(session: Session, invoice: Invoice) -> Sequence[Refund]:
    """All that was given back of an invoice, oldest first."""
    shelf = of(session, invoice.location_id)
    if shelf is not None and (Document.INVOICE, invoice.id) in shelf.complete:
        return shelf.refunds.get(invoice.id, ())
    return session.scalars(select(Refund).where(Refund.invoice_id == invoice.id).order_by(Refund.id)).all()


def add(session: Session, row: Told) -> None:
    """Add a new document and give it its id: from the shelf's supply, or by writing it at once."""
    session.add(row)
    shelf = of(session, row.location_id)
    if shelf is None:
        session.flush()
        return
    number(session, row.location_id, row)
    if isinstance(row, Invoice):
        shelf.invoices[row.hoop_id] = row
        shelf.complete.add((Document.INVOICE, row.id))
    elif isinstance(row, Contact):
        shelf.contacts[row.hoop_id] = row
        shelf.complete.add((Document.CONTACT, row.id))
    elif isinstance(row, Payment):
        shelf.complete.add((Document.PAYMENT, row.id))
    else:
        shelf.refunds[row.invoice_id].append(row)
        shelf.complete |= {(Document.CREDIT_NOTE, row.id), (Document.REFUND, row.id)}


def carry(session: Session, push: Push) -> None:
    """Add a new push; with a shelf it is found there, and written with all others when the shelf is put away."""
    shelf = of(session, push.location_id)
    if shelf is None:
        session.add(push)
        return
    number(session, push.location_id, push)
    shelf.pushes[push.document, push.document_id, push.operation] = push
    shelf.fresh.append(push)


def number(session: Session, location_id: int, *rows: Numbered) -> None:
    """Give new rows their ids from the shelf's supply, so that they can be written many at a time."""
    shelf = of(session, location_id)
    if shelf is None:
        return
    for row in rows:
        supply = shelf.ids[type(row)]
        if not supply:
            supply.extend(reversed(_supply(session, shelf, type(row))))
        row.id = supply.pop()


def _alike(push: Push) -> tuple[str, str]:
    """Rows with the same columns stand together, as each kind is a statement of its own."""
    return push.document, push.state


def settle(session: Session, location_id: int) -> None:
    """Write what has changed, unless a shelf is laid out: then it is written with everything else at the end."""
    if of(session, location_id) is None:
        session.flush()


def _supply(session: Session, shelf: Shelf, kind: type[Numbered]) -> Sequence[int]:
    """Ids that no row has: from PostgreSQL's own sequence; on SQLite the next ones, as it has one writer at a time."""
    many = _many(shelf, kind)
    with session.no_autoflush:
        if session.get_bind().dialect.name == "postgresql":
            sequence = "SELECT nextval(pg_get_serial_sequence(:kind, 'id')) FROM generate_series(1, :many)"
            return session.scalars(text(sequence), {"kind": kind.__tablename__, "many": many}).all()
        first = 1 + max(session.scalar(select(func.max(kind.id))) or 0, shelf.last.get(kind, 0))
    shelf.last[kind] = first + many - 1
    return range(first, first + many)


def _many(shelf: Shelf, kind: type[Numbered]) -> int:
    """How many new ones are likely."""
    invoices, contacts = len(shelf.invoices), len(shelf.contacts)
    likely = {Line: 2 * invoices, Payment: invoices, Push: 2 * invoices + contacts}
    known = shelf.contacts if kind is Contact else shelf.invoices
    return max(1, likely.get(kind, sum(row is None for row in known.values())))


def _fetch(session: Session, shelf: Shelf, invoices: Collection[str], contacts: Collection[str]) -> None:
    everything = (selectinload(Invoice.lines), selectinload(Invoice.payments), selectinload(Invoice.contact))
    found = _named(session, Invoice, shelf, invoices, *everything)
    people = _named(session, Contact, shelf, contacts)
    shelf.rows[Ending] = dict.fromkeys(invoices) | {
        each.hoop_id: each for each in _named(session, Ending, shelf, invoices)
    }
    shelf.invoices = dict.fromkeys(invoices) | {each.hoop_id: each for each in found}
    shelf.contacts = dict.fromkeys(contacts) | {each.hoop_id: each for each in people}
    people = [*people, *(each.contact for each in found if each.contact)]
    given = _refunds(session, shelf, [each.id for each in found])
    ids = {
        Document.INVOICE: {each.id for each in found},
        Document.CONTACT: {each.id for each in people},
        Document.PAYMENT: {payment.id for each in found for payment in each.payments},
        Document.CREDIT_NOTE: {each.id for each in given},
        Document.REFUND: {each.id for each in given},
    }
    for document, wanted in ids.items():
        if wanted:
            _fetch_pushes(session, shelf, document, wanted)


def _named(
    session: Session, kind: type[Any], shelf: Shelf, hoop_ids: Collection[str], *options: Any
) -> list[Any]:
    wanted = select(kind).where(kind.location_id == shelf.location_id, kind.hoop_id.in_(hoop_ids))
    return list(session.scalars(wanted.options(*options))) if hoop_ids else []


def _refunds(session: Session, shelf: Shelf, invoice_ids: Collection[int]) -> list[Refund]:
    wanted: Select[Refund] = select(Refund).where(Refund.invoice_id.in_(invoice_ids)).order_by(Refund.id)
    found = list(session.scalars(wanted)) if invoice_ids else []
    for each in found:
        shelf.refunds[each.invoice_id].append(each)
    return found


def _fetch_pushes(session: Session, shelf: Shelf, document: Document, ids: Collection[int]) -> None:
    shelf.complete |= {(document, each) for each in ids}
    for push in session.scalars(_about(Push, shelf.location_id, document, ids)):
        shelf.pushes[document, push.document_id, push.operation] = push
    for held in session.scalars(_about(Link, shelf.location_id, document, ids)):
        shelf.links[document, held.document_id].append(held)


def _about(kind: type[Any], location_id: int, document: Document, ids: Collection[int]) -> Select[Any]:
    mine = (kind.location_id == location_id, kind.document == document, kind.document_id.in_(ids))
    return select(kind).where(*mine)
