"""What Xero would refuse, found before any call is made. Nothing here asks Xero or changes a row."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from portal import clock
from portal.models import Failure, Invoice, LedgerAccount, Line, TaxRate, TrackingOption
from portal.services import reckoning
from portal.services.mappings import MappingBook
from portal.services.preferences import LockPolicy, Preferences

CENT = Decimal("0.01")
APPROVALS_USED = "approvals_used"
WRONG_TOTAL = "invoice:total"


class Blocked(Exception):
    """It cannot go to Xero as things stand. `cause` names what one act mends; the text is for the admin."""

    def __init__(self, failure: Failure, cause: str, sentence: str) -> None:
        super().__init__(sentence)
        self.failure = failure
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Organisation:
    """What matters of the connected organisation; empty currencies mean that they are not known."""

    name: str
    currencies: frozenset[str]
    locked_to: date | None
    lock_policy: LockPolicy = LockPolicy.STOP
    approvals_used: bool = False
    drafts_at_limit: bool = False
    base_currency: str = ""

    @classmethod
    def of(cls, facts: Mapping[str, object], wishes: Preferences | None = None) -> "Organisation":
        """From the facts kept on the connection, and what the location wishes to be done about them."""
        wished = wishes or Preferences()
        listed = facts.get("currencies")
        locks = [facts.get("period_lock_date"), facts.get("end_of_year_lock_date")]
        dates = [date.fromisoformat(str(lock)[:10]) for lock in locks if lock]
        return cls(
            name=str(facts.get("name") or "Xero"),
            currencies=frozenset(map(str, listed)) if isinstance(listed, list) else frozenset(),
            locked_to=max(dates, default=None),
            lock_policy=wished.lock_policy,
            approvals_used=facts.get(APPROVALS_USED) == this_month(),
            drafts_at_limit=wished.drafts_at_limit,
            base_currency=str(facts.get("base_currency") or ""),
        )

    def open_day(self, day: date) -> date:
        """The day itself, or the first one after the locked period."""
        if self.locked_to is None or day > self.locked_to:
            return day
        return self.locked_to + timedelta(days=1)

    def lock_of(self, day: date | None) -> str | None:
        """Why nothing of this day can be changed, or None."""
        if day is None or self.locked_to is None or day > self.locked_to:
            return None
        return f"Dated {day:%-d %B %Y}; the books are locked up to {self.locked_to:%-d %B %Y}."


def check_invoice(invoice: Invoice, organisation: Organisation) -> None:
    """Raise Blocked when the invoice as a whole cannot go."""
    if not invoice.number.strip():
        raise Blocked(Failure.REFUSED, "invoice:number", "The invoice has no number in HoopAI.")
    if invoice.contact is None or not invoice.contact.display_name.strip():
        raise Blocked(Failure.REFUSED, "invoice:contact", "The invoice names no customer in HoopAI.")
    if not invoice.lines:
        raise Blocked(Failure.REFUSED, "invoice:lines", "The invoice has no lines in HoopAI.")
    if organisation.currencies and invoice.currency not in organisation.currencies:
        raise Blocked(
            Failure.REFUSED,
            f"currency:{invoice.currency}",
            f"{organisation.name} does not use {invoice.currency}. Add the currency in Xero, then retry.",
        )
    if organisation.lock_policy == LockPolicy.STOP:
        check_day(invoice.issue_date, organisation, f"Invoice {invoice.number}")


def check_approvals(organisation: Organisation) -> None:
    """Raise Blocked when the month's approvals of the Xero plan are used up and nobody chose drafts instead."""
    if organisation.approvals_used and not organisation.drafts_at_limit:
        raise Blocked(
            Failure.REFUSED,
            f"approvals:{this_month()}",
            f"The plan of {organisation.name} approves no more invoices this month. Change the plan in Xero, or have "
            "them sent as drafts.",
        )


def money_day(day: date, organisation: Organisation, what: str) -> date:
    """The day on which money is recorded. Raises Blocked in a locked period where the location wants to be asked."""
    if organisation.lock_policy == LockPolicy.STOP:
        check_day(day, organisation, what)
    return organisation.open_day(day)


def moved(day: date, to: date, organisation: Organisation) -> str | None:
    """What the invoice's history says of a day that was moved out of a locked period."""
    if day == to:
        return None
    return f"Dated {to:%-d %B %Y} in Xero instead of {day:%-d %B %Y}: the books of {organisation.name} are locked."


def this_month() -> str:
    """The month of today, as it is kept: `2026-11`."""
    return f"{clock.now():%Y-%m}"


def check_day(day: date | None, organisation: Organisation, what: str) -> None:
    """Raise Blocked when the day lies in a period that is locked in Xero."""
    if day and organisation.locked_to and day <= organisation.locked_to:
        raise Blocked(
            Failure.REFUSED,
            "lock",
            f"{what} is dated {day:%-d %B %Y}, and the books of {organisation.name} are locked up to "
            f"{organisation.locked_to:%-d %B %Y}. Move the lock date in Xero, then retry.",
        )


