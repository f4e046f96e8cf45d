"""Money received and given back, as the transactions of help.hoopai.com/payments/transactions."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.hoopai.books import TRANSACTIONS, Books, Refused, hex_id
from sandbox.store import Document

MANUAL = ("cash", "cheque", "bank_transfer", "other")
GATEWAYS = ("stripe", "paypal", "square", "nmi", "authorize-net", "razorpay", "adyen")
METHODS = ("card", "paypal", "direct_debit", *MANUAL)


def new_transaction(books: Books, invoice: Document, amount: Decimal, method: str, **facts: Any) -> Document:
    """A transaction of the invoice, put into the books; `facts`: `provider`, `status` (default succeeded),
    `notes`.

    How the real API marks manual payments is not documented; we say `paymentProviderType: manual` and the
    mode of the record-payment call under `paymentMethod`.
    """
    if method not in METHODS:
        raise Refused(f"{method!r} is not a way to pay; choose one of {', '.join(METHODS)}.", 422)
    now, contact, status = books.stamp(), invoice["contactDetails"], facts.get("status") or "succeeded"
    number = books.count_up("charge")
    transaction = {
        "_id": hex_id(), "altId": invoice["altId"], "altType": "location", "contactId": contact["id"],
        "contactName": contact["name"], "contactEmail": contact["email"], "currency": invoice["currency"],
        "amount": amount, "status": status, "liveMode": invoice["liveMode"], "entityType": "invoice",
        "entityId": invoice["_id"], "entitySourceType": "invoice", "entitySourceId": invoice["_id"],
        "entitySourceName": invoice["name"], "entitySourceMeta": {"invoiceNumber": invoice["invoiceNumber"]},
        "amountRefunded": Decimal(0), "createdAt": now, "updatedAt": now,
        "fulfilledAt": now if status == "succeeded" else None,
        **_paid_with(method, facts.get("provider"), number),
    }  # fmt: skip
    if facts.get("notes"):
        transaction["entitySourceMeta"]["notes"] = facts["notes"]
    books.store.put(TRANSACTIONS, transaction["_id"], transaction)
    return transaction


def of_invoice(books: Books, invoice_id: str) -> list[Document]:
    """The invoice's transactions, oldest first; copies."""
    keys = [row["_id"] for row in books.store.view(TRANSACTIONS) if row["entityId"] == invoice_id]
    return [row for key in keys if (row := books.store.get(TRANSACTIONS, key))]


def settle(books: Books, transaction: Document, status: str) -> None:
    """Let a pending transaction become `succeeded` or `failed`."""
    transaction |= {"status": status, "updatedAt": books.stamp(transaction["updatedAt"])}
    if status == "succeeded":
        transaction["fulfilledAt"] = transaction["updatedAt"]
    books.store.put(TRANSACTIONS, transaction["_id"], transaction)


def pending(books: Books, invoice_id: str) -> Document:
    """The transaction under way for an invoice; Refused when there is none."""
    for transaction in of_invoice(books, invoice_id):
        if transaction["status"] == "pending":
            return transaction
    raise Refused("No payment of this invoice is being processed.")


def refund(books: Books, transaction: Document, amount: Decimal | None) -> Decimal:
    """Give back `amount` (None: all that is left) of a transaction; answers what was given, or Refused."""
    if transaction["status"] not in ("succeeded", "partially_refunded"):
        raise Refused(f"A payment that is {transaction['status']} can't be refunded.")
    left = transaction["amount"] - transaction["amountRefunded"]
    given = left if amount is None else amount
    if not 0 < given <= left:
        raise Refused(f"A refund must be more than 0 and at most {left}.")
    transaction["amountRefunded"] += given
    transaction["status"] = "refunded" if given == left else "partially_refunded"
    transaction["updatedAt"] = books.stamp(transaction["updatedAt"])
    books.store.put(TRANSACTIONS, transaction["_id"], transaction)
    return given


def refundable(books: Books, invoice_id: str, transaction_id: str | None) -> Document:
    """The transaction to refund: the named one, else the invoice's latest with something left."""
    for transaction in reversed(of_invoice(books, invoice_id)):
        if transaction_id in (None, transaction["_id"]) and (
            transaction_id or transaction["status"] in ("succeeded", "partially_refunded")
        ):
            return transaction
    raise Refused("There is no payment of this invoice to refund.")


def _paid_with(method: str, provider: str | None, number: int) -> dict[str, Any]:
    if method in MANUAL and provider in (None, "", "manual"):
        return {"paymentProviderType": "manual", "paymentMethod": {"mode": method}}
    provider = provider or ("paypal" if method == "paypal" else "stripe")
    ways: dict[str, dict[str, Any]] = {
        "card": {"card": {"brand": "visa", "last4": "4242"}},
        "direct_debit": {"au_becs_debit": {"last4": "3456"}},
        "paypal": {"paypal": {}},
    }
    charge = {"stripe": "ch_", "paypal": "PAYID-"}.get(provider, "txn_") + f"{number:06d}"
    return {
        "paymentProviderType": provider, "paymentMethod": ways.get(method, {"mode": method}),
        "chargeId": charge,
        "chargeSnapshot": {"id": charge, "object": "charge"},
        "paymentProviderConnectedAccount": f"acct_{provider}_sandbox",
    }  # fmt: skip
