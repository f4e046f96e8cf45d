"""Differences of rounding: foretold before anything is sent, balanced by a labelled line where that is switched on.

Xero rounds each line by itself (`amounts`), so its total may be some cents off HoopAI's. With a rounding account
mapped a line of exactly the missing cents goes there, without tax; never more than a cent for each line of the
invoice, since more is no matter of rounding.
"""

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_DOWN, Decimal
from typing import Any

from portal.models import Failure, Invoice, LedgerAccount
from portal.services.amounts import CENT
from portal.services.mapping_book import MappingBook
from portal.services.preflight import Blocked
from portal.xero import payloads

NAME = "Rounding difference"


def balance(book: MappingBook, difference: Decimal) -> Decimal:
    """What a rounding line adds for this difference (Xero's total less HoopAI's): whole cents, 0 where none is due."""
    if book.rounding_account is None:
        return Decimal(0)
    return -difference.quantize(CENT, ROUND_HALF_DOWN)


def line(book: MappingBook, amount: Decimal) -> payloads.LineOut:
    """The rounding line over this amount. Raises Blocked when the account chosen for it cannot be used any more."""
    account = book.rounding_account
    rate = book.rounding_tax(account) if account else None
    if account is None or rate is None or not account.takes_rounding:
        raise _unusable(account)
    return payloads.LineOut(
        description=NAME, quantity=Decimal(1), unit_amount=amount, account_code=account.code, tax_type=rate.tax_type
    )  # fmt: skip


def told(invoice: Invoice, amount: Decimal) -> str | None:
    """What the invoice's history says of its rounding line."""
    if not amount:
        return None
    return f"A rounding line of {amount:.2f} makes Xero's total HoopAI's {invoice.total:.2f}."


def is_one(row: Mapping[str, Any]) -> bool:
    """Whether a line as Xero gives it is one of our rounding lines."""
    few = abs(Decimal(str(row.get("UnitAmount") or 0))) < 1
    return row.get("Description") == NAME and few and Decimal(str(row.get("Quantity") or 0)) == 1


def without(rows: Sequence[dict[str, Any]], lines: int) -> list[dict[str, Any]]:
    """Xero's lines less a rounding line at their end, where there is one more of them than `lines`."""
    ours = len(rows) == lines + 1 and is_one(rows[-1])
    return list(rows[:-1] if ours else rows)


def _unusable(account: LedgerAccount | None) -> Blocked:
    label = account.label if account else "chosen"
    return Blocked(
        Failure.MAPPING,
        f"account:{account.account_id}" if account else "account:",
        f"Account {label}, chosen for rounding differences, cannot take them any more. Choose another account.",
    )
