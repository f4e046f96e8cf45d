"""Letters that move lines of an invoice in Xero to the account of today's mapping, and change nothing else.

Xero lets the account of a line be changed by its LineItemID, with payments on the invoice as well, but not in a
locked period (developer.xero.com, Invoices, Updating). The invoice is read back right before (`reading_back`);
lines that are not listed would be deleted, so every one is listed.
"""

from decimal import Decimal
from typing import Any

from portal import words
from portal.models import Document, Invoice, LedgerAccount, Line, MappingKind, Push
from portal.services import mapping_history, preflight, rounding, tracking
from portal.services.desk import Desk
from portal.services.letters import LeftOut, Letter, Nothing, NotYet
from portal.services.mapping_book import DEFAULT_ACCOUNT, keys_of

NOT_OURS = "It was in Xero before and was not made by HoopAI."
GONE = "Xero has no such invoice any more."
ENDED = "It was voided or deleted in Xero."
ALTERED = "Its lines were changed in Xero. Choose the accounts there."
KEPT = ("LineItemID", "Description", "Quantity", "UnitAmount", "AccountCode", "TaxType")
DISCOUNTS = ("DiscountRate", "DiscountAmount")
Row = dict[str, Any]


def recode(desk: Desk, push: Push, invoice: Invoice) -> Letter:
    """The letter for one invoice. Raises LeftOut with the reason, Nothing where every line is right, NotYet."""
    link = desk.links[(Document.INVOICE, invoice.id)]
    if not link.ours:
        raise LeftOut(NOT_OURS)
    seen = link.seen
    if not seen or seen["fence"] != desk.connection.fence:
        raise NotYet
    _check(desk, seen)
    codes = _codes(desk, invoice, seen["lines"])
    push.before = link.content
    return Letter(
        push, link.xero_id, _element(link.xero_id, seen, codes), link.sent_hash, link.xero_total,
        holds=_held(link.content, codes),
    )  # fmt: skip


def _check(desk: Desk, seen: Row) -> None:
    if seen["status"] == "GONE":
        raise LeftOut(GONE)
    if seen["status"] in words.ENDED:
        raise LeftOut(ENDED)
    if locked := desk.organisation.lock_of(preflight.day_of(seen.get("date"))):
        raise LeftOut(locked)


def _codes(desk: Desk, invoice: Invoice, rows: list[Row]) -> list[str | None]:
    """The account code of every line as it shall be. Raises LeftOut and Nothing where none changes."""
    others = rows[len(rounding.without(rows, len(invoice.lines))) :]
    rows = rows[: len(rows) - len(others)]
    lines = _paired(invoice.lines, rows)
    wanted = [preflight.account_of(line, desk.book) for line in lines]
    codes: list[str | None] = []
    strange = set()
    for line, row, account in zip(lines, rows, wanted, strict=True):
        here = row.get("AccountCode")
        ours = here in _ours(desk, line, account)
        codes.append(account.code if ours else here)
        strange |= set() if ours else {line.name}
    if codes != [row.get("AccountCode") for row in rows]:
        return [*codes, *(row.get("AccountCode") for row in others)]
    if strange:
        raise LeftOut(
            f"Somebody moved {' and '.join(sorted(strange))} to another account in Xero; left as it is."
        )
    raise Nothing


def _paired(lines: list[Line], rows: list[Row]) -> list[Line]:
    """Our line for each of Xero's, in Xero's order."""
    if len(lines) == len(rows) and all(map(_same, lines, rows)):
        return list(lines)
    left, found = list(lines), []
    for row in rows:
        same = [line for line in left if _same(line, row)]
        if len(same) != 1:
            raise LeftOut(ALTERED)
        found.append(same[0])
        left.remove(same[0])
    if left:
        raise LeftOut(ALTERED)
    return found


def _same(line: Line, row: Row) -> bool:
    described = (line.description or line.name)[:4000].strip() == str(row.get("Description") or "").strip()
    return described and line.quantity == Decimal(str(row.get("Quantity") or 0))


def _ours(desk: Desk, line: Line, account: LedgerAccount) -> set[str | None]:
    """The codes of the accounts that the mapping has ever given this line."""
    if desk.ever is None:
        desk.ever = mapping_history.ever_chosen(
            desk.session, desk.connection.location_id, desk.connection.tenant_id
        )
    targets = [(MappingKind.CATEGORY, key) for key in keys_of(line.product_id, line.category_key)]
    targets.append((MappingKind.DEFAULT, DEFAULT_ACCOUNT))
    ids = {each for target in targets for each in desk.ever.get(target, ())}
    return {account.code} | {desk.book.accounts[each].code for each in ids if each in desk.book.accounts}


def _element(invoice_id: str, seen: Row, codes: list[str | None]) -> Row:
    """What Xero is told: with payments on it only what may change, else each line as it was read."""
    rows = [{**row, "AccountCode": code} for row, code in zip(seen["lines"], codes, strict=True)]
    if Decimal(str(seen["paid"])) or Decimal(str(seen["credited"])):
        said = ("LineItemID", "Description", "AccountCode")
        lines = [{name: row[name] for name in said} | tracking.kept(row) for row in rows]
        return {"InvoiceID": invoice_id, "LineItems": lines}
    lines = [
        {name: row[name] for name in KEPT if name in row}
        | tracking.kept(row)
        | {name: row[name] for name in DISCOUNTS if row.get(name)}
        for row in rows
    ]
    amounts = {"LineAmountTypes": seen["amounts"]} if seen.get("amounts") else {}
    return {"InvoiceID": invoice_id, **amounts, "LineItems": lines}


def _held(content: Row | None, codes: list[str | None]) -> Row | None:
    lines = (content or {}).get("LineItems") or []
    if content is None or len(lines) != len(codes):
        return content
    return {
        **content,
        "LineItems": [{**line, "AccountCode": code} for line, code in zip(lines, codes, strict=True)],
    }
