"""The shapes in which an event leaves: what is told of an invoice, and what is wrapped around it."""

from __future__ import annotations

from typing import Any

from sandbox.hoopai.jsontext import text_of
from sandbox.hoopai.seed import COMPANY

ENVELOPES = {
    "flat": "HoopAI, flat: type and locationId beside the fields",
    "body": "HoopAI guide: type, locationId and the invoice under body",
    "data": "HighLevel guide: type, timestamp, webhookId and the invoice under data",
    "sdk": "HighLevel SDK: flat with appId, companyId, timestamp, webhookId",
    "bare": "HighLevel event pages: the invoice alone",
}
_REDUCED = {
    "InvoiceUpdate": ("businessDetails", "contactDetails"),
    "InvoiceVoid": ("businessDetails", "contactDetails", "discount", "invoiceItems"),
    "InvoiceDelete": ("businessDetails", "contactDetails", "discount", "invoiceItems"),
}
_FIELDS = (
    "_id", "status", "liveMode", "amountPaid", "altId", "altType", "name", "businessDetails", "invoiceNumber",
    "currency", "contactDetails", "issueDate", "dueDate", "discount", "invoiceItems", "total", "title",
    "amountDue",
    "createdAt", "updatedAt", "totalSummary",
)  # fmt: skip
_APP = {
    "appId": "66dd00aa11bb22cc33dd4401",
    "versionId": "66dd00aa11bb22cc33dd4402",
    "installType": "Location",
}


def told(invoice: dict[str, Any], *, tells_inclusive: bool = False) -> dict[str, Any]:
    """The invoice as events carry it (the HighLevel event pages): address as text, no tax in the summary, and
    no word on inclusive prices unless `tells_inclusive` (whether real events say so is not documented).
    """
    event = {name: invoice[name] for name in _FIELDS if name in invoice}
    business = dict(event["businessDetails"])
    address = business["address"]
    business["address"] = ", ".join(
        filter(None, (address["addressLine1"], f"{address['city']} {address['state']}"))
    )
    event["businessDetails"] = {**business, "customValues": []}
    event["invoiceItems"] = [_told_line(line, tells_inclusive) for line in invoice["invoiceItems"]]
    event["totalSummary"] = {name: invoice["totalSummary"][name] for name in ("subTotal", "discount")}
    return event


def wrapped(event: dict[str, Any], envelope: str) -> str:
    """The body to send, as compact JSON text.

    `event`: `type`, `location_id`, `webhook_id`, `at` and `payload`. HoopAI's own forms leave out of Update,
    Void and Delete what HoopAI's field lists leave out; HighLevel's carry the whole invoice always.
    """
    kind, location, payload = event["type"], event["location_id"], event["payload"]
    if envelope in ("flat", "body"):
        payload = {name: value for name, value in payload.items() if name not in _REDUCED.get(kind, ())}
    sent = {"timestamp": event["at"], "webhookId": event["webhook_id"]}
    bodies: dict[str, dict[str, Any]] = {
        "flat": {"type": kind, "locationId": location, **payload},
        "body": {"type": kind, "locationId": location, "body": payload},
        "data": {"type": kind, **sent, "data": payload},
        "sdk": {"type": kind, **_APP, "locationId": location, "companyId": COMPANY, **sent, **payload},
        "bare": payload,
    }
    return text_of(bodies[envelope])


def _told_line(line: dict[str, Any], tells_inclusive: bool) -> dict[str, Any]:
    names = ("taxes", "_id", "productId", "priceId", "currency", "name", "qty", "amount")
    said = {name: line[name] for name in names if name in line}
    if tells_inclusive:
        said["taxInclusive"] = line["taxInclusive"]
        said["taxes"] = [{**tax, "calculation": _calculation(line)} for tax in line["taxes"]]
    return said


def _calculation(line: dict[str, Any]) -> str:
    return "inclusive" if line["taxInclusive"] else "exclusive"
