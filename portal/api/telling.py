"""Rows into shapes."""

from typing import Any

from portal.api import shapes
from portal.config import settings
from portal.filters import plain_amount as amount
from portal.models import Link, Push
from portal.services import activity, feeds, saying
from portal.words import Look


def sync(push: Push | None, look: Look) -> shapes.SyncShape:
    """How a document stands; its message is what the pages say of it."""
    if push is None:
        return shapes.SyncShape(state=shapes.Standing.NONE, kind=None, message=None, next_try_at=None)
    return shapes.SyncShape(
        state=shapes.Standing(str(push.state)), kind=push.failure, message=saying.sentence(push, look),
        next_try_at=push.next_try_at,
    )  # fmt: skip


def invoice(row: feeds.InvoiceRow) -> shapes.InvoiceShape:
    """An invoice of a list."""
    return shapes.InvoiceShape(**_invoice(row))


def whole_invoice(row: feeds.InvoiceRow) -> shapes.WholeInvoiceShape:
    """One invoice with everything that belongs to it."""
    currency = row.invoice.currency
    return shapes.WholeInvoiceShape(
        **_invoice(row),
        payments=[shapes.PaymentShape(**_payment(each, currency)) for each in row.payments],
        pushes=[_invoice_push(*each) for each in row.pushes],
    )


def payment(row: feeds.PaymentRow) -> shapes.ListedPaymentShape:
    """A payment of the list."""
    of = row.payment.invoice
    return shapes.ListedPaymentShape(
        **_payment(row, of.currency), currency=of.currency,
        invoice=shapes.InvoiceNameShape(hoop_id=of.hoop_id, number=of.number),
    )  # fmt: skip


def push(row: activity.Row) -> shapes.PushShape:
    """A push of the list."""
    one = row.push
    money = amount(one.amount, one.currency) if one.amount is not None and one.currency else None
    return shapes.PushShape(
        id=one.id, document=str(one.document), operation=str(one.operation), state=one.state, kind=one.failure,
        cause=one.cause, message=saying.sentence(one, row.look), tries=one.tries, next_try_at=one.next_try_at,
        amount=money, currency=one.currency, what=row.what, who=row.who, invoice_hoop_id=row.invoice_hoop_id,
        created_at=one.created_at, updated_at=one.updated_at,
    )  # fmt: skip


def address(path: str) -> str:
    """The whole address of a page of the portal."""
    return settings().base_url + path


def _invoice(row: feeds.InvoiceRow) -> dict[str, Any]:
    one, currency = row.invoice, row.invoice.currency
    contact = one.contact and shapes.ContactShape(
        hoop_id=one.contact.hoop_id, name=one.contact.display_name,
        xero_id=row.contact_link.xero_id if row.contact_link else None,
    )  # fmt: skip
    return {
        "hoop_id": one.hoop_id, "number": one.number, "status": one.status, "currency": currency,
        "total": amount(one.total, currency), "tax": amount(row.tax, currency),
        "paid": amount(one.amount_paid, currency), "contact": contact,
        "xero": _in_xero(row.link, row.url, currency), "sync": sync(row.push, row.look),
    }  # fmt: skip


def _in_xero(link: Link | None, url: str | None, currency: str) -> shapes.XeroShape | None:
    if link is None:
        return None
    total = None if link.xero_total is None else amount(link.xero_total, currency)
    return shapes.XeroShape(
        id=link.xero_id, number=link.xero_number, status=link.xero_status, total=total, url=url
    )


def _payment(row: feeds.PaymentRow, currency: str) -> dict[str, Any]:
    one = row.payment
    return {
        "id": one.id, "amount": amount(one.amount, currency), "date": one.paid_on, "method": one.method,
        "xero_id": row.link.xero_id if row.link else None, "sync": sync(row.push, row.look),
    }  # fmt: skip


def _invoice_push(one: Push, look: Look) -> shapes.InvoicePushShape:
    attempts = [
        shapes.AttemptShape(
            at=each.at, status=each.http_status, duration_ms=each.duration_ms,
            idempotency_key=each.idempotency_key, correlation_id=each.correlation_id,
        )
        for each in one.attempts
    ]  # fmt: skip
    return shapes.InvoicePushShape(
        id=one.id, document=str(one.document), operation=str(one.operation), state=one.state, kind=one.failure,
        message=saying.sentence(one, look), tries=one.tries, attempts=attempts,
    )  # fmt: skip
