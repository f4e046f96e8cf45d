"""The mapping's health: what a person should mend before invoices fail of it, and what depends on it."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import CompoundSelect, select, union_all
from sqlalchemy.orm import Session

from portal.extensions import db
from portal.models import (
    Connection,
    Document,
    Invoice,
    InvoiceStatus,
    Line,
    MappingKind,
    Operation,
    Push,
    PushState,
)
from portal.services import mapping_history, mappings, outbox, tracking
from portal.services.following import TOO_EARLY
from portal.services.mapping_book import DEFAULT_ACCOUNT, MappingBook, Target, percent_key

TRACKING = MappingKind.TRACKING
ENDED = (InvoiceStatus.VOID, InvoiceStatus.DELETE)


@dataclass(frozen=True, slots=True)
class Alarm:
    """One chosen account or tax rate that can no longer be used: what happened and what depends on it.

    `names` are the categories, taxes or methods mapped to it, `drafts` and `invoices` those that Xero does not
    hold yet.
    """

    label: str
    what: str
    names: list[str]
    categories: int
    drafts: int
    invoices: int

    @property
    def sentence(self) -> str:
        """What is wrong, in one sentence."""
        return f"{self.label} {self.what}."

    @property
    def depends(self) -> str:
        """How much depends on it."""
        named = ", ".join(self.names[:3]) + (
            f" and {len(self.names) - 3} more" if len(self.names) > 3 else ""
        )
        counts = [(self.drafts, "draft"), (self.invoices, "open invoice")]
        told = [f"{count:,} {word}{'' if count == 1 else 's'}" for count, word in counts if count]
        many = (
            f"{self.categories:,} categor{'y' if self.categories == 1 else 'ies'}" if self.categories else ""
        )
        of_it = " and ".join(filter(None, [many, *told])) or "Nothing that waits"
        verb = "depends" if of_it.startswith("Nothing") or (not told and self.categories == 1) else "depend"
        return f"{of_it} {verb} on it: {named}." if named else f"{of_it} {verb} on it."


def alarms(
    location_id: int, book: MappingBook | None = None, categories: Mapping[str, str] | None = None
) -> list[Alarm]:
    """What is wrong with the chosen accounts, tax rates and tracking options, as we know Xero's books.

    `book` and the names of `categories` are handed in where they were read already.
    """
    session = db.session()
    book = book or mappings.book(location_id)
    broken = _broken(book)
    if not broken:
        return []
    targets = [each for many in broken.values() for each in many]
    names = mapping_history.names_of(session, location_id, targets, categories)
    open_lines = _open_lines(session, location_id, book)
    found = [_warning(value, targets, book, names, open_lines) for value, targets in broken.items()]
    return sorted(found, key=lambda each: (-each.drafts - each.invoices, -each.categories, each.label))


def what_of(book: MappingBook, account_id: str, kind: MappingKind) -> str | None:
    """What is wrong with an account that is chosen for revenue, payments or rounding differences, or None."""
    account = book.accounts.get(account_id)
    if account is None or account.status == "DELETED":
        return "is no longer in Xero"
    if not account.active:
        return "was archived in Xero"
    if book.fits(kind, account):
        return None
    return f"no longer takes {'payments' if kind == MappingKind.PAYMENT else 'invoice lines'} in Xero"


def _broken(book: MappingBook) -> dict[tuple[str, str], list[Target]]:
    """The unusable ones (value and what is wrong) with the targets that are mapped to each."""
    found: dict[tuple[str, str], list[Target]] = {}
    known: dict[tuple[MappingKind, str], str | None] = {}
    for (kind, key), value in book.chosen.items():
        if kind == MappingKind.TAX:
            what = _wrong_rate(book, key, value)
        elif (kind, value) in known:
            what = known[kind, value]
        else:
            what = _wrong_option(book, value) if kind == TRACKING else what_of(book, value, kind)
            known[kind, value] = what
        if what:
            found.setdefault((value, what), []).append((kind, key))
    return found


def _wrong_rate(book: MappingBook, key: str, value: str) -> str | None:
    rate = book.rates.get(value)
    if rate is None or not rate.usable:
        return "can no longer be used on sales in Xero"
    differs = rate.rate != _percent(book, key, rate.rate)
    return f"is {rate.rate.normalize():f} % in Xero now" if differs else None


def _wrong_option(book: MappingBook, value: str) -> str | None:
    option = book.options.get(value)
    if value == tracking.NO_OPTION or (option is not None and option.usable):
        return None
    archived = option is not None and option.standing == "ARCHIVED"
    return "was archived in Xero" if archived else "is no longer in Xero"


def _percent(book: MappingBook, key: str, otherwise: object) -> object:
    if key in book.percents:
        return book.percents[key]
    return next((each for each in book.percents.values() if percent_key(each) == key), otherwise)


def _warning(
    of: tuple[str, str],
    targets: list[Target],
    book: MappingBook,
    names: dict[Target, str],
    open_lines: "list[_OpenLine]",
) -> Alarm:
    value, what = of
    kind = targets[0][0]
    known = value in book.accounts or value in book.rates or value in book.options
    mine = [line for line in open_lines if value in line.needs]
    followers = {line.category for line in mine if line.by_default}
    categories = {key for each, key in targets if each == MappingKind.CATEGORY}
    categories |= {line.category for line in mine} if kind == TRACKING else followers
    return Alarm(
        label=book.label(kind, value) if known else f"A chosen {'option' if kind == TRACKING else 'account'}",
        what=what,
        names=sorted(names[target] for target in targets),
        categories=len(categories),
        drafts=len({line.invoice_id for line in mine if line.draft}),
        invoices=len({line.invoice_id for line in mine if not line.draft}),
    )


@dataclass(frozen=True, slots=True)
class _OpenLine:
    invoice_id: int
    draft: bool
    category: str
    by_default: bool
    needs: frozenset[str]


def _open_lines(session: Session, location_id: int, book: MappingBook) -> list[_OpenLine]:
    """Lines of invoices that are to go to Xero and are not there, with the accounts and rates they need."""
    rows = session.execute(
        select(Invoice.id, Invoice.status, Line.product_id, Line.category_key, Line.tax_key)
        .join(Line, Line.invoice_id == Invoice.id)
        .join(Connection, Connection.location_id == Invoice.location_id)
        .where(
            Invoice.location_id == location_id,
            Invoice.live_mode.is_(True),
            Invoice.created_at >= Connection.cut_off,
            Invoice.status.not_in(ENDED),
            Invoice.id.in_(_not_there_yet(location_id)),
        )
    )
    known: dict[tuple[str | None, str, str], tuple[bool, frozenset[str]]] = {}
    payments = {value for (kind, _), value in book.chosen.items() if kind == MappingKind.PAYMENT}
    found = []
    for invoice_id, status, product_id, category, tax_key in rows:
        of = product_id, category, tax_key
        by_default, needs = known[of] if of in known else known.setdefault(of, _needs(book, *of))
        needs |= payments
        found.append(_OpenLine(invoice_id, status == InvoiceStatus.DRAFT, category, by_default, needs))
    return found


def _needs(
    book: MappingBook, product_id: str | None, category: str, tax_key: str
) -> tuple[bool, frozenset[str]]:
    """Whether such a line follows the default account, and every account, rate and option that it needs."""
    account = book.chosen_of_line(product_id, category)
    default = book.chosen.get((MappingKind.DEFAULT, DEFAULT_ACCOUNT), "")
    options = book.options_of_line(product_id, category)
    return not account, frozenset({account or default, book.chosen_tax(tax_key), *options})


def _not_there_yet(location_id: int) -> CompoundSelect[int]:
    """The invoices that still are to go: few beside those that went, so they are looked up by their pushes.

    Two questions, since SQLite reads all pushes of the location where one asks for either state.
    """
    creates = select(Push.document_id).where(
        Push.location_id == location_id,
        Push.document == Document.INVOICE,
        Push.operation == Operation.CREATE,
    )
    early = creates.where(Push.state == PushState.SKIPPED, Push.message.in_(TOO_EARLY.values()))
    return union_all(creates.where(Push.state.in_((*outbox.OPEN, PushState.SENDING))), early)