def day_of(text: object) -> date | None:
    """The calendar day in an ISO text, if there is one."""
    return date.fromisoformat(str(text)[:10]) if text else None


def account_of(line: Line, book: MappingBook) -> LedgerAccount:
    """The revenue account of a line. Raises Blocked when none is chosen or the chosen one cannot be used."""
    account = book.account_of_line(line.product_id, line.category_key)
    if account is None:
        raise Blocked(
            Failure.MAPPING, f"category:{line.category_key}", f"No account is chosen for {line.name}."
        )
    if not account.takes_lines:
        raise Blocked(
            Failure.MAPPING,
            f"account:{account.account_id}",
            f"Account {account.label}, chosen for {line.name}, {_unusable(account)}. Choose another account.",
        )
    return account


def tax_of(line: Line, book: MappingBook) -> TaxRate:
    """The Xero tax rate of a line. Raises Blocked when none is chosen, it is gone or its percentage differs."""
    rate = book.tax_for(line.tax_key)
    cause = f"tax:{line.tax_key}"
    if rate is None:
        name = " + ".join(str(tax["name"]) for tax in line.taxes) or "lines without tax"
        raise Blocked(Failure.MAPPING, cause, f"No Xero tax rate is chosen for {name}.")
    if not rate.usable:
        raise Blocked(
            Failure.MAPPING,
            cause,
            f"Tax rate {rate.name} can no longer be used on sales in Xero. Choose another.",
        )
    if rate.rate != reckoning.tax_percent(line):
        raise Blocked(
            Failure.MAPPING,
            cause,
            f"HoopAI charges {reckoning.tax_percent(line):f} % on {line.name}, but {rate.name} in Xero is "
            f"{rate.rate:f} %.",
        )
    account = book.account_of_line(line.product_id, line.category_key)
    if account is not None and not rate.fits(account):
        raise Blocked(
            Failure.MAPPING,
            cause,
            f"Xero does not allow tax rate {rate.name} on account {account.label}, chosen for {line.name}. Choose "
            "another rate or account.",
        )
    return rate


def options_of(line: Line, book: MappingBook) -> list[TrackingOption]:
    """The tracking options of a line. Raises Blocked when a chosen one can no longer be used."""
    found = []
    for option_id in book.options_of_line(line.product_id, line.category_key):
        option = book.options.get(option_id)
        if option is None or not option.usable:
            raise Blocked(
                Failure.MAPPING,
                f"tracking:{option_id}",
                f"Tracking option {option.label if option else 'chosen'}, for {line.name}, was archived or deleted in "
                "Xero. Choose another option, or none.",
            )
        found.append(option)
    return found


def payment_account(book: MappingBook, method: str) -> LedgerAccount:
    """Where money received goes. Raises Blocked when no account is chosen or it takes no payments."""
    account = book.payment_account_for(method)
    if account is None:
        raise Blocked(Failure.MAPPING, f"payment:{method}", "No account is chosen for payments received.")
    if not account.takes_payments:
        raise Blocked(
            Failure.MAPPING,
            f"account:{account.account_id}",
            f"Payments account {account.label} is no bank account and does not take payments, or was archived "
            "in Xero. Choose another account.",
        )
    return account


def check_overpayment(invoice: Invoice, account: LedgerAccount, organisation: Organisation) -> None:
    """Raise Blocked where Xero keeps no overpayment: only on a bank account, in that account's own currency."""
    if account.type != "BANK":
        reason = f"Xero keeps overpayments on bank accounts only, and {account.label} is none."
    elif (account.currency or organisation.base_currency or invoice.currency) != invoice.currency:
        reason = f"{account.label} is not kept in {invoice.currency}, so Xero takes no overpayment in it."
    else:
        return
    raise Blocked(Failure.MAPPING, f"account:{account.account_id}", f"{reason} Choose another account.")


def check_total(invoice: Invoice, difference: Decimal) -> None:
    """Raise Blocked when Xero would make a total that rounding cannot explain."""
    if abs(difference) <= CENT * len(invoice.lines):
        return
    ways = reckoning.readings(invoice)
    makes = f"{ways[0].total:.2f}"
    if len(ways) > 1:
        inclusive = next(way for way in ways if way.amounts == "Inclusive")
        exclusive = next(way for way in ways if way is not inclusive)
        makes = f"{exclusive.total:.2f}, or {inclusive.total:.2f} if its prices include tax"
    why = (
        "A fee, tip or charge may be in it without a line: say here what it is, or correct the invoice in HoopAI."
        if any(way.total < invoice.total for way in ways)
        else "Something was taken off without a line; correct the invoice in HoopAI."
    )
    raise Blocked(
        Failure.REFUSED,
        WRONG_TOTAL,
        f"HoopAI's total is {invoice.total:.2f}, but its lines make {makes}. {why}",
    )


def _unusable(account: LedgerAccount) -> str:
    if not account.active:
        return "was archived or deleted in Xero"
    return "cannot take invoice lines"
