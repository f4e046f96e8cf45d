"""Lists as files: CSV that streams, says the same as the page, and that no spreadsheet takes for formulas."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TypeVar

from flask import Response, stream_with_context

from portal import tables
from portal.filters import amount
from portal.models import Location
from portal.services import activity, invoices, payments, roster
from portal.words import DOCUMENTS, IN_HOOPAI, IN_XERO, OPERATIONS, STAGES

Item = TypeVar("Item")
Cell = str | int | Decimal | date | datetime | None


def of_activity(location: Location, rows: Iterable[activity.Row]) -> Response:
    """Sync activity."""
    heads = (
        "changed at", "document", "operation", "invoice", "HoopAI id", "customer", "state", "message", "amount",
        "currency", "tries", "next try at", "Xero",
    )  # fmt: skip

    def row(each: activity.Row) -> Sequence[Cell]:
        push, invoice = each.push, each.invoice
        return (
            push.updated_at, DOCUMENTS[push.document], OPERATIONS[push.operation],
            invoice.number_sent if invoice else None, invoice.hoop_id if invoice else None, each.who, each.look.word,
            each.why, money(push.amount, push.currency), push.currency, push.tries, push.next_try_at, each.xero_url,
        )  # fmt: skip

    return _file(f"sync-activity-{location.hoop_id}", heads, rows, row)


def of_invoices(location: Location, rows: Iterable[invoices.Row]) -> Response:
    """Invoices."""
    heads = (
        "number", "HoopAI id", "customer", "e-mail", "issued", "due", "currency", "total", "paid", "in HoopAI",
        "to Xero", "message", "in Xero", "Xero id", "Xero total", "Xero",
    )  # fmt: skip

    def row(each: invoices.Row) -> Sequence[Cell]:
        invoice, link, contact = each.invoice, each.link, each.invoice.contact
        return (
            invoice.number, invoice.hoop_id, contact.display_name if contact else None,
            contact.email if contact else None, invoice.issue_date, invoice.due_date, invoice.currency,
            money(invoice.total, invoice.currency), money(invoice.amount_paid, invoice.currency),
            IN_HOOPAI.get(invoice.status), each.look.word, each.why,
            IN_XERO.get(link.xero_status or "") if link else None, link.xero_id if link else None,
            money(link.xero_total, invoice.currency) if link else None, each.url,
        )  # fmt: skip

    return _file(f"invoices-{location.hoop_id}", heads, rows, row)


def of_payments(location: Location, rows: Iterable[payments.Row]) -> Response:
    """Payments."""
    heads = (
        "received", "invoice", "HoopAI id of the invoice", "customer", "amount", "currency", "method", "to Xero",
        "message", "Xero id", "Xero",
    )  # fmt: skip

    def row(each: payments.Row) -> Sequence[Cell]:
        payment, invoice = each.payment, each.payment.invoice
        return (
            payment.paid_on, invoice.number, invoice.hoop_id, invoice.contact.display_name if invoice.contact else None,
            money(payment.amount, invoice.currency), invoice.currency, each.method, each.look.word, each.why,
            each.link.xero_id if each.link else None, each.invoice_url,
        )  # fmt: skip

    return _file(f"payments-{location.hoop_id}", heads, rows, row)


def of_locations(rows: Iterable[roster.Row]) -> Response:
    """The overview."""
    heads = (
        "location", "HoopAI id", "Xero", "organisation", "since", "on their way", "need you", "oldest problem since",
        "sent today", "calls left today", "Xero last answered",
    )  # fmt: skip

    def row(each: roster.Row) -> Sequence[Cell]:
        stands, link = each.standing, each.standing.connection
        return (
            stands.location.name, stands.location.hoop_id, STAGES[stands.stage].word, link.name if link else None,
            link.since if link else None, stands.on_its_way, stands.needs_you, stands.oldest, each.sent_today,
            each.calls_left, link.last_success_at if link else None,
        )  # fmt: skip

    return _file("locations", heads, rows, row)


def _file(
    name: str, heads: Sequence[str], items: Iterable[Item], row: Callable[[Item], Sequence[Cell]]
) -> Response:
    """A CSV of these items that a browser saves; written while it is read, so that no list is too long."""
    answer = Response(stream_with_context(_lines(heads, items, row)), content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return answer


def money(value: Decimal | None, currency: str | None) -> str | None:
    """An amount with its currency's decimals and nothing else, as a spreadsheet counts with it."""
    return None if value is None else amount(value, currency or "").replace(",", "").replace("−", "-")


def _lines(
    heads: Sequence[str], items: Iterable[Item], row: Callable[[Item], Sequence[Cell]]
) -> Iterator[str]:
    yield "\ufeff" + tables.line(heads)
    for item in items:
        yield tables.line([_text(cell) for cell in row(item)])


def _text(cell: Cell) -> str:
    """A cell as text; one that a spreadsheet would take for a formula is kept from it."""
    if isinstance(cell, datetime):
        return cell.isoformat(timespec="seconds")
    return "" if cell is None else tables.safe(str(cell))
