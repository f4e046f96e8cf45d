"""What HoopAI says about money that moved (HighLevel API docs, Payments, Transactions)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from portal.hoopai import reading


@dataclass(frozen=True)
class TransactionSaid:
    """One payment, and how much of it went back. Amounts in major units.

    `invoice_id` is set when the thing paid is one of HoopAI's invoices. `method` is the gateway's name in lower
    case, "manual" or "manual:" and the way of paying that was recorded by hand (cash, cheque, card, bank_transfer,
    other), or "other". `charged_at` is when the money moved.
    """

    hoop_id: str
    invoice_id: str | None
    status: str
    amount: Decimal
    amount_refunded: Decimal
    currency: str
    live_mode: bool
    method: str
    contact_id: str | None
    charged_at: datetime | None
    created_at: datetime | None
    updated_at: datetime | None

    @property
    def succeeded(self) -> bool:
        """Whether money came in, even if some or all of it went back later."""
        return self.status in ("succeeded", "refunded", "partially_refunded")

    @property
    def failed(self) -> bool:
        """Whether no money came in, or what came was taken back by the bank."""
        return self.status in ("failed", "voided", "cancelled", "canceled", "disputed_lost")


def said(payload: dict[str, Any]) -> TransactionSaid:
    """Read one transaction; `reading.BadValue` for what is missing or makes no sense."""
    hoop_id = reading.text(payload, "_id")
    if hoop_id is None:
        raise reading.BadValue("_id", "is missing")
    created = reading.moment(payload, "createdAt")
    return TransactionSaid(
        hoop_id=hoop_id,
        invoice_id=_invoice_id(payload),
        status=(reading.text(payload, "status") or "").lower().replace(" ", "_"),
        amount=reading.amount(payload, "amount"),
        amount_refunded=reading.amount(payload, "amountRefunded", default=Decimal(0)),
        currency=(reading.text(payload, "currency") or "").upper(),
        live_mode=reading.flag(payload, "liveMode") is not False,
        method=_method(payload),
        contact_id=reading.text(payload, "contactId"),
        charged_at=reading.moment(payload, "fulfilledAt") or created,
        created_at=created,
        updated_at=reading.moment(payload, "updatedAt"),
    )


def _invoice_id(payload: dict[str, Any]) -> str | None:
    if (reading.text(payload, "entityType") or "").lower() == "invoice":
        return reading.text(payload, "entityId")
    if (reading.text(payload, "entitySourceType") or "").lower() == "invoice":
        return reading.text(payload, "entitySourceId")
    return None


def _method(payload: dict[str, Any]) -> str:
    provider = (reading.text(payload, "paymentProviderType") or "").lower()
    source = (reading.text(payload, "entitySourceType") or "").lower()
    if "manual" not in (provider, source):
        return provider[:30] or "other"
    mode = reading.record(payload, "paymentMethod").get("mode")
    return f"manual:{mode.strip().lower()}"[:30] if isinstance(mode, str) and mode.strip() else "manual"
